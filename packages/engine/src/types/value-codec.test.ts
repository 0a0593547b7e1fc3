import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../common/byte-writer.ts'
import { EngineError } from '../common/errors.ts'
import { decodeValueBytes, encodeValue, encodeValueBytes, typedArrayTypes } from './value-codec.ts'

const hex = (value: unknown) => Buffer.from(encodeValueBytes(value)).toString('hex')
const roundTrip = (value: unknown) => decodeValueBytes(encodeValueBytes(value))

function refusal(act: () => unknown): EngineError {
  try {
    act()
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('the bytes of', () => {
  test.each([
    { it: 'null', value: null, bytes: '00' },
    { it: 'undefined', value: undefined, bytes: '01' },
    { it: 'false', value: false, bytes: '02' },
    { it: 'true', value: true, bytes: '03' },
    { it: 'a small integer', value: 1, bytes: '0402' },
    { it: 'a negative integer', value: -1, bytes: '0401' },
    { it: 'the greatest int32', value: 2147483647, bytes: '04feffffff0f' },
    { it: 'the least int32', value: -2147483648, bytes: '04ffffffff0f' },
    { it: 'an integer beyond int32', value: 2147483648, bytes: '05000000000000e041' },
    { it: 'minus zero', value: -0, bytes: '050000000000000080' },
    { it: 'a fraction', value: 1.5, bytes: '05000000000000f83f' },
    { it: 'NaN', value: Number.NaN, bytes: '05000000000000f87f' },
    { it: 'bigint zero', value: 0n, bytes: '0600' },
    { it: 'a bigint', value: 256n, bytes: '06020001' },
    { it: 'a negative bigint', value: -255n, bytes: '0701ff' },
    { it: 'an empty string', value: '', bytes: '0800' },
    { it: 'an ASCII string', value: 'abc', bytes: '0803616263' },
    { it: 'a string beyond ASCII', value: 'é€😀', bytes: '0809c3a9e282acf09f9880' },
    { it: 'half a surrogate pair', value: 'a\ud800', bytes: '0902610000d8' },
    { it: 'bytes', value: Uint8Array.of(1, 255), bytes: '0a0201ff' },
    { it: 'a Buffer', value: Buffer.from([7]), bytes: '0a0107' },
    { it: 'a Float32Array', value: Float32Array.of(1), bytes: '0b06040000803f' },
    { it: 'a Date', value: new Date(1), bytes: '0c000000000000f03f' },
    { it: 'an array', value: [1, [null]], bytes: '0d020402' + '0d0100' },
    { it: 'a Map', value: new Map([['a', 1]]), bytes: '0e01' + '080161' + '0402' },
    { it: 'a Set', value: new Set([true]), bytes: '0f0103' },
    { it: 'an object', value: { b: 1, a: 'x' }, bytes: '1002' + '0162' + '0402' + '0161' + '080178' },
    { it: 'an object without prototype', value: Object.assign(Object.create(null), { a: 1 }), bytes: '100101610402' },
  ])('$it', ({ value, bytes }) => {
    expect(hex(value)).toBe(bytes)
    expect(hex(decodeValueBytes(Buffer.from(bytes, 'hex')))).toBe(bytes)
  })
})

const anyTypedArray = fc
  .tuple(fc.nat(typedArrayTypes.length - 1), fc.array(fc.integer({ min: 0, max: 100 })))
  .map(([type, numbers]) => {
    const make = typedArrayTypes[type] as any
    return type >= 8 ? make.from(numbers.map(BigInt)) : make.from(numbers)
  })
const anyValue = fc.anything({
  values: [
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.maxSafeInteger(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.string({ maxLength: 200 }),
    fc.uint8Array(),
    anyTypedArray,
    fc.date({ noInvalidDate: false }),
    fc.constantFrom(null, undefined, '\ud800', '__proto__'),
  ],
  withMap: true,
  withSet: true,
  withNullPrototype: false,
  withBigInt: true,
})

test('what is read is what was written', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      expect(roundTrip(value)).toStrictEqual(value)
      expect(hex(roundTrip(value))).toBe(hex(value))
    }),
    { numRuns: 1000 },
  )
})

test('a property called __proto__ stays a property', () => {
  const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}')
  const back = roundTrip(value) as object
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  expect(Object.keys(back)).toEqual(['__proto__', 'a'])
  expect((back as any).polluted).toBeUndefined()
})

test('bytes read from shared memory are a copy of their own', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(16))
  const bytes = encodeValueBytes([Uint8Array.of(1, 2), 'text é'])
  shared.set(bytes)
  const back = decodeValueBytes(shared.subarray(0, bytes.length)) as [Uint8Array, string]
  shared.fill(0)
  expect(back).toEqual([Uint8Array.of(1, 2), 'text é'])
  expect(back[0].buffer).toBeInstanceOf(ArrayBuffer)
})

class Money {
  readonly cents = 1
}
class Tags extends Array<string> {}
const loop: Record<string, unknown> = { name: 'loop' }
loop['self'] = [loop]
let deep: unknown = 0
for (let i = 0; i < 300; i++) deep = [deep]

test.each([
  { it: 'a function', value: { history: [1, 2, { a: 1 }, { callback: () => 1 }] }, path: '$.history[3].callback' },
  { it: 'a symbol', value: [Symbol('s')], path: '$[0]' },
  { it: 'a class instance', value: { price: new Money() }, path: '$.price' },
  { it: 'an instance of a subclass of Array', value: { tags: Tags.from(['a']) }, path: '$.tags' },
  { it: 'a boxed number', value: { 'odd name': new Number(1) }, path: '$["odd name"]' },
  { it: 'a RegExp in a Map', value: new Map([['re', /x/]]), path: '$.get("re")' },
  { it: 'a WeakMap as a key', value: new Map([[new WeakMap(), 1]]), path: '$.keys[0]' },
  { it: 'a Promise in a Set', value: new Set([Promise.resolve()]), path: '$[0]' },
  { it: 'an ArrayBuffer', value: new ArrayBuffer(1), path: '$' },
  { it: 'a DataView', value: new DataView(new ArrayBuffer(1)), path: '$' },
  // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
  { it: 'a hole', value: [1, , 2], path: '$[1]' },
  { it: 'a cycle', value: loop, path: '$.self[0]' },
  { it: 'too much depth', value: { deep }, path: `$.deep${'[0]'.repeat(199)}` },
])('$it is refused with its path', ({ value, path }) => {
  const writer = new ByteWriter()
  writer.u8(9)
  const error = refusal(() => encodeValue(writer, value))
  expect(error).toMatchObject({ code: 'STATE_VALUE_UNSUPPORTED', kind: 'application', details: { path } })
  expect(error.message).toContain(path)
  expect([...writer.view()]).toEqual([9])
})

test('damaged bytes are corrupt or another value, never another failure', () => {
  fc.assert(
    fc.property(anyValue, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, position, byte) => {
      const bytes = encodeValueBytes(value)
      bytes[position % bytes.length] = byte
      try {
        decodeValueBytes(bytes)
      } catch (error) {
        expect(error).toMatchObject({ kind: 'corrupt' })
      }
    }),
    { numRuns: 1000 },
  )
})

test('every cut of an encoded value is corrupt', () => {
  const bytes = encodeValueBytes({ a: [1, 1.5, 'text', 10n ** 20n], b: new Map([[1, new Date(5)]]) })
  for (let length = 0; length < bytes.length; length++) {
    expect(refusal(() => decodeValueBytes(bytes.subarray(0, length)))).toMatchObject({ kind: 'corrupt' })
  }
})
