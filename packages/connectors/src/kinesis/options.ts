import { type Decoder, EngineError, type MalformedPolicy } from '@millrace/engine/spi'
import { type AwsOptions, awsOptionChecks, parseArn } from '../aws/aws-options.ts'
import { checkOptions, flag, type OptionChecks, oneOf, optional, text, whole } from '../aws/check-options.ts'

/** Options of the Kinesis source. Exactly one of `stream` and `streamArn` is given. */
export interface KinesisOptions<T> {
  /** The stream's name. */
  readonly stream?: string
  /** The stream's ARN; needed for a stream of another account. */
  readonly streamArn?: string
  /** How a record's data becomes a value. */
  readonly format: Decoder<T>
  /** What the operator is called. Default: `Kinesis <stream>`. */
  readonly name?: string
  /**
   * `polling` (default): GetRecords, five calls a second and shard shared by all readers of the stream.
   * `fan-out`: SubscribeToShard, a registered consumer with throughput of its own, records pushed in milliseconds.
   */
  readonly readerType?: 'polling' | 'fan-out'
  /** Where a first start begins (default `LATEST`, to the second). A restart goes on where its checkpoint was. */
  readonly initialPosition?: 'LATEST' | 'TRIM_HORIZON' | { readonly atTimestampMs: number }
  /** The fan-out consumer's name. Default: `millrace-<application>-<operator>`. */
  readonly consumerName?: string
  /**
   * `job-managed` (default): the source registers the consumer when it isn't there and deregisters it when the job ends.
   * `self-managed`: the consumer named `consumerName` exists and stays.
   */
  readonly consumerLifecycle?: 'job-managed' | 'self-managed'
  /** What to do with a record the format can't read. Default `fail`. */
  readonly onMalformed?: MalformedPolicy
  /** How AWS is reached. */
  readonly aws?: AwsOptions
  /**
   * Time between two looks for new shards. Default 60 s. A shard that ends tells its children, which are looked for at once,
   * and it is they that a stream grows by: this finds earlier what waits for its parents.
   */
  readonly shardDiscoveryIntervalMs?: number
  /** Most records a GetRecords call asks for, 1 … 10,000 (default). */
  readonly maxRecordsPerFetch?: number
  /** Fail a restore from a position that is older than the stream's retention, instead of counting `possibleDataLoss`. Default false. */
  readonly failOnDataLoss?: boolean
  /** Take apart records that the Kinesis Producer Library packed into one. Default true. */
  readonly deaggregate?: boolean
  /**
   * Drop a packed record any of whose parts belongs to another shard: after a reshard the Kinesis Producer Library sends
   * those again. Default true; switch it off for packers that don't.
   */
  readonly hashRangeCheck?: boolean
  /** Fail the job when a call has done nothing but fail for this long. Default 5 min. */
  readonly unavailableAfterMs?: number
  /** Longest wait for a subscription's first answer. Default 60 s. */
  readonly subscriptionTimeoutMs?: number
}

/** The options, checked and complete. */
export interface KinesisSettings<T> {
  readonly stream: { readonly name: string; readonly arn: string | undefined }
  readonly format: Decoder<T>
  readonly name: string
  readonly readerType: 'polling' | 'fan-out'
  readonly initialPosition: 'LATEST' | 'TRIM_HORIZON' | { readonly atTimestampMs: number }
  readonly consumerName: string | undefined
  readonly consumerLifecycle: 'job-managed' | 'self-managed'
  readonly onMalformed: MalformedPolicy
  readonly aws: AwsOptions
  readonly shardDiscoveryIntervalMs: number
  readonly maxRecordsPerFetch: number
  readonly failOnDataLoss: boolean
  readonly deaggregate: boolean
  readonly hashRangeCheck: boolean
  readonly unavailableAfterMs: number
  readonly subscriptionTimeoutMs: number
}

