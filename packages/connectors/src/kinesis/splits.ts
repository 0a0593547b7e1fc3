import type { Split } from '@millrace/engine/spi'

/** Where reading a shard goes on. */
export type ShardPosition =
  | { readonly type: 'TRIM_HORIZON' }
  | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }
  | { readonly type: 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string }

/** One shard of the stream, with the position after its last emitted record. */
export interface KinesisSplit extends Split {
  /** The shard's id. */
  readonly id: string
  readonly streamArn: string
  /** None, one (split) or two (merge) shards that must be read to their end before this one. */
  readonly parentShardIds: readonly string[]
  /** First and last hash key of the shard, decimal, 0 … 2^128 − 1. */
  readonly startingHashKey: string
  readonly endingHashKey: string
  readonly position: ShardPosition
  /** All that arrived up to this time (epoch ms) was emitted; null before the first answer. */
  readonly readUpToMs: number | null
  /** Read to its end. Kept until a checkpoint knows that its children are on their way. */
  readonly finished: boolean
}

/** Where a first start begins; LATEST is resolved to the server's time once, so that a restart before the first checkpoint skips nothing. */
export type StartPosition =
  | { readonly type: 'TRIM_HORIZON' }
  | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }

/** The enumerator's state. */
export interface KinesisEnumeratorState {
  readonly version: 1
  /** The stream that was read, or null when the first start hadn't reached it yet. */
  readonly streamArn: string | null
  readonly start: StartPosition | null
  /** Discovery goes on after this shard. */
  readonly lastSeenShardId: string | null
  /** Splits no reader holds: their parents aren't finished, or readers were missing. */
  readonly waiting: readonly KinesisSplit[]
  /** Ids of the unfinished splits that readers hold. */
  readonly assigned: readonly string[]
}

/** What readers tell the enumerator. */
export type ReaderEvent =
  /** The split is read to its end. Answered by `release` when its children are on their way. */
  | { readonly type: 'shard-finished'; readonly shardId: string; readonly childShardIds: readonly string[] }
  /** The service doesn't know the shard, or not the consumer. Answered by `shard-gone` or `read-again`. */
  | { readonly type: 'shard-missing'; readonly shardId: string }

/** What the enumerator tells readers. */
export type EnumeratorEvent =
  /** The fan-out consumer to subscribe with. */
  | { readonly type: 'consumer'; readonly consumerArn: string }
  /** The finished split's children are assigned: it may let go of the watermark. */
  | { readonly type: 'release'; readonly shardId: string }
  /** The shard is past retention: it counts as finished. */
  | { readonly type: 'shard-gone'; readonly shardId: string }
  | { readonly type: 'read-again'; readonly shardId: string }
