import type { Clock, Logger, Random, Scheduler } from '@millrace/engine/spi'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApiCall } from '../wire/api-service.ts'
import type { WireValue } from '../wire/json-codec.ts'
import type { RequestFields } from '../wire/request-fields.ts'
import type { Shard } from './shard.ts'
import type { Stream } from './stream.ts'
import type { ConsumerMetadata } from './stream-metadata.ts'
import type { StreamRegistry } from './stream-registry.ts'
import type { SubscriptionTable } from './subscription-table.ts'

/** Chances between 0 and 1 that a healthy call misbehaves as AWS may at any time. */
export interface Faults {
  /** GetRecords answers no records although there are some. */
  readonly emptyGetRecords?: number
  /** GetRecords and single entries of PutRecords are throttled. */
  readonly throttle?: number
}

export interface KinesisSettings {
  readonly region: string
  readonly accountId: string
  readonly throttling: boolean
  /** How long a new stream is CREATING, and a new consumer. */
  readonly streamActivationDelayMs: number
  readonly consumerActivationDelayMs: number
  /** A subscription ends after this; AWS: 5 minutes. */
  readonly subscriptionLifeMs: number
  readonly faults: Faults
}

/** What the operations share. */
export interface KinesisContext {
  readonly settings: KinesisSettings
  readonly registry: StreamRegistry
  readonly subscriptions: SubscriptionTable
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
}

/** Returned by an operation that answers with an event stream. */
export const eventStreamOpened = Symbol('event stream opened')

/** One API operation: reads its fields, answers with a structure or with nothing. It throws `ApiError`s. */
export type Operation = (
  fields: RequestFields,
  context: KinesisContext,
  call: ApiCall,
) => Promise<WireValue | typeof eventStreamOpened>

const streamNameRule = { minLength: 1, maxLength: 128, pattern: /^[a-zA-Z0-9_.-]+$/ }
const arnPattern = /^arn:[^:]+:kinesis:([^:]*):([^:]*):stream\/([a-zA-Z0-9_.-]{1,128})(?:\/consumer\/(.+):(\d+))?$/

/** The name in StreamName or StreamARN; the ARN wins. */
export function streamNameOf(fields: RequestFields, context: KinesisContext): string {
  const arn = fields.optionalString('StreamARN', { maxLength: 2048 })
  if (arn !== undefined) return parseArn(arn, context).streamName
  const name = fields.optionalString('StreamName', streamNameRule)
  if (name === undefined) throw invalidArgument('Either StreamName or StreamARN must be given.')
  return name
}

/** The stream that a request names. Errors: ResourceNotFoundException. */
export function streamOf(fields: RequestFields, context: KinesisContext): Stream {
  return existingStream(streamNameOf(fields, context), context)
}

/** As `streamOf`, for reading and writing records. Errors: ResourceInUseException while it is being created. */
export function usableStreamOf(fields: RequestFields, context: KinesisContext): Stream {
  return usable(streamOf(fields, context), context)
}

function usable(stream: Stream, context: KinesisContext): Stream {
  const status = streamStatus(stream, context)
  if (status === 'ACTIVE') return stream
  throw new ApiError('ResourceInUseException', `Stream ${stream.name} is ${status}.`)
}

export function existingStream(name: string, context: KinesisContext): Stream {
  const stream = context.registry.get(name)
  if (stream !== undefined) return stream
  const { accountId } = context.settings
  throw new ApiError('ResourceNotFoundException', `Stream ${name} under account ${accountId} not found.`)
}

export type StreamStatus = 'CREATING' | 'ACTIVE' | 'DELETING'

export function streamStatus(stream: Stream, context: KinesisContext): StreamStatus {
  if (stream.isDeleting) return 'DELETING'
  return context.clock.monotonicMs() < stream.activeAtMs ? 'CREATING' : 'ACTIVE'
}

/** The shard that `ShardId` names. Errors: ResourceNotFoundException. */
export function shardOf(fields: RequestFields, stream: Stream, context: KinesisContext): Shard {
  const id = fields.string('ShardId', { minLength: 1, maxLength: 128, pattern: /^[a-zA-Z0-9_.-]+$/ })
  const shard = stream.shardById(id)
  if (shard !== undefined) return shard
  const { accountId } = context.settings
  const where = `in stream ${stream.name} under account ${accountId}`
  throw new ApiError('ResourceNotFoundException', `Shard ${id} ${where} does not exist`)
}

export function streamArn(name: string, context: KinesisContext): string {
  const { region, accountId } = context.settings
  return `arn:aws:kinesis:${region}:${accountId}:stream/${name}`
}

export function consumerArn(stream: Stream, consumer: ConsumerMetadata, context: KinesisContext): string {
  const second = Math.floor(consumer.createdMs / 1000)
  return `${streamArn(stream.name, context)}/consumer/${consumer.name}:${second}`
}

/** The stream and consumer that `ConsumerARN` names. Errors: ResourceNotFoundException. */
export function consumerByArn(arn: string, context: KinesisContext): { stream: Stream; consumer: ConsumerMetadata } {
  const { streamName, consumerName } = parseArn(arn, context)
  if (consumerName === undefined) throw invalidArgument(`${arn} is not the ARN of a consumer.`)
  const stream = existingStream(streamName, context)
  const consumer = stream.metadata.consumers.find((one) => one.name === consumerName)
  if (consumer !== undefined && consumerArn(stream, consumer, context) === arn) return { stream, consumer }
  throw new ApiError('ResourceNotFoundException', `Consumer ${arn} not found.`)
}

/** The ARN that ConsumerARN, or stream and ConsumerName, stand for; of a consumer that isn't there one that fits it. */
export function consumerArnOf(fields: RequestFields, context: KinesisContext): string {
  const arn = fields.optionalString('ConsumerARN', { minLength: 1, maxLength: 2048 })
  if (arn !== undefined) return arn
  const name = fields.optionalString('ConsumerName', { maxLength: 128 }) ?? ''
  const streamName = streamNameOf(fields, context)
  const stream = context.registry.get(streamName)
  const consumer = stream?.metadata.consumers.find((one) => one.name === name)
  if (stream !== undefined && consumer !== undefined) return consumerArn(stream, consumer, context)
  return `${streamArn(streamName, context)}/consumer/${name}:0`
}

function parseArn(arn: string, context: KinesisContext): { streamName: string; consumerName: string | undefined } {
  const { region, accountId } = context.settings
  const [, arnRegion, arnAccount, streamName, consumerName] = arnPattern.exec(arn) ?? []
  if (streamName === undefined) throw invalidArgument(`${arn} is not the ARN of a Kinesis stream or consumer.`)
  if (arnRegion === region && arnAccount === accountId) return { streamName, consumerName }
  throw new ApiError('ResourceNotFoundException', `${arn} is not in region ${region} under account ${accountId}.`)
}

/** The way to say that a quota of a shard is used up. */
export function throughputExceeded(stream: Stream, shard: Shard, context: KinesisContext): ApiError {
  const where = `shard ${shard.id} in stream ${stream.name} under account ${context.settings.accountId}`
  return new ApiError('ProvisionedThroughputExceededException', `Rate exceeded for ${where}.`)
}
