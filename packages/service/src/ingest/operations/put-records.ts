import { ApiError, invalidArgument } from '../../wire/api-error.ts'
import type { WireValue } from '../../wire/json-codec.ts'
import type { RequestFields } from '../../wire/request-fields.ts'
import type { LogEntry } from '../frame.ts'
import { hashOfPartitionKey, parseHashKey } from '../hash-key.ts'
import { type KinesisContext, type Operation, throughputExceeded, usableStreamOf } from '../kinesis-context.ts'
import type { Shard } from '../shard.ts'
import type { Stream } from '../stream.ts'

const maxRequestBytes = 10 << 20

interface Put {
  readonly entry: LogEntry
  readonly shard: Shard
}

/** PutRecord: stores one record. A repeated call stores it again: the API has no de-duplication. */
export const putRecord: Operation = async (fields, context) => {
  const stream = usableStreamOf(fields, context)
  const put = readPut(fields, stream, context)
  const ordering = fields.optionalString('SequenceNumberForOrdering')
  // Records are stored in the order of arrival anyway, so the number only has to be a right one.
  if (ordering !== undefined) put.shard.indexOf(ordering)
  if (!admit(put, context)) throw throughputExceeded(stream, put.shard, context)
  try {
    const { firstIndex, arrivalMs } = await put.shard.log.append([put.entry])
    const SequenceNumber = put.shard.sequenceNumber(firstIndex, arrivalMs)
    return { ShardId: put.shard.id, SequenceNumber, EncryptionType: 'NONE' }
  } catch {
    // The log has told the operator; the client may try again.
    throw new ApiError('InternalFailure', 'The record could not be stored.', 500)
  }
}

/** PutRecords: stores up to 500 records. A broken rule fails the call; throttling and faults of storage fail an entry. */
export const putRecords: Operation = async (fields, context) => {
  const stream = usableStreamOf(fields, context)
  const list = fields.list('Records', { minLength: 1, maxLength: 500 })
  const puts = list.map((one) => readPut(one, stream, context))
  if (puts.reduce((sum, { entry }) => sum + sizeOf(entry), 0) > maxRequestBytes) {
    throw invalidArgument(
      `The records of one call may have ${maxRequestBytes} bytes together, partition keys included.`,
    )
  }
  const results = new Array<WireValue>(puts.length)
  const byShard = new Map<Shard, number[]>()
  for (const [i, put] of puts.entries()) {
    if (!admit(put, context)) {
      const { type, message } = throughputExceeded(stream, put.shard, context)
      results[i] = { ErrorCode: type, ErrorMessage: message }
    } else if (byShard.get(put.shard)?.push(i) === undefined) byShard.set(put.shard, [i])
  }
  await Promise.all([...byShard].map(([shard, positions]) => appendAll(shard, positions, puts, results)))
  const FailedRecordCount = results.filter(
    (result) => (result as { ErrorCode?: string }).ErrorCode !== undefined,
  ).length
  return { FailedRecordCount, Records: results, EncryptionType: 'NONE' }
}

async function appendAll(shard: Shard, positions: number[], puts: readonly Put[], results: WireValue[]): Promise<void> {
  try {
    const { firstIndex, arrivalMs } = await shard.log.append(positions.map((i) => puts[i]!.entry))
    for (const [k, i] of positions.entries()) {
      results[i] = { SequenceNumber: shard.sequenceNumber(firstIndex + k, arrivalMs), ShardId: shard.id }
    }
  } catch {
    const failed = { ErrorCode: 'InternalFailure', ErrorMessage: 'Internal service failure.' }
    for (const i of positions) results[i] = failed
  }
}

function readPut(fields: RequestFields, stream: Stream, context: KinesisContext): Put {
  const data = fields.blob('Data')
  const partitionKey = fields.string('PartitionKey', { minLength: 1, maxLength: 256 })
  const explicitHashKey = fields.optionalString('ExplicitHashKey')
  const hash = explicitHashKey === undefined ? hashOfPartitionKey(partitionKey) : parseHashKey(explicitHashKey)
  if (hash === undefined) {
    throw invalidArgument(`ExplicitHashKey ${explicitHashKey} must be a decimal number from 0 to 2^128 - 1.`)
  }
  const entry = { partitionKey, data }
  const { maxRecordBytes } = stream.metadata
  if (sizeOf(entry) > maxRecordBytes) {
    const what = `a record of ${sizeOf(entry)} bytes, partition key included`
    throw invalidArgument(
      `Stream ${stream.name} under account ${context.settings.accountId} got ${what}; it takes ${maxRecordBytes}.`,
    )
  }
  return { entry, shard: stream.shardOfHash(hash) }
}

function sizeOf(entry: LogEntry): number {
  return entry.data.length + Buffer.byteLength(entry.partitionKey)
}

/** Takes a put's share of the shard's quotas. */
function admit({ entry, shard }: Put, context: KinesisContext): boolean {
  const { throttling, faults } = context.settings
  if (faults.throttle !== undefined && context.random.next() < faults.throttle) return false
  if (!throttling) return true
  if (!shard.putRecords.has(1) || !shard.putBytes.has(sizeOf(entry))) return false
  shard.putRecords.take(1)
  shard.putBytes.take(sizeOf(entry))
  return true
}
