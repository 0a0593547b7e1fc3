import type { WireValue } from '../../wire/json-codec.ts'
import { type KinesisContext, type Operation, streamArn, streamOf, streamStatus } from '../kinesis-context.ts'
import type { Shard } from '../shard.ts'
import type { Stream } from '../stream.ts'
import { shardId } from '../stream-metadata.ts'

/** DescribeStream: the stream and a page of its shards. */
export const describeStream: Operation = async (fields, context) => {
  const stream = streamOf(fields, context)
  const limit = fields.optionalInteger('Limit', { min: 1, max: 10_000 }) ?? 100
  const after = fields.optionalString('ExclusiveStartShardId', { minLength: 1, maxLength: 128 }) ?? ''
  const shards = stream.shards.filter((shard) => shard.id > after)
  return {
    StreamDescription: {
      ...describeCommon(stream, context),
      Shards: shards.slice(0, limit).map(describeShard),
      HasMoreShards: shards.length > limit,
    },
  }
}

/** DescribeStreamSummary: the stream without its shards. */
export const describeStreamSummary: Operation = async (fields, context) => {
  const stream = streamOf(fields, context)
  return {
    StreamDescriptionSummary: {
      ...describeCommon(stream, context),
      OpenShardCount: stream.shards.length,
      ConsumerCount: stream.metadata.consumers.length,
      MaxRecordSizeInKiB: stream.metadata.maxRecordBytes / 1024,
    },
  }
}

/** A shard as the API lists it. */
export function describeShard(shard: Shard): { readonly [member: string]: WireValue } {
  const { startHash, endHash, parentNumber, adjacentParentNumber } = shard.metadata
  return {
    ShardId: shard.id,
    ParentShardId: parentNumber === undefined ? undefined : shardId(parentNumber),
    AdjacentParentShardId: adjacentParentNumber === undefined ? undefined : shardId(adjacentParentNumber),
    HashKeyRange: { StartingHashKey: startHash, EndingHashKey: endHash },
    SequenceNumberRange: { StartingSequenceNumber: shard.startingSequenceNumber },
  }
}

/** What every description of a stream has. */
export function describeCommon(stream: Stream, context: KinesisContext): { readonly [member: string]: WireValue } {
  const { name, mode, retentionHours, createdMs } = stream.metadata
  return {
    StreamName: name,
    StreamARN: streamArn(name, context),
    StreamStatus: streamStatus(stream, context),
    StreamModeDetails: { StreamMode: mode },
    RetentionPeriodHours: retentionHours,
    StreamCreationTimestamp: new Date(createdMs),
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
  }
}
