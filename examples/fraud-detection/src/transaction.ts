/** A card payment as it comes by the stream; the partition key is the card. Integers, but for the degrees. */
export interface Transaction {
  readonly id: number
  readonly card: number
  readonly merchant: number
  /** Negative for a refund. */
  readonly amountCents: number
  /** Event time, epoch ms. */
  readonly timestampMs: number
  /** Degrees, north positive, −90 … 90. */
  readonly lat: number
  /** Degrees, east positive, −180 … 180. */
  readonly lon: number
}

/** Where a record stands in the log. One transaction stands at two places when its producer put it twice. */
export interface LogPosition {
  readonly shard: string
  readonly sequenceNumber: string
}

/** A transaction with its place in the log. */
export interface LoggedTransaction extends LogPosition, Transaction {}

/** The bytes of a record are no transaction; the message says why. */
export class MalformedTransaction extends Error {
  override readonly name = 'MalformedTransaction'
}

/** The last millisecond of the year 9999: later times have no calendar date that every reader of the files understands. */
const LATEST_TIMESTAMP_MS = 253_402_300_799_999

const integerFields = ['id', 'card', 'merchant', 'amountCents', 'timestampMs'] as const
const degreeFields = [
  ['lat', 90],
  ['lon', 180],
] as const
const fieldCount = integerFields.length + degreeFields.length

/**
 * The transaction that a record's bytes hold.
 *
 * Accepted is a JSON object with exactly the seven fields: `id`, `card`, `merchant`, `amountCents`, `timestampMs` safe
 * integers (|x| < 2^53, so that none was rounded when it was read), `timestampMs` from 1970 to 9999, the degrees numbers
 * within their circle. Throws `MalformedTransaction` for anything else.
 */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const value = parse(bytes)
  for (const field of integerFields) {
    if (!Number.isSafeInteger(value[field])) throw malformed(value, field, 'a whole number below 2^53')
  }
  for (const [field, limit] of degreeFields) {
    const degrees = value[field]
    if (typeof degrees !== 'number' || !(Math.abs(degrees) <= limit)) {
      throw malformed(value, field, `a number from -${limit} to ${limit}`)
    }
  }
  const { id, card, merchant, amountCents, timestampMs, lat, lon } = value as unknown as Transaction
  if (timestampMs < 0 || timestampMs > LATEST_TIMESTAMP_MS) {
    throw malformed(value, 'timestampMs', 'epoch milliseconds of the years 1970 to 9999')
  }
  const unknown = Object.keys(value).length - fieldCount
  if (unknown > 0) throw new MalformedTransaction(`${unknown} unknown field(s) beside the seven of a transaction`)
  return { id, card, merchant, amountCents, timestampMs, lat, lon }
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new MalformedTransaction('not JSON', { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedTransaction('not a JSON object')
  }
  return value as Record<string, unknown>
}

function malformed(value: Record<string, unknown>, field: string, wanted: string): MalformedTransaction {
  if (!Object.hasOwn(value, field)) return new MalformedTransaction(`field '${field}' is missing`)
  return new MalformedTransaction(`field '${field}' is not ${wanted}`)
}
