import { ApiError, invalidArgument } from '../../wire/api-error.ts'
import type { LogRecord } from '../frame.ts'
import { existingStream, type KinesisContext, type Operation, throughputExceeded } from '../kinesis-context.ts'
import { decodeToken, encodeToken, type TokenContent } from '../position-token.ts'
import { describeRecord } from '../record-description.ts'
import type { Shard } from '../shard.ts'
import type { Stream } from '../stream.ts'

const iteratorLifeMs = 300_000
const maxAnswerBytes = 10 << 20

/** GetRecords: up to 10,000 records or 10 MiB from an iterator on, and the iterator behind them. */
export const getRecords: Operation = async (fields, context) => {
  const token = fields.string('ShardIterator', { minLength: 1, maxLength: 512 })
  const maxRecords = fields.optionalInteger('Limit', { min: 1, max: 10_000 }) ?? 10_000
  const { stream, shard, content } = resolveIterator(token, context)
  const { throttling, faults } = context.settings
  const isFaulty = faults.throttle !== undefined && context.random.next() < faults.throttle
  if (isFaulty || (throttling && !(shard.readCalls.has(1) && shard.readBytes.debtMs() === 0))) {
    throw throughputExceeded(stream, shard, context)
  }
  shard.readCalls.take(1)
  const isEmpty = faults.emptyGetRecords !== undefined && context.random.next() < faults.emptyGetRecords
  const { tipIndex } = shard.log
  const records = isEmpty ? [] : await shard.log.read(content.position, { maxRecords, maxBytes: maxAnswerBytes })
  shard.readBytes.take(records.reduce((sum, record) => sum + record.data.length + record.partitionKey.length, 0))
  const last = records.at(-1)
  const position = nextPosition(content.position, last, isEmpty, tipIndex)
  const issuedMs = context.clock.now()
  return {
    Records: records.map((record) => describeRecord(shard, record)),
    NextShardIterator: encodeToken(context.registry.tokenKey, { ...content, position, issuedMs }),
    MillisBehindLatest: shard.millisBehind(position, last, issuedMs),
  }
}

/** A read that found nothing has come to the tip there was, also when only trimmed or never given numbers lay between. */
function nextPosition(from: number, last: LogRecord | undefined, isFault: boolean, tipIndex: number): number {
  if (last !== undefined) return last.index + 1
  return isFault ? from : Math.max(from, tipIndex)
}

function resolveIterator(
  token: string,
  context: KinesisContext,
): { stream: Stream; shard: Shard; content: TokenContent } {
  const content = decodeToken(context.registry.tokenKey, token)
  if (content?.kind !== 'iterator') throw invalidArgument('Invalid ShardIterator.')
  const ageMs = context.clock.now() - content.issuedMs
  if (ageMs > iteratorLifeMs) {
    throw new ApiError(
      'ExpiredIteratorException',
      `Iterator expired. It is ${ageMs} ms old; an iterator can be used for ${iteratorLifeMs} ms.`,
    )
  }
  const stream = existingStream(content.streamName, context)
  const shard = stream.shards.find((one) => one.metadata.number === content.shardNumber)
  if (stream.metadata.createdMs !== content.streamCreatedMs || shard === undefined) {
    throw new ApiError('ResourceNotFoundException', 'The stream or shard of this iterator was deleted.')
  }
  return { stream, shard, content }
}
