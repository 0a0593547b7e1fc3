import { createHash } from 'node:crypto'

/** One record of a packed one. */
export interface SubRecord {
  readonly partitionKey: string
  readonly data: Uint8Array
  /** Where it belongs: its explicit hash key, else the MD5 of its partition key. */
  hashKey(): bigint
}

/** Marks a record packed by the Kinesis Producer Library. */
const magic = [0xf3, 0x89, 0x9a, 0xc2] as const
const digestLength = 16

/** Whether the data starts like a packed record. A cheap look for every record; `unpackAggregate` decides. */
export function isAggregate(data: Uint8Array): boolean {
  return data[0] === magic[0] && data[1] === magic[1] && data[2] === magic[2] && data[3] === magic[3]
}

/**
 * Takes a packed record apart; undefined when its checksum or its inside isn't right: then it is plain data.
 * Source: aggregation-format.md of awslabs/amazon-kinesis-producer: magic, protobuf `AggregatedRecord`, MD5 of the
 * protobuf.
 */
export function unpackAggregate(data: Uint8Array): SubRecord[] | undefined {
  const end = data.length - digestLength
  if (!isAggregate(data) || end < magic.length) return undefined
  const body = data.subarray(magic.length, end)
  if (Buffer.compare(createHash('md5').update(body).digest(), data.subarray(end)) !== 0) return undefined
  try {
    return aggregatedRecord(body)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function aggregatedRecord(body: Uint8Array): SubRecord[] {
  const partitionKeys: string[] = []
  const explicitHashKeys: string[] = []
  const records: Uint8Array[] = []
  for (const { field, bytes } of fields(body)) {
    if (field === 1) partitionKeys.push(utf8(bytes))
    else if (field === 2) explicitHashKeys.push(utf8(bytes))
    else if (field === 3) records.push(bytes)
  }
  return records.map((record) => subRecord(record, partitionKeys, explicitHashKeys))
}

function subRecord(record: Uint8Array, partitionKeys: string[], explicitHashKeys: string[]): SubRecord {
  let partitionKey: string | undefined
  let explicitHashKey: string | undefined
  let data: Uint8Array = new Uint8Array(0)
  for (const { field, number, bytes } of fields(record)) {
    if (field === 1) partitionKey = partitionKeys[number]
    else if (field === 2) explicitHashKey = explicitHashKeys[number]
    else if (field === 3) data = bytes
  }
  if (partitionKey === undefined) throw new RangeError('a packed record names a partition key outside its table')
  const key = partitionKey
  const explicit = explicitHashKey
  return {
    partitionKey: key,
    data,
    hashKey: () =>
      explicit === undefined ? BigInt(`0x${createHash('md5').update(key, 'utf8').digest('hex')}`) : BigInt(explicit),
  }
}

interface Field {
  readonly field: number
  /** Of a varint field. */
  readonly number: number
  /** Of a length-delimited field. */
  readonly bytes: Uint8Array
}

const noBytes = new Uint8Array(0)

/** The fields of a protobuf message. Throws `RangeError` where it isn't one. */
function* fields(message: Uint8Array): Generator<Field> {
  const cursor = { at: 0 }
  while (cursor.at < message.length) {
    const tag = varint(message, cursor)
    const field = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { field, number: varint(message, cursor), bytes: noBytes }
        break
      case 1:
        skip(message, cursor, 8)
        break
      case 2:
        yield { field, number: 0, bytes: skip(message, cursor, varint(message, cursor)) }
        break
      case 5:
        skip(message, cursor, 4)
        break
      default:
        throw new RangeError(`unknown protobuf wire type ${tag % 8}`)
    }
  }
}

function skip(message: Uint8Array, cursor: { at: number }, length: number): Uint8Array {
  const start = cursor.at
  if (length > message.length - start) throw new RangeError('a protobuf field reaches beyond its message')
  cursor.at = start + length
  return message.subarray(start, cursor.at)
}

function varint(message: Uint8Array, cursor: { at: number }): number {
  let value = 0
  for (let shift = 0; shift < 49; shift += 7) {
    const byte = message[cursor.at++]
    if (byte === undefined) throw new RangeError('a protobuf number is cut short')
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return value
  }
  throw new RangeError('a protobuf number is too long')
}

const decoder = new TextDecoder()
const utf8 = (bytes: Uint8Array): string => decoder.decode(bytes)
