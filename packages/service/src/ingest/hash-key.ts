import { createHash } from 'node:crypto'

/** Hash keys are whole numbers below this. */
export const hashKeyLimit = 1n << 128n

/** Where a partition key lands: MD5 of its UTF-8 bytes as an unsigned big-endian number. */
export function hashOfPartitionKey(partitionKey: string): bigint {
  return BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`)
}

/** A decimal hash key, or undefined when it isn't one. */
export function parseHashKey(text: string): bigint | undefined {
  if (!/^(0|[1-9]\d{0,38})$/.test(text)) return undefined
  const value = BigInt(text)
  return value < hashKeyLimit ? value : undefined
}

/** The inclusive ranges of `count` shards that share the key space evenly, as AWS cuts it. */
export function uniformHashRanges(count: number): { start: bigint; end: bigint }[] {
  const width = hashKeyLimit / BigInt(count)
  return Array.from({ length: count }, (_, i) => ({
    start: BigInt(i) * width,
    end: i === count - 1 ? hashKeyLimit - 1n : BigInt(i + 1) * width - 1n,
  }))
}
