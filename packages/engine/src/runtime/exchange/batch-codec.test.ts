import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MIN_TIMESTAMP, ObjectBatch } from '../../spi/batch.ts'
import { BatchDecoder, BatchEncoder } from './batch-codec.ts'
import { ShapeRegistry } from './record-shape.ts'
import { WireReader, WireWriter } from './wire-buffer.ts'

/** Both ends of a channel; what goes in comes out as [value, timestamp] pairs. */
function codec(registries = [new ShapeRegistry(), new ShapeRegistry()]) {
  const encoder = new BatchEncoder(registries[0])
  const decoder = new BatchDecoder(registries[1])
  const writer = new WireWriter(64)
  const send = (values: readonly unknown[], timestamps: readonly number[] = values.map((_, i) => i)): Uint8Array => {
    writer.reset()
    encoder.encode(writer, new ObjectBatch(values, timestamps))
    return new Uint8Array(writer.view())
  }
  const receive = (frame: Uint8Array): ObjectBatch<unknown> => decoder.decode(new WireReader(frame))
  return { send, receive, pass: (values: readonly unknown[], t?: readonly number[]) => receive(send(values, t)) }
}

function valuesOf(batch: ObjectBatch<unknown>): unknown[] {
  return Array.from({ length: batch.length }, (_, i) => batch.valueAt(i))
}

function timestampsOf(batch: ObjectBatch<unknown>): number[] {
  return Array.from({ length: batch.length }, (_, i) => batch.timestampAt(i))
}

const transaction = (i: number) => ({
  id: `tx-0000-${String(i).padStart(12, '0')}`,
  card: `card-${i % 100}`,
  merchant: 'm-1',
  amountCents: i * 7919,
  timestampMs: 1_700_000_000_000 + i,
  lat: 50.25 + i,
  lon: -8.5,
})

const classInstance = new (class Geo {
  lat = 1
})()

