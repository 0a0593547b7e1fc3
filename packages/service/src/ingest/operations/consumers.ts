import { ApiError, invalidArgument } from '../../wire/api-error.ts'
import { exceptionFrame } from '../../wire/event-stream-frame.ts'
import type { WireValue } from '../../wire/json-codec.ts'
import type { RequestFields } from '../../wire/request-fields.ts'
import {
  consumerArn,
  consumerByArn,
  existingStream,
  type KinesisContext,
  type Operation,
  streamArn,
  streamNameOf,
  streamOf,
  usableStreamOf,
} from '../kinesis-context.ts'
import type { Stream } from '../stream.ts'
import type { ConsumerMetadata } from '../stream-metadata.ts'

const maxConsumers = 20
const consumerNameRule = { minLength: 1, maxLength: 128, pattern: /^[a-zA-Z0-9_.-]+$/ }

/** RegisterStreamConsumer: CREATING at first, then ACTIVE. */
export const registerStreamConsumer: Operation = async (fields, context) => {
  const stream = usableStreamOf(fields, context)
  const name = fields.string('ConsumerName', consumerNameRule)
  const { consumers } = stream.metadata
  if (consumers.some((one) => one.name === name)) {
    throw new ApiError('ResourceInUseException', `Consumer ${name} of stream ${stream.name} already exists.`)
  }
  if (consumers.length >= maxConsumers) {
    throw new ApiError('LimitExceededException', `A stream may have ${maxConsumers} consumers.`)
  }
  const consumer = { name, createdMs: context.clock.now() }
  await stream.update((metadata) => ({ ...metadata, consumers: [...metadata.consumers, consumer] }))
  return { Consumer: { ...describeConsumer(stream, consumer, context), ConsumerStatus: 'CREATING' } }
}

/** DescribeStreamConsumer: by ARN, or by stream and name. */
export const describeStreamConsumer: Operation = async (fields, context) => {
  const { stream, consumer } = consumerOf(fields, context)
  const description = describeConsumer(stream, consumer, context)
  return { ConsumerDescription: { ...description, StreamARN: streamArn(stream.name, context) } }
}

/** ListStreamConsumers: a page in the order of registration; NextToken is the last one's name. */
export const listStreamConsumers: Operation = async (fields, context) => {
  const stream = streamOf(fields, context)
  const limit = fields.optionalInteger('MaxResults', { min: 1, max: 10_000 }) ?? 100
  const token = fields.optionalString('NextToken', { minLength: 1, maxLength: 1_048_576 })
  const { consumers } = stream.metadata
  const start = token === undefined ? 0 : consumers.findIndex((one) => one.name === token) + 1
  if (token !== undefined && start === 0) throw invalidArgument('NextToken is not one that was given out.')
  const page = consumers.slice(start, start + limit)
  return {
    Consumers: page.map((consumer) => describeConsumer(stream, consumer, context)),
    NextToken: start + limit < consumers.length ? page.at(-1)?.name : undefined,
  }
}

/** DeregisterStreamConsumer: its subscriptions end. */
export const deregisterStreamConsumer: Operation = async (fields, context) => {
  const { stream, consumer } = consumerOf(fields, context)
  const arn = consumerArn(stream, consumer, context)
  await stream.update((metadata) => ({
    ...metadata,
    consumers: metadata.consumers.filter((one) => one.name !== consumer.name),
  }))
  context.subscriptions.endUnder(arn, exceptionFrame('ResourceNotFoundException', `Consumer ${arn} was deregistered.`))
  return undefined
}

/** Its status follows from its age alone, so nothing has to remember to activate it. */
export function isActive(consumer: ConsumerMetadata, context: KinesisContext): boolean {
  return context.clock.now() - consumer.createdMs >= context.settings.consumerActivationDelayMs
}

function describeConsumer(
  stream: Stream,
  consumer: ConsumerMetadata,
  context: KinesisContext,
): { readonly [member: string]: WireValue } {
  return {
    ConsumerName: consumer.name,
    ConsumerARN: consumerArn(stream, consumer, context),
    ConsumerStatus: isActive(consumer, context) ? 'ACTIVE' : 'CREATING',
    ConsumerCreationTimestamp: new Date(consumer.createdMs),
  }
}

function consumerOf(fields: RequestFields, context: KinesisContext): { stream: Stream; consumer: ConsumerMetadata } {
  const arn = fields.optionalString('ConsumerARN', { minLength: 1, maxLength: 2048 })
  if (arn !== undefined) return consumerByArn(arn, context)
  const name = fields.optionalString('ConsumerName', consumerNameRule)
  if (name === undefined) throw invalidArgument('Either ConsumerARN or StreamARN and ConsumerName must be given.')
  const stream = existingStream(streamNameOf(fields, context), context)
  const consumer = stream.metadata.consumers.find((one) => one.name === name)
  if (consumer !== undefined) return { stream, consumer }
  const where = `${streamArn(stream.name, context)} under account ${context.settings.accountId}`
  throw new ApiError('ResourceNotFoundException', `Consumer ${name} of ${where} not found.`)
}
