import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../common/byte-writer.ts'
import { decodeKey, encodeKey, hashOfKey, keyHash, keyOfMapKey, mapKey, mapKeyOrNull, writeMapKey } from './key.ts'

const hex = (key: unknown) => Buffer.from(encodeKey(key)).toString('hex')

const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ minLength: 120, maxLength: 200 }),
  fc.constantFrom(
    '',
    '\ud800',
    '\ud800\u0007a',
    '\udc00\u0007a',
    '\u{10000}\u0007a',
    'é',
    0,
    -0,
    Number.NaN,
    1,
    true,
    false,
    0n,
    1n,
    -1n,
  ),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.bigInt(),
  fc.uint8Array({ maxLength: 5 }),
  fc.date({ noInvalidDate: true }),
)
const anyKey = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(fc.oneof(scalar, fc.constant(null), fc.array(scalar, { maxLength: 2 })), { maxLength: 3 }),
)

test('a key that was decoded is the same key', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      const bytes = encodeKey(key)
      expect(encodeKey(decodeKey(bytes))).toEqual(bytes)
      expect(hashOfKey(key)).toBe(keyHash(bytes))
    }),
    { numRuns: 2000 },
  )
})

test('keys of a Map are equal exactly when the bytes are', () => {
  fc.assert(
    fc.property(fc.array(anyKey, { minLength: 2, maxLength: 12 }), (keys) => {
      const byBytes = new Set(keys.map(hex))
      const byMapKey = new Set(keys.map(mapKey))
      expect(byMapKey.size).toBe(byBytes.size)
    }),
    { numRuns: 2000 },
  )
})

test('a key of a Map leads back to its key', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      expect(encodeKey(keyOfMapKey(mapKey(key)))).toEqual(encodeKey(key))
      const writer = new ByteWriter()
      writeMapKey(writer, mapKey(key))
      expect(writer.toBytes()).toEqual(encodeKey(key))
    }),
    { numRuns: 1000 },
  )
})

test.each([
  { it: '-0 is 0', a: -0, b: 0 },
  { it: 'one NaN', a: Number.NaN, b: -Number.NaN },
  { it: 'half a surrogate pair is U+FFFD', a: 'x\ud800', b: 'x\ufffd' },
  { it: 'a Buffer is its bytes', a: Buffer.from([1, 2]), b: Uint8Array.of(1, 2) },
  { it: 'a readonly tuple is a tuple', a: Object.freeze(['a', 1]), b: ['a', 1] },
])('$it', ({ a, b }) => {
  expect(hex(a)).toBe(hex(b))
  expect(new Set([mapKey(a), mapKey(b)]).size).toBe(1)
})

test.each([
  { it: 'a number and a bigint', a: 1, b: 1n },
  { it: 'a number and its text', a: 1, b: '1' },
  { it: 'true and 1', a: true, b: 1 },
  { it: 'a Date and its milliseconds', a: new Date(5), b: 5 },
  { it: 'parts of a tuple cut differently', a: ['ab', 'c'], b: ['a', 'bc'] },
  { it: 'a tuple of one and its part', a: ['a'], b: 'a' },
  { it: 'bytes and text', a: Uint8Array.of(97), b: 'a' },
  { it: 'an empty tuple and a tuple of null', a: [], b: [null] },
  { it: 'nested and flat tuples', a: [['a'], 'b'], b: ['a', 'b'] },
])('$it are different keys', ({ a, b }) => {
  expect(hex(a)).not.toBe(hex(b))
  expect(new Set([mapKey(a), mapKey(b)]).size).toBe(2)
})

let deep: unknown = 'x'
for (let i = 0; i < 40; i++) deep = [deep]

test.each([
  { it: 'null', key: null, says: 'null' },
  { it: 'undefined', key: undefined, says: 'undefined' },
  { it: 'undefined in a tuple', key: ['a', undefined], says: 'undefined' },
  // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
  { it: 'a hole in a tuple', key: ['a', , 'b'], says: 'undefined' },
  { it: 'a function', key: () => 1, says: 'function' },
  { it: 'a symbol', key: Symbol('s'), says: 'symbol' },
  { it: 'a plain object', key: { a: 1 }, says: 'plain object' },
  { it: 'a Map', key: new Map(), says: 'instance of Map' },
  { it: 'a typed array other than bytes', key: Float64Array.of(1), says: 'instance of Float64Array' },
  { it: 'a Promise', key: Promise.resolve('a'), says: 'Promise' },
  { it: 'an invalid Date', key: new Date(Number.NaN), says: 'invalid Date' },
  { it: 'a tuple that never ends', key: deep, says: 'nested deeper' },
])('$it is refused with a hint', ({ key, says }) => {
  for (const act of [encodeKey, mapKey, hashOfKey]) {
    expect(() => act(key)).toThrow(expect.objectContaining({ code: 'KEY_UNSUPPORTED', kind: 'application' }))
    expect(() => act(key)).toThrow(says)
  }
})

test('null stands for itself where it is allowed', () => {
  expect(mapKeyOrNull(null, 'namespace')).toBeNull()
  expect(mapKeyOrNull('a', 'namespace')).toBe('a')
  expect(() => mapKeyOrNull({}, 'namespace')).toThrow('namespace')
})

test.each(['', '00', '0100', '0400', '0900', '0a', '0a05', '0a0107ff', '0b'])('bytes %s', (bytes) => {
  const decode = () => decodeKey(Buffer.from(bytes, 'hex'))
  if (bytes === '0a') expect(decode()).toEqual([])
  else expect(decode).toThrow(expect.objectContaining({ kind: 'corrupt' }))
})
