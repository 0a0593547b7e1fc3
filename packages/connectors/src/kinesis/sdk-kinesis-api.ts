import type { _Record, KinesisClient } from '@aws-sdk/client-kinesis'
import { EngineError } from '@millrace/engine/spi'
import type { AwsOptions } from '../aws/aws-options.ts'
import type {
  ConsumerDescription,
  KinesisApi,
  KinesisServiceRecord,
  ListShardsRequest,
  RecordsPage,
  ShardPage,
  StreamDescription,
  SubscriptionEvent,
} from './kinesis-api.ts'
import type { ShardPosition } from './splits.ts'

type Sdk = typeof import('@aws-sdk/client-kinesis')
type Configs = typeof import('../aws/client-config.ts')

/**
 * Kinesis through the AWS SDK. The SDK is loaded and its clients are made at the first call: one for calls that answer
 * at once, one for subscriptions where they are used.
 */
export class SdkKinesisApi implements KinesisApi {
  readonly #stream: { readonly StreamName: string } | { readonly StreamARN: string }
  readonly #arn: string | undefined
  readonly #options: AwsOptions
  #loading: Promise<[Sdk, Configs]> | undefined
  #unary: KinesisClient | undefined
  #streaming: KinesisClient | undefined
  #closed = false

  constructor(stream: { readonly name: string; readonly arn: string | undefined }, options: AwsOptions) {
    this.#stream = stream.arn === undefined ? { StreamName: stream.name } : { StreamARN: stream.arn }
    this.#arn = stream.arn
    this.#options = options
  }

  async describeStream(): Promise<StreamDescription> {
    const { sdk, client } = await this.#forCalls()
    const command = new sdk.DescribeStreamSummaryCommand(this.#stream)
    let serverTimeMs = Number.NaN
    command.middlewareStack.add(
      (next) => async (input) => {
        const result = await next(input)
        const { headers } = result.response as { headers?: Record<string, string> }
        serverTimeMs = Date.parse(headers?.['date'] ?? '')
        return result
      },
      { step: 'deserialize', name: 'serverTime' },
    )
    const { StreamDescriptionSummary: summary } = await client.send(command)
    return {
      streamArn: required(summary?.StreamARN, 'DescribeStreamSummary', 'StreamARN'),
      status: required(summary?.StreamStatus, 'DescribeStreamSummary', 'StreamStatus'),
      retentionHours: summary?.RetentionPeriodHours ?? 24,
      serverTimeMs,
    }
  }

  async listShards({ afterShardId, from, nextToken }: ListShardsRequest): Promise<ShardPage> {
    const { sdk, client } = await this.#forCalls()
    // The service refuses a token together with any other member but the ARN.
    const request =
      nextToken !== undefined
        ? { NextToken: nextToken }
        : { ...this.#stream, ShardFilter: shardFilter({ afterShardId, from }) }
    const answer = await client.send(new sdk.ListShardsCommand(request))
    return {
      shards: (answer.Shards ?? []).map((shard) => ({
        shardId: required(shard.ShardId, 'ListShards', 'ShardId'),
        parentShardIds: [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined),
        startingHashKey: required(shard.HashKeyRange?.StartingHashKey, 'ListShards', 'StartingHashKey'),
        endingHashKey: required(shard.HashKeyRange?.EndingHashKey, 'ListShards', 'EndingHashKey'),
      })),
      nextToken: answer.NextToken,
    }
  }

  async getShardIterator(shardId: string, position: ShardPosition, abortSignal: AbortSignal): Promise<string> {
    const { sdk, client } = await this.#forCalls()
    const command = new sdk.GetShardIteratorCommand({
      ...this.#stream,
      ShardId: shardId,
      ShardIteratorType: position.type,
      StartingSequenceNumber: position.type === 'AFTER_SEQUENCE_NUMBER' ? position.sequenceNumber : undefined,
      Timestamp: position.type === 'AT_TIMESTAMP' ? new Date(position.timestampMs) : undefined,
    })
    const answer = await client.send(command, { abortSignal })
    return required(answer.ShardIterator, 'GetShardIterator', 'ShardIterator')
  }

  async getRecords(iterator: string, limit: number, abortSignal: AbortSignal): Promise<RecordsPage> {
    const { sdk, client } = await this.#forCalls()
    const command = new sdk.GetRecordsCommand({ ShardIterator: iterator, Limit: limit, ...this.#arnOnly() })
    const answer = await client.send(command, { abortSignal })
    return {
      records: serviceRecords(answer.Records),
      nextIterator: answer.NextShardIterator || undefined,
      millisBehindLatest: answer.MillisBehindLatest ?? 0,
      childShardIds: childIds(answer.ChildShards),
    }
  }

  async registerConsumer(streamArn: string, name: string): Promise<ConsumerDescription> {
    const { sdk, client } = await this.#forCalls()
    const command = new sdk.RegisterStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: name })
    const { Consumer: consumer } = await client.send(command)
    return {
      consumerArn: required(consumer?.ConsumerARN, 'RegisterStreamConsumer', 'ConsumerARN'),
      status: required(consumer?.ConsumerStatus, 'RegisterStreamConsumer', 'ConsumerStatus'),
    }
  }

  async describeConsumer(streamArn: string, name: string): Promise<ConsumerDescription> {
    const { sdk, client } = await this.#forCalls()
    const command = new sdk.DescribeStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: name })
    const { ConsumerDescription: consumer } = await client.send(command)
    return {
      consumerArn: required(consumer?.ConsumerARN, 'DescribeStreamConsumer', 'ConsumerARN'),
      status: required(consumer?.ConsumerStatus, 'DescribeStreamConsumer', 'ConsumerStatus'),
    }
  }

