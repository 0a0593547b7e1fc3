import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashOfPartitionKey, parseHashKey, uniformHashRanges } from './hash-key.ts'
import { decodeToken, encodeToken } from './position-token.ts'
import { decodeSequenceNumber, encodeSequenceNumber } from './sequence-number.ts'
import { TokenBucket } from './token-bucket.ts'

const anyNumber = fc.record({
  createdSecond: fc.integer({ min: 1, max: 2 ** 36 - 1 }),
  shardNumber: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  index: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  writtenSecond: fc.integer({ min: 0, max: 2 ** 36 - 1 }),
})

test('the layout is the one AWS gives out', () => {
  const parts = { createdSecond: 0x06b03992a, shardNumber: 0, index: 1, writtenSecond: 0x06b03992c }
  const text = encodeSequenceNumber(parts)
  expect(BigInt(text).toString(16)).toBe(`2${'06b03992a'}0${'0000000000000001'}00${'06b03992c'}${'00000000'}2`)
  // A number that AWS gave out, with its shard and time: the example event of Lambda's developer guide.
  expect(decodeSequenceNumber('49590338271490256608559692538361571095921575989136588898')).toMatchObject({
    shardNumber: 6,
    createdSecond: Date.UTC(2018, 10, 21, 4, 57, 38) / 1000,
  })
})

test('numbers have 56 digits, keep their parts, and sort as texts by creation and index', () => {
  fc.assert(
    fc.property(anyNumber, anyNumber, (a, b) => {
      const [x, y] = [encodeSequenceNumber(a), encodeSequenceNumber(b)]
      expect(x).toMatch(/^\d{56}$/)
      expect(decodeSequenceNumber(x)).toEqual(a)
      const same = { ...b, createdSecond: a.createdSecond, shardNumber: a.shardNumber }
      if (a.index < b.index) expect(x < encodeSequenceNumber(same)).toBe(true)
      expect(x < y).toBe(BigInt(x) < BigInt(y))
    }),
  )
})

test.each(['', '0', '1'.repeat(55), 'x'.repeat(56), '9'.repeat(56), '-1'])('%s is no sequence number', (text) => {
  expect(decodeSequenceNumber(text)).toBeUndefined()
})

test('shards share the key space without gap or overlap, and keys land by MD5', () => {
  for (const count of [1, 2, 3, 7, 100]) {
    const ranges = uniformHashRanges(count)
    expect(ranges[0]!.start).toBe(0n)
    expect(ranges.at(-1)!.end).toBe((1n << 128n) - 1n)
    for (let i = 1; i < count; i++) expect(ranges[i]!.start).toBe(ranges[i - 1]!.end + 1n)
  }
  expect(hashOfPartitionKey('key')).toBe(0x3c6e0b8a9c15224a8228b9a98ca1531dn)
  expect(parseHashKey(String((1n << 128n) - 1n))).toBe((1n << 128n) - 1n)
  for (const wrong of [String(1n << 128n), '-1', '1.5', '', '0x1']) expect(parseHashKey(wrong)).toBeUndefined()
})

test('a token can only be one we made, whole', () => {
  const key = Buffer.alloc(32, 7)
  const content = {
    kind: 'iterator' as const,
    streamName: 'n'.repeat(128),
    streamCreatedMs: 1_800_000_000_000,
    shardNumber: 5,
    position: 2 ** 50,
    issuedMs: 1_800_000_000_001,
  }
  const token = encodeToken(key, content)
  expect(token.length).toBeLessThanOrEqual(512)
  expect(decodeToken(key, token)).toEqual(content)
  expect(decodeToken(Buffer.alloc(32, 8), token)).toBeUndefined()
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'b', '-', '='), (at, letter) => {
      const forged = token.slice(0, at) + letter + token.slice(at + 1)
      if (forged !== token) expect(decodeToken(key, forged)).toBeUndefined()
    }),
  )
  for (const junk of ['', 'x', 'é', 'A'.repeat(100)]) expect(decodeToken(key, junk)).toBeUndefined()
})

test('a bucket gives its rate, a second of burst, and goes into debt for what is larger', () => {
  let nowMs = 0
  const bucket = new TokenBucket({ now: () => 0, monotonicMs: () => nowMs }, 1000)
  bucket.take(900)
  expect(bucket.has(100)).toBe(true)
  expect(bucket.has(101)).toBe(false)
  nowMs += 500
  expect(bucket.has(600)).toBe(true)
  nowMs += 60_000
  expect(bucket.has(5000)).toBe(true)
  bucket.take(5000)
  expect(bucket.has(1)).toBe(false)
  expect(bucket.debtMs()).toBe(4000)
  nowMs += 4000
  expect(bucket.debtMs()).toBe(0)
})