describe('batches cross as bytes', () => {
  test.each([
    { it: 'records of one shape', values: Array.from({ length: 600 }, (_, i) => transaction(i)) },
    { it: 'no record', values: [] },
    { it: 'empty objects', values: [{}, {}] },
    { it: 'numbers', values: [1, 2, -2147483648, 2147483647] },
    { it: 'doubles', values: [1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53] },
    { it: 'minus zero', values: [{ a: 0 }, { a: -0 }] },
    { it: 'strings', values: ['', 'a', 'a string of more than thirteen characters', ''] },
    { it: 'only empty strings', values: [{ a: '' }] },
    {
      it: 'strings beyond ASCII, with a lone surrogate',
      values: [{ a: 'é' }, { a: '日本語' }, { a: '\ud800x' }, { a: '😀' }],
    },
    { it: 'booleans', values: [{ a: true }, { a: false }] },
    {
      it: 'null and undefined',
      values: [
        { a: null, b: undefined },
        { a: null, b: undefined },
      ],
    },
    { it: 'null here, undefined there', values: [{ a: null }, { a: undefined }, { a: null }] },
    { it: 'fields that are sometimes null', values: [{ a: 1 }, { a: null }, { a: 'x' }] },
    {
      it: 'nested values',
      values: [{ a: { b: [1, { c: 'x' }] }, m: new Map([['k', new Set([1n])]]), d: new Date(5) }],
    },
    {
      it: 'shapes that take turns',
      values: Array.from({ length: 20 }, (_, i) => (i % 3 ? { a: i } : { b: i, a: 'x' })),
    },
    { it: 'objects among other values', values: [{ a: 1 }, 1, 'x', null, undefined, [1, 2], { a: 2 }, 10n] },
    {
      it: 'the same fields in another order',
      values: [
        { a: 1, b: 2 },
        { b: 3, a: 4 },
      ],
    },
    { it: 'fields named like the prototype', values: [JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}')] },
    { it: 'field names that need escaping', values: [{ 'a"b\\c\n\u2028`${x}': 1, '\ud800': 2, '': 3, é: 4 }] },
    { it: 'bytes', values: [{ a: new Uint8Array([1, 2]), b: new Float64Array([1.5]) }] },
    {
      it: 'an object with more fields than a shape has',
      values: [Object.fromEntries([...Array(100).keys()].map((i) => [`f${i}`, i]))],
    },
  ])('$it', ({ values }) => {
    const { pass } = codec()
    for (let round = 0; round < 3; round++) {
      const actual = valuesOf(pass(values))
      expect(actual).toStrictEqual(structuredClone(values))
      actual.forEach((value, i) => {
        if (typeof value === 'object' && value !== null) {
          expect(Object.keys(value)).toEqual(Object.keys(values[i] as object))
        }
      })
    }
  })

  test('a field may change its type from batch to batch', () => {
    const { pass } = codec()
    for (const a of [1, 'x', 1.5, null, true, 'é', 2, [1], undefined, 3n, -0]) {
      expect(valuesOf(pass([{ a }, { a }]))).toStrictEqual([{ a }, { a }])
    }
  })

  test('timestamps arrive as they were, also none', () => {
    const { pass } = codec()
    for (const timestamps of [
      [MIN_TIMESTAMP, MIN_TIMESTAMP],
      [MIN_TIMESTAMP, 1],
      [1.7e12, -5],
      [0.5, Number.MAX_SAFE_INTEGER],
    ]) {
      expect(timestampsOf(pass([1, 2], timestamps))).toEqual(timestamps)
    }
  })

  test("a shape's names are told once", () => {
    const { send, receive } = codec()
    const first = send([transaction(1)])
    const second = send([transaction(1)])
    expect(first.length).toBeGreaterThan(second.length + 50)
    expect(valuesOf(receive(first))).toEqual([transaction(1)])
    expect(valuesOf(receive(second))).toEqual([transaction(1)])
  })

  test('more shapes than are remembered still arrive, in either registry', () => {
    const full = new ShapeRegistry()
    for (let i = 0; i < 5000; i++) full.shapeFor([`full${i}`])
    const values = Array.from({ length: 300 }, (_, i) => ({ [`f${i}`]: i }))
    for (const registries of [
      [new ShapeRegistry(), new ShapeRegistry()],
      [full, new ShapeRegistry()],
      [new ShapeRegistry(), full],
    ]) {
      const { pass } = codec(registries)
      for (let round = 0; round < 2; round++) expect(valuesOf(pass(values))).toStrictEqual(values)
    }
  })

  test.each([
    { it: 'a class instance', value: classInstance, path: 'record' },
    { it: 'a class instance inside', value: { where: { at: classInstance } }, path: 'record.where.at' },
    { it: 'a function', value: { 'on click': () => 1 }, path: 'record["on click"]' },
    { it: 'a symbol', value: [Symbol('x')], path: 'record[0]' },
  ])('$it is refused with its path, and the channel goes on', ({ value, path }) => {
    const { send, pass } = codec()
    expect(() => send([{ fresh: 1 }, { known: 1 }, value])).toThrow(
      expect.objectContaining({ code: 'RECORD_NOT_PLAIN', kind: 'application', details: { path } }),
    )
    expect(valuesOf(pass([{ known: 1 }, { fresh: 2 }]))).toEqual([{ known: 1 }, { fresh: 2 }])
  })

  test('any plain data arrives equal', () => {
    const leaf = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.boolean(),
      fc.constantFrom(null, undefined, -0, Number.NaN, '\udc00'),
      fc.bigInt(),
      fc.date(),
      fc.uint8Array(),
    )
    const name = fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', '1', 'toString'), fc.string())
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
        fc.array(fc.tuple(leaf, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
        fc.array(leaf, { maxLength: 3 }).map((entries) => new Set(entries)),
      ),
    }))
    const record = fc.oneof(
      value,
      fc.record({ id: fc.string(), amount: fc.integer(), lat: fc.double(), note: fc.option(fc.string()) }),
    )
    const registries = [new ShapeRegistry(), new ShapeRegistry()]
    fc.assert(
      fc.property(fc.array(fc.array(record, { maxLength: 12 }), { maxLength: 4 }), (batches) => {
        const { pass } = codec(registries)
        for (const values of batches) expect(valuesOf(pass(values))).toStrictEqual(structuredClone(values))
      }),
      { numRuns: 500 },
    )
  })
})
