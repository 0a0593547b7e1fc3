/**
 * Sequence numbers in AWS's layout, so that tools which decode them agree: the decimal form of 47 hexadecimal digits
 * `2 | stream or shard creation second (9) | shard number mod 16 (1) | index (16) | 00 | second of the write (9) |
 * shard number (8) | 2`. Always 56 decimal digits, so the order of the strings is the order of the numbers.
 */
export interface SequenceNumber {
  readonly createdSecond: number
  readonly shardNumber: number
  /** Position in the shard's log; 0 stands before the first record. */
  readonly index: number
  readonly writtenSecond: number
}

const pattern = /^\d{56}$/

export function encodeSequenceNumber(number: SequenceNumber): string {
  const { createdSecond, shardNumber, index, writtenSecond } = number
  const digits = `2${hex(createdSecond, 9)}${hex(shardNumber % 16, 1)}${hex(index, 16)}00${hex(writtenSecond, 9)}`
  return BigInt(`0x${digits}${hex(shardNumber, 8)}2`).toString()
}

/** The parts, or undefined when the text isn't a sequence number of this layout. */
export function decodeSequenceNumber(text: string): SequenceNumber | undefined {
  if (!pattern.test(text)) return undefined
  const digits = BigInt(text).toString(16)
  if (digits.length !== 47 || digits[0] !== '2' || digits[46] !== '2' || digits.slice(27, 29) !== '00') return undefined
  const shardNumber = Number.parseInt(digits.slice(38, 46), 16)
  if (Number.parseInt(digits[10]!, 16) !== shardNumber % 16) return undefined
  return {
    createdSecond: Number.parseInt(digits.slice(1, 10), 16),
    shardNumber,
    index: Number.parseInt(digits.slice(11, 27), 16),
    writtenSecond: Number.parseInt(digits.slice(29, 38), 16),
  }
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0')
}
