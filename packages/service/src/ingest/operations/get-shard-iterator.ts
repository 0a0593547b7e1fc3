import { invalidArgument } from '../../wire/api-error.ts'
import { type Operation, shardOf, throughputExceeded, usableStreamOf } from '../kinesis-context.ts'
import { encodeToken } from '../position-token.ts'
import { positionTypes, resolvePosition } from '../starting-position.ts'

/** GetShardIterator: a token for a place in a shard, good for five minutes. */
export const getShardIterator: Operation = async (fields, context) => {
  const stream = usableStreamOf(fields, context)
  const shard = shardOf(fields, stream, context)
  const type = fields.string('ShardIteratorType', { oneOf: positionTypes })
  const sequenceNumber = fields.optionalString('StartingSequenceNumber')
  const timestampMs = fields.optionalTimestampMs('Timestamp')
  if (sequenceNumber !== undefined && !type.endsWith('_SEQUENCE_NUMBER')) {
    throw invalidArgument(`StartingSequenceNumber cannot be given with ShardIteratorType ${type}.`)
  }
  if (context.settings.throttling) {
    if (!shard.iteratorCalls.has(1)) throw throughputExceeded(stream, shard, context)
    shard.iteratorCalls.take(1)
  }
  const position = await resolvePosition(shard, { type, sequenceNumber, timestampMs }, context.clock.now())
  return {
    ShardIterator: encodeToken(context.registry.tokenKey, {
      kind: 'iterator',
      streamName: stream.name,
      streamCreatedMs: stream.metadata.createdMs,
      shardNumber: shard.metadata.number,
      position,
      issuedMs: context.clock.now(),
    }),
  }
}
