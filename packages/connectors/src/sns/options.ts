import { EngineError } from '@millrace/engine/spi'
import { type AwsOptions, awsOptionChecks, parseArn } from '../aws/aws-options.ts'
import { checkOptions, type OptionCheck, type OptionChecks, oneOf, optional, whole } from '../aws/check-options.ts'

/** What the sink does with a message that SNS can't take because of its size: fail the job, or count and drop it. */
export type OversizedPolicy = 'fail' | 'drop'

/** Options of the `sns` sink. */
export interface SnsOptions<T> {
  /** The topic, e.g. `arn:aws:sns:us-east-1:123456789012:alerts`; one whose name ends in `.fifo` keeps order and removes duplicates. */
  readonly topicArn: string
  /**
   * Identifies the message. Must be the same when the record is processed again after a failure, for instance its
   * position in the source: receivers recognize a repetition by it.
   */
  readonly id: (value: T) => string
  /** The body; unless set the JSON object `{"id": …, "value": …}`. A body of your own should hold the id as well. */
  readonly message?: (value: T, id: string) => string
  /** Subject line of e-mail subscribers, 1 to 100 printable ASCII characters. */
  readonly subject?: (value: T) => string
  /** String attributes beside `id`, for filter policies of subscribers. */
  readonly attributes?: (value: T) => Readonly<Record<string, string>>
  /** What must stay in order; needed by `.fifo` topics and refused by others. */
  readonly groupId?: (value: T) => string
  /** `fail` unless set. */
  readonly onOversized?: OversizedPolicy
  /** Requests under way at a time, 4 unless set. */
  readonly maxInFlight?: number
  /** Messages not yet acknowledged, from which on the subtask pauses; 1,000 unless set. */
  readonly maxBuffered?: number
  /** The job fails when a message couldn't be delivered for so long; 5 minutes unless set. */
  readonly unavailableAfterMs?: number
  readonly aws?: AwsOptions
}

/** `SnsOptions` with every default in its place. */
export interface SnsSettings<T> {
  readonly topicArn: string
  readonly fifo: boolean
  readonly id: (value: T) => string
  readonly message: (value: T, id: string) => string
  readonly subject: ((value: T) => string) | undefined
  readonly attributes: ((value: T) => Readonly<Record<string, string>>) | undefined
  readonly groupId: ((value: T) => string) | undefined
  readonly onOversized: OversizedPolicy
  readonly maxInFlight: number
  readonly maxBuffered: number
  readonly unavailableAfterMs: number
  readonly aws: AwsOptions
}

const fn: OptionCheck = (value) => (typeof value === 'function' ? undefined : 'must be a function')

const checks: OptionChecks<SnsOptions<unknown>> = {
  topicArn: (value) =>
    isTopicArn(value) ? undefined : 'must be the ARN of a topic (arn:aws:sns:<region>:<account>:<name>)',
  id: fn,
  message: optional(fn),
  subject: optional(fn),
  attributes: optional(fn),
  groupId: optional(fn),
  onOversized: optional(oneOf('fail', 'drop')),
  maxInFlight: optional(whole(1, 100)),
  maxBuffered: optional(whole(1, 1_000_000)),
  unavailableAfterMs: optional(whole(0)),
  aws: optional((value, path) => checkOptions(path, value, awsOptionChecks)),
}

function isTopicArn(value: unknown): boolean {
  if (typeof value !== 'string') return false
  const [prefix, , service, , , name, ...more] = value.split(':')
  return prefix === 'arn' && service === 'sns' && /^[\w-]{1,256}(\.fifo)?$/.test(name ?? '') && more.length === 0
}

/** Checks the options and fills in the defaults. Throws `OPTION_UNKNOWN`, `OPTION_INVALID`. */
export function snsSettings<T>(options: SnsOptions<T>): SnsSettings<T> {
  checkOptions('sns sink', options, checks)
  const fifo = parseArn(options.topicArn).resource.endsWith('.fifo')
  if (fifo && options.groupId === undefined) throw invalid("a .fifo topic needs the option 'groupId'")
  if (!fifo && options.groupId !== undefined) throw invalid("option 'groupId' is for topics whose name ends in .fifo")
  return {
    topicArn: options.topicArn,
    fifo,
    id: options.id,
    message: options.message ?? ((value, id) => JSON.stringify({ id, value })),
    subject: options.subject,
    attributes: options.attributes,
    groupId: options.groupId,
    onOversized: options.onOversized ?? 'fail',
    maxInFlight: options.maxInFlight ?? 4,
    maxBuffered: options.maxBuffered ?? 1000,
    unavailableAfterMs: options.unavailableAfterMs ?? 300_000,
    // The SDK writes into the credentials that it is given.
    aws: structuredClone(options.aws ?? {}),
  }
}

function invalid(problem: string): EngineError {
  return new EngineError('OPTION_INVALID', { kind: 'invalid', message: `sns sink: ${problem}.` })
}
