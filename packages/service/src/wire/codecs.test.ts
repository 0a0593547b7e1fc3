import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCbor, encodeCbor } from './cbor-codec.ts'
import { encodeEventStreamFrame } from './event-stream-frame.ts'
import { decodeJson, encodeJson, type WireValue } from './json-codec.ts'
import { QueryFields } from './query-fields.ts'
import { RequestFields } from './request-fields.ts'
import { encodeXml } from './xml.ts'

const anyWireValue: fc.Arbitrary<WireValue> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
  ),
})).value as fc.Arbitrary<WireValue>

test('CBOR answers decode to what was encoded', () => {
  fc.assert(
    fc.property(anyWireValue, (value) => {
      expect(decodeCbor(encodeCbor(value))).toEqual(value)
    }),
  )
})

test('no bytes make the CBOR decoder do anything but answer or refuse', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeCbor(Buffer.from(bytes))
      } catch (error) {
        expect(error).toMatchObject({ type: 'SerializationException', status: 400 })
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a request as the Java SDK writes it: indefinite lengths, tag 1 in milliseconds, byte strings', () => {
  const hex =
    'bf6a53747265616d4e616d656173675265636f7264739fbf6444617461430102036c506172746974696f6e4b65797f616b63657979ffffff' +
    '6954696d657374616d70c11b000001a1f0000000ff'
  expect(decodeCbor(Buffer.from(hex, 'hex'))).toEqual({
    StreamName: 's',
    Records: [{ Data: Buffer.of(1, 2, 3), PartitionKey: 'keyy' }],
    Timestamp: new Date(0x1a1f0000000),
  })
})

test('JSON answers carry blobs in base64, times in seconds, and leave out what is undefined', () => {
  const value = {
    Data: Buffer.from('hi'),
    At: new Date(1_795_391_804_054),
    Gone: undefined,
    List: ['a\n', 1, null, true],
  }
  expect(encodeJson(value)).toBe('{"Data":"aGk=","At":1795391804.054,"List":["a\\n",1,null,true]}')
  expect(() => decodeJson(Buffer.from('{'))).toThrow(expect.objectContaining({ type: 'SerializationException' }))
})

test.each([
  { it: 'a number for a text', read: () => new RequestFields({ A: 1 }).string('A'), type: 'SerializationException' },
  { it: 'text for a number', read: () => new RequestFields({ A: '1' }).integer('A'), type: 'SerializationException' },
  { it: 'no base64', read: () => new RequestFields({ A: 'a$b=' }).blob('A'), type: 'SerializationException' },
  { it: 'a list for a structure', read: () => new RequestFields([]), type: 'SerializationException' },
  { it: 'a missing member', read: () => new RequestFields({}).string('A'), type: 'ValidationException' },
  {
    it: 'too long',
    read: () => new RequestFields({ A: 'aaa' }).string('A', { maxLength: 2 }),
    type: 'ValidationException',
  },
  { it: 'out of range', read: () => new RequestFields({ A: 5 }).integer('A', { max: 4 }), type: 'ValidationException' },
  { it: 'inherited names', read: () => new RequestFields({}).string('toString'), type: 'ValidationException' },
])('$it: $type', ({ read, type }) => {
  expect(read).toThrow(expect.objectContaining({ type, status: 400 }))
})

test('event stream frames are laid out as specified', () => {
  const frame = encodeEventStreamFrame({ ':event-type': 'é' }, '{}')
  expect(frame.readUInt32BE(0)).toBe(frame.length)
  expect(frame.readUInt32BE(4)).toBe(1 + 11 + 1 + 2 + 2)
  expect(frame.readUInt32BE(8)).toBe(crc32(frame.subarray(0, 8)))
  expect(frame.subarray(12, 29)).toEqual(
    Buffer.concat([Buffer.of(11), Buffer.from(':event-type'), Buffer.of(7, 0, 2), Buffer.from('é')]),
  )
  expect(frame.toString('utf8', 29, 31)).toBe('{}')
  expect(frame.readUInt32BE(31)).toBe(crc32(frame.subarray(0, 31)))
})

test('the query protocol reads lists and maps, XML escapes', () => {
  const fields = QueryFields.parse('A=1&L.member.1.Id=x&L.member.2.Id=y&M.entry.1.key=k&M.entry.1.value=v%26')
  expect(fields.list('L').map((one) => one.required('Id'))).toEqual(['x', 'y'])
  expect([...fields.map('M')]).toEqual([['k', 'v&']])
  expect(() => fields.required('B')).toThrow(expect.objectContaining({ type: 'InvalidParameter' }))
  expect(encodeXml({ A: '<&>', B: ['x'], C: new Map([['k', 'v']]), D: undefined })).toBe(
    '<A>&lt;&amp;&gt;</A><B><member>x</member></B><C><entry><key>k</key><value>v</value></entry></C>',
  )
})
