import type { ShardPosition, StartPosition } from './splits.ts'

/** The calls of Kinesis Data Streams that the source makes. Failures are those of the SDK: errors named as the service names them. */
export interface KinesisApi {
  describeStream(): Promise<StreamDescription>
  /** One page of the shard listing: shards after `afterShardId`, or those a start at `from` needs, or all unexpired ones. */
  listShards(request: ListShardsRequest): Promise<ShardPage>
  /** An iterator for `getRecords`. It expires after five minutes. */
  getShardIterator(shardId: string, position: ShardPosition, signal: AbortSignal): Promise<string>
  getRecords(iterator: string, limit: number, signal: AbortSignal): Promise<RecordsPage>
  registerConsumer(streamArn: string, name: string): Promise<ConsumerDescription>
  describeConsumer(streamArn: string, name: string): Promise<ConsumerDescription>
  deregisterConsumer(consumerArn: string): Promise<void>
  /** Opens a subscription; resolves with its first answer. The signal ends it. */
  subscribe(
    consumerArn: string,
    shardId: string,
    position: ShardPosition,
    signal: AbortSignal,
  ): Promise<AsyncIterator<SubscriptionEvent>>
  /** Closes every connection. */
  close(): void
}

/** One data record, in the SDK's shape so that none is made a second time. */
export interface KinesisServiceRecord {
  readonly Data: Uint8Array
  readonly PartitionKey: string
  readonly SequenceNumber: string
  readonly ApproximateArrivalTimestamp: Date
}

export interface StreamDescription {
  readonly streamArn: string
  readonly status: string
  readonly retentionHours: number
  /** The server's time (epoch ms, whole seconds): the `Date` header of this answer. */
  readonly serverTimeMs: number
}

export interface ListShardsRequest {
  readonly afterShardId?: string
  readonly from?: StartPosition
  readonly nextToken?: string
}

export interface ShardDescription {
  readonly shardId: string
  readonly parentShardIds: readonly string[]
  readonly startingHashKey: string
  readonly endingHashKey: string
}

export interface ShardPage {
  readonly shards: readonly ShardDescription[]
  readonly nextToken: string | undefined
}

export interface RecordsPage {
  readonly records: readonly KinesisServiceRecord[]
  /** Undefined at the end of a closed shard. */
  readonly nextIterator: string | undefined
  readonly millisBehindLatest: number
  readonly childShardIds: readonly string[]
}

export interface ConsumerDescription {
  readonly consumerArn: string
  /** CREATING, ACTIVE or DELETING. */
  readonly status: string
}

export interface SubscriptionEvent {
  readonly records: readonly KinesisServiceRecord[]
  /** Where to subscribe again. Undefined at the end of a closed shard. */
  readonly continuation: string | undefined
  readonly millisBehindLatest: number
  readonly childShardIds: readonly string[]
}