/** Limits of a stream's or consumer's name. Source: Kinesis API reference, CreateStream. */
const resourceName = (value: unknown) =>
  typeof value === 'string' && /^[a-zA-Z0-9_.-]{1,128}$/.test(value)
    ? undefined
    : 'must be 1 to 128 of the characters a-z A-Z 0-9 _ . -'

const checks: OptionChecks<KinesisOptions<unknown>> = {
  stream: optional(resourceName),
  streamArn: optional(text),
  format: (value) =>
    typeof (value as Partial<Decoder<unknown>> | undefined)?.decode === 'function'
      ? undefined
      : 'must be a format, for instance json()',
  name: optional(text),
  readerType: optional(oneOf('polling', 'fan-out')),
  initialPosition: optional((value) =>
    value === 'LATEST' ||
    value === 'TRIM_HORIZON' ||
    Number.isFinite((value as { atTimestampMs?: unknown } | null)?.atTimestampMs)
      ? undefined
      : "must be 'LATEST', 'TRIM_HORIZON' or { atTimestampMs }",
  ),
  consumerName: optional(resourceName),
  consumerLifecycle: optional(oneOf('job-managed', 'self-managed')),
  onMalformed: optional(oneOf('fail', 'skip', 'dead-letter')),
  aws: optional((value) => checkOptions("kinesis source option 'aws'", value, awsOptionChecks)),
  shardDiscoveryIntervalMs: optional(whole(100)),
  maxRecordsPerFetch: optional(whole(1, 10_000)),
  failOnDataLoss: optional(flag),
  deaggregate: optional(flag),
  hashRangeCheck: optional(flag),
  unavailableAfterMs: optional(whole(0)),
  subscriptionTimeoutMs: optional(whole(1)),
}

/** Checks options and fills in what was left out. Throws `OPTION_UNKNOWN`, `OPTION_INVALID`, `AWS_ARN_INVALID`. */
export function kinesisSettings<T>(options: KinesisOptions<T>): KinesisSettings<T> {
  checkOptions<KinesisOptions<unknown>>('kinesis source', options, checks)
  const stream = streamOf(options)
  if (options.consumerLifecycle === 'self-managed' && options.consumerName === undefined) {
    throw invalid("consumerLifecycle 'self-managed' needs the consumer's name in 'consumerName'.")
  }
  return {
    stream,
    format: options.format,
    name: options.name ?? `Kinesis ${stream.name}`,
    readerType: options.readerType ?? 'polling',
    initialPosition: options.initialPosition ?? 'LATEST',
    consumerName: options.consumerName,
    consumerLifecycle: options.consumerLifecycle ?? 'job-managed',
    onMalformed: options.onMalformed ?? 'fail',
    aws: options.aws ?? {},
    shardDiscoveryIntervalMs: options.shardDiscoveryIntervalMs ?? 60_000,
    maxRecordsPerFetch: options.maxRecordsPerFetch ?? 10_000,
    failOnDataLoss: options.failOnDataLoss ?? false,
    deaggregate: options.deaggregate ?? true,
    hashRangeCheck: options.hashRangeCheck ?? true,
    unavailableAfterMs: options.unavailableAfterMs ?? 300_000,
    subscriptionTimeoutMs: options.subscriptionTimeoutMs ?? 60_000,
  }
}

function streamOf<T>({ stream, streamArn }: KinesisOptions<T>): { name: string; arn: string | undefined } {
  if (streamArn === undefined) {
    if (stream === undefined) throw invalid("give the stream's name in 'stream' or its ARN in 'streamArn'.")
    return { name: stream, arn: undefined }
  }
  if (stream !== undefined) throw invalid("give either 'stream' or 'streamArn', not both.")
  const [kind, name] = parseArn(streamArn).resource.split('/')
  if (kind !== 'stream' || name === undefined || resourceName(name) !== undefined) {
    throw invalid(`'streamArn' must be a stream's ARN (…:stream/<name>), not '${streamArn}'.`)
  }
  return { name, arn: streamArn }
}

function invalid(problem: string): EngineError {
  return new EngineError('OPTION_INVALID', { kind: 'invalid', message: `kinesis source: ${problem}` })
}
