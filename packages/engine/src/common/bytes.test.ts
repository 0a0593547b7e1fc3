import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { crc32 } from './crc32.ts'
import { murmur3 } from './murmur3.ts'

test('numbers are little-endian', () => {
  const writer = new ByteWriter(1)
  writer.u8(1)
  writer.u16(0x0203)
  writer.u32(0xf4050607)
  writer.i32(-2)
  writer.i64(-(2 ** 40))
  writer.f64(1)
  expect(Buffer.from(writer.toBytes()).toString('hex')).toBe(
    ['01', '0302', '070605f4', 'feffffff', '0000000000ffffff', '000000000000f03f'].join(''),
  )
})

test.each([
  { value: 0, bytes: '00' },
  { value: 127, bytes: '7f' },
  { value: 128, bytes: '8001' },
  { value: 300, bytes: 'ac02' },
  { value: 2 ** 31, bytes: '8080808008' },
  { value: 2 ** 32, bytes: '8080808010' },
  { value: Number.MAX_SAFE_INTEGER, bytes: 'ffffffffffffff0f' },
])('varuint $value', ({ value, bytes }) => {
  const writer = new ByteWriter()
  writer.varuint(value)
  expect(Buffer.from(writer.view()).toString('hex')).toBe(bytes)
  expect(new ByteReader(writer.view()).varuint()).toBe(value)
})

test('what is read is what was written', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 30, maxLength: 200 }))
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.integer(),
      fc.double(),
      fc.maxSafeInteger(),
      fc.array(text),
      fc.uint8Array(),
      (varuint, int, double, long, texts, bytes) => {
        const writer = new ByteWriter(1)
        writer.varuint(varuint)
        writer.varint(int)
        writer.i32(int)
        writer.f64(double)
        writer.i64(long)
        for (const each of texts) writer.string(each)
        writer.varuint(bytes.length)
        writer.bytes(bytes)
        const reader = new ByteReader(writer.toBytes())
        expect(reader.varuint()).toBe(varuint)
        expect(reader.varint()).toBe(int)
        expect(reader.i32()).toBe(int)
        expect(reader.f64()).toBe(double)
        expect(reader.i64()).toBe(long)
        for (const [i, each] of texts.entries()) expect(i % 2 ? reader.name() : reader.string()).toBe(each)
        expect(reader.bytes(reader.count())).toEqual(bytes)
        expect(reader.remaining).toBe(0)
      },
    ),
  )
})

test.each([
  { it: 'u8', bytes: '', read: (reader: ByteReader) => reader.u8() },
  { it: 'f64', bytes: '00000000000000', read: (reader: ByteReader) => reader.f64() },
  { it: 'a string', bytes: '0541', read: (reader: ByteReader) => reader.string() },
  { it: 'a name', bytes: '0541', read: (reader: ByteReader) => reader.name() },
  { it: 'a varuint without end', bytes: 'ffffffffffffffffff01', read: (reader: ByteReader) => reader.varuint() },
  { it: 'a varint beyond 32 bits', bytes: '8080808010', read: (reader: ByteReader) => reader.varint() },
  { it: 'a count beyond the end', bytes: 'ff0f00', read: (reader: ByteReader) => reader.count() },
  { it: 'an integer beyond 2^53', bytes: '0000000000000040', read: (reader: ByteReader) => reader.i64() },
])('$it that is not there is corrupt', ({ bytes, read }) => {
  expect(() => read(new ByteReader(Buffer.from(bytes, 'hex')))).toThrow(expect.objectContaining({ kind: 'corrupt' }))
})

test('crc32 is the one of zlib', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 20 }), (bytes, more) => {
      const ofGzip = gzipSync(bytes).readUInt32LE(gzipSync(bytes).length - 8)
      expect(crc32(bytes)).toBe(ofGzip)
      expect(crc32(more, crc32(bytes))).toBe(crc32(Buffer.concat([bytes, more])))
    }),
  )
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
})

test.each([
  // Published vectors of MurmurHash3_x86_32 with seed 0.
  { text: '', hash: 0 },
  { text: 'test', hash: 0xba6bd213 },
  { text: 'Hello, world!', hash: 0xc0363e43 },
  { text: 'The quick brown fox jumps over the lazy dog', hash: 0x2e4ff723 },
])('murmur3 of "$text"', ({ text, hash }) => {
  expect(murmur3(Buffer.from(text))).toBe(hash | 0)
  expect(murmur3(Buffer.from(`xy${text}z`), 2, 2 + text.length)).toBe(hash | 0)
})
