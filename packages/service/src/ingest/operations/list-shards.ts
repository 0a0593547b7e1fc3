import { ApiError, invalidArgument } from '../../wire/api-error.ts'
import type { RequestFields } from '../../wire/request-fields.ts'
import { existingStream, type KinesisContext, type Operation, streamOf } from '../kinesis-context.ts'
import { decodeToken, encodeToken } from '../position-token.ts'
import type { Stream } from '../stream.ts'
import { describeShard } from './describe-stream.ts'

const tokenLifeMs = 300_000
const filterTypes = [
  'AFTER_SHARD_ID',
  'AT_TRIM_HORIZON',
  'FROM_TRIM_HORIZON',
  'AT_LATEST',
  'AT_TIMESTAMP',
  'FROM_TIMESTAMP',
]

/** ListShards: a page of the shards in the order of their ids. Every shard is open, so the time filters keep all. */
export const listShards: Operation = async (fields, context) => {
  const limit = fields.optionalInteger('MaxResults', { min: 1, max: 10_000 }) ?? 1000
  const { stream, afterNumber } = startOf(fields, context)
  const shards = stream.shards.filter((shard) => shard.metadata.number > afterNumber)
  const page = shards.slice(0, limit)
  const last = page.at(-1)
  const nextToken =
    shards.length > limit && last !== undefined
      ? encodeToken(context.registry.tokenKey, {
          kind: 'page',
          streamName: stream.name,
          streamCreatedMs: stream.metadata.createdMs,
          shardNumber: last.metadata.number,
          position: 0,
          issuedMs: context.clock.now(),
        })
      : undefined
  return { Shards: page.map(describeShard), NextToken: nextToken }
}

function startOf(fields: RequestFields, context: KinesisContext): { stream: Stream; afterNumber: number } {
  const token = fields.optionalString('NextToken', { minLength: 1, maxLength: 1_048_576 })
  const startId = fields.optionalString('ExclusiveStartShardId', { minLength: 1, maxLength: 128 })
  const filter = fields.optionalStructure('ShardFilter')
  if (token !== undefined) {
    for (const name of ['StreamName', 'StreamARN', 'ShardFilter', 'ExclusiveStartShardId', 'StreamCreationTimestamp']) {
      if (fields.has(name)) throw invalidArgument(`NextToken and ${name} cannot be provided together.`)
    }
    return startOfToken(token, context)
  }
  const stream = streamOf(fields, context)
  const createdMs = fields.optionalTimestampMs('StreamCreationTimestamp')
  if (createdMs !== undefined && Math.floor(createdMs / 1000) !== Math.floor(stream.metadata.createdMs / 1000)) {
    throw new ApiError('ResourceNotFoundException', `Stream ${stream.name} was not created at that time.`)
  }
  const afterId = filter === undefined ? startId : (afterIdOf(filter, context) ?? startId)
  return { stream, afterNumber: afterId === undefined ? -1 : shardNumberOf(afterId) }
}

function afterIdOf(filter: RequestFields, context: KinesisContext): string | undefined {
  const type = filter.string('Type', { oneOf: filterTypes })
  const id = filter.optionalString('ShardId', { minLength: 1, maxLength: 128 })
  const atMs = filter.optionalTimestampMs('Timestamp')
  if (type === 'AFTER_SHARD_ID') {
    if (id === undefined) throw invalidArgument('ShardFilter of type AFTER_SHARD_ID needs ShardId.')
    return id
  }
  if (type.endsWith('_TIMESTAMP')) {
    if (atMs === undefined) throw invalidArgument(`ShardFilter of type ${type} needs Timestamp.`)
    if (atMs > context.clock.now()) throw invalidArgument('The Timestamp of ShardFilter is in the future.')
  }
  return undefined
}

function shardNumberOf(id: string): number {
  const digits = /^shardId-(\d{12})$/.exec(id)?.[1]
  if (digits === undefined) throw invalidArgument(`ShardId ${id} is not a shard id.`)
  return Number(digits)
}

function startOfToken(token: string, context: KinesisContext): { stream: Stream; afterNumber: number } {
  const content = decodeToken(context.registry.tokenKey, token)
  if (content?.kind !== 'page') throw invalidArgument('NextToken is not one that was given out.')
  if (context.clock.now() - content.issuedMs > tokenLifeMs) {
    throw new ApiError('ExpiredNextTokenException', 'NextToken is older than 300 seconds. List from the beginning.')
  }
  const stream = existingStream(content.streamName, context)
  if (stream.metadata.createdMs !== content.streamCreatedMs) throw invalidArgument('NextToken is of a deleted stream.')
  return { stream, afterNumber: content.shardNumber }
}