  async deregisterConsumer(consumerArn: string): Promise<void> {
    const { sdk, client } = await this.#forCalls()
    await client.send(new sdk.DeregisterStreamConsumerCommand({ ConsumerARN: consumerArn }))
  }

  async subscribe(
    consumerArn: string,
    shardId: string,
    position: ShardPosition,
    abortSignal: AbortSignal,
  ): Promise<AsyncIterator<SubscriptionEvent>> {
    const { sdk, client } = await this.#forSubscriptions()
    const command = new sdk.SubscribeToShardCommand({
      ConsumerARN: consumerArn,
      ShardId: shardId,
      StartingPosition: {
        Type: position.type,
        SequenceNumber: position.type === 'AFTER_SEQUENCE_NUMBER' ? position.sequenceNumber : undefined,
        Timestamp: position.type === 'AT_TIMESTAMP' ? new Date(position.timestampMs) : undefined,
      },
    })
    const { EventStream: stream } = await client.send(command, { abortSignal })
    return subscriptionEvents(required(stream, 'SubscribeToShard', 'EventStream'))
  }

  close(): void {
    this.#closed = true
    this.#unary?.destroy()
    this.#streaming?.destroy()
  }

  #arnOnly(): { StreamARN: string } | undefined {
    return this.#arn === undefined ? undefined : { StreamARN: this.#arn }
  }

  async #forCalls(): Promise<{ sdk: Sdk; client: KinesisClient }> {
    const [sdk, { unaryClientConfig }] = await this.#load()
    this.#unary ??= new sdk.KinesisClient(unaryClientConfig('KINESIS', this.#options, this.#arn))
    return { sdk, client: this.#unary }
  }

  async #forSubscriptions(): Promise<{ sdk: Sdk; client: KinesisClient }> {
    const [sdk, { eventStreamClientConfig }] = await this.#load()
    this.#streaming ??= new sdk.KinesisClient(eventStreamClientConfig('KINESIS', this.#options, this.#arn))
    return { sdk, client: this.#streaming }
  }

  async #load(): Promise<[Sdk, Configs]> {
    this.#loading ??= Promise.all([import('@aws-sdk/client-kinesis'), import('../aws/client-config.ts')])
    const loaded = await this.#loading
    if (this.#closed) {
      throw new EngineError('KINESIS_CLIENT_CLOSED', { kind: 'unavailable', message: 'The Kinesis client is closed.' })
    }
    return loaded
  }
}

function shardFilter({ afterShardId, from }: Pick<ListShardsRequest, 'afterShardId' | 'from'>) {
  if (afterShardId !== undefined) return { Type: 'AFTER_SHARD_ID' as const, ShardId: afterShardId }
  if (from?.type === 'AT_TIMESTAMP') return { Type: 'FROM_TIMESTAMP' as const, Timestamp: new Date(from.timestampMs) }
  return undefined
}

async function* subscriptionEvents(
  stream: AsyncIterable<{ SubscribeToShardEvent?: SdkSubscriptionEvent | undefined }>,
): AsyncGenerator<SubscriptionEvent> {
  for await (const { SubscribeToShardEvent: event } of stream) {
    // Events of a kind this SDK doesn't know carry no records.
    if (event === undefined) continue
    yield {
      records: serviceRecords(event.Records),
      continuation: event.ContinuationSequenceNumber || undefined,
      millisBehindLatest: event.MillisBehindLatest ?? 0,
      childShardIds: childIds(event.ChildShards),
    }
  }
}

interface SdkSubscriptionEvent {
  readonly Records: _Record[] | undefined
  readonly ContinuationSequenceNumber: string | undefined
  readonly MillisBehindLatest: number | undefined
  readonly ChildShards?: { readonly ShardId: string | undefined }[] | undefined
}

/** The members are required in the service's model; the SDK's types allow for their absence everywhere. */
function serviceRecords(records: readonly _Record[] | undefined): readonly KinesisServiceRecord[] {
  return (records ?? []) as readonly KinesisServiceRecord[]
}

function childIds(children: readonly { readonly ShardId: string | undefined }[] | undefined): string[] {
  return (children ?? []).map((child) => child.ShardId).filter((id) => id !== undefined)
}

function required<V>(value: V | undefined, operation: string, member: string): V {
  if (value !== undefined) return value
  throw new EngineError('KINESIS_ANSWER_INCOMPLETE', {
    kind: 'unavailable',
    message: `The endpoint's answer to ${operation} has no ${member}.`,
    hint: 'Check that the endpoint speaks the Kinesis Data Streams API.',
  })
}
