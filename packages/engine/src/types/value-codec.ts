import { ByteReader } from '../common/byte-reader.ts'
import { ByteWriter } from '../common/byte-writer.ts'
import { isWellFormed } from '../common/well-formed.ts'
import { explainUnsupported, isPlainObject, MAX_VALUE_DEPTH } from './value-support.ts'

/**
 * The canonical value codec `dynamic-1`: any plain data as self-describing bytes, one byte of tag before each value.
 * Equal values (same types, same order of properties and entries) have equal bytes. Specified byte by byte in
 * docs/reference/state-format.md; a change here is a new codec, never a new meaning of a tag.
 */
export const VALUE_CODEC_ID = 'dynamic-1'

/** The tags of the value codec. */
const ValueTag = {
  NULL: 0x00,
  UNDEFINED: 0x01,
  FALSE: 0x02,
  TRUE: 0x03,
  INT: 0x04,
  DOUBLE: 0x05,
  BIGINT: 0x06,
  NEGATIVE_BIGINT: 0x07,
  STRING: 0x08,
  STRING_UTF16: 0x09,
  BYTES: 0x0a,
  TYPED_ARRAY: 0x0b,
  DATE: 0x0c,
  ARRAY: 0x0d,
  MAP: 0x0e,
  SET: 0x0f,
  OBJECT: 0x10,
} as const

/** The element types of `TYPED_ARRAY`, by their number in the format. */
export const typedArrayTypes = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const

/**
 * Appends one value. Refuses what isn't plain data (functions, symbols, class instances, holes, cycles) with
 * `STATE_VALUE_UNSUPPORTED` (kind application) that names the path to it; nothing is written then.
 * A Buffer is written as the bytes it holds; shared references become copies.
 */
export function encodeValue(writer: ByteWriter, value: unknown): void {
  const start = writer.length
  if (write(writer, value, 0)) return
  writer.reset(start)
  throw explainUnsupported(value)
}

/** Reads one value. Throws `DATA_CORRUPT` when the bytes aren't an encoded value. Bytes are copied, never shared. */
export function decodeValue(reader: ByteReader): unknown {
  return read(reader, 0)
}

/** One value as bytes of their own. */
export function encodeValueBytes(value: unknown): Uint8Array {
  const writer = new ByteWriter(64)
  encodeValue(writer, value)
  return writer.toBytes()
}

/** The one value that the bytes hold; more bytes behind it are `DATA_CORRUPT`. */
export function decodeValueBytes(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes)
  const value = read(reader, 0)
  if (reader.remaining > 0) reader.corrupt(`${reader.remaining} bytes behind the value`)
  return value
}

/** Returns false as soon as something can't be written: the reason is searched for only then. */
function write(writer: ByteWriter, value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      writeString(writer, value)
      return true
    case 'number':
      writeNumber(writer, value)
      return true
    case 'boolean':
      writer.u8(value ? ValueTag.TRUE : ValueTag.FALSE)
      return true
    case 'undefined':
      writer.u8(ValueTag.UNDEFINED)
      return true
    case 'bigint':
      writeBigint(writer, value)
      return true
    case 'object':
      if (value === null) {
        writer.u8(ValueTag.NULL)
        return true
      }
      return depth < MAX_VALUE_DEPTH && writeObject(writer, value, depth + 1)
    default:
      return false
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if ((value | 0) === value && (value !== 0 || !Object.is(value, -0))) {
    writer.u8(ValueTag.INT)
    writer.varint(value)
  } else {
    writer.u8(ValueTag.DOUBLE)
    writer.f64(value)
  }
}

function writeString(writer: ByteWriter, value: string): void {
  const start = writer.length
  writer.u8(ValueTag.STRING)
  if (writer.asciiString(value)) return
  if (isWellFormed(value)) {
    writer.string(value)
    return
  }
  // A lone surrogate has no UTF-8 form, and state must come back as it was put.
  writer.reset(start)
  writer.u8(ValueTag.STRING_UTF16)
  writer.varuint(value.length)
  for (let i = 0; i < value.length; i++) writer.u16(value.charCodeAt(i))
}

function writeBigint(writer: ByteWriter, value: bigint): void {
  writer.u8(value < 0n ? ValueTag.NEGATIVE_BIGINT : ValueTag.BIGINT)
  const hex = value === 0n ? '' : (value < 0n ? -value : value).toString(16)
  const size = (hex.length + 1) >> 1
  writer.varuint(size)
  for (let end = hex.length; end > 0; end -= 2) writer.u8(Number.parseInt(hex.slice(Math.max(0, end - 2), end), 16))
}

function writeObject(writer: ByteWriter, value: object, depth: number): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return writeProperties(writer, value as Record<string, unknown>, depth)
  if (Array.isArray(value)) return prototype === Array.prototype && writeArray(writer, value, depth)
  if (value instanceof Uint8Array) return writeBytes(writer, value)
  if (prototype === Map.prototype) return writeMap(writer, value as Map<unknown, unknown>, depth)
  if (prototype === Set.prototype) return writeSet(writer, value as Set<unknown>, depth)
  if (prototype === Date.prototype) {
    writer.u8(ValueTag.DATE)
    writer.f64((value as Date).getTime())
    return true
  }
  if (ArrayBuffer.isView(value)) return writeTypedArray(writer, value)
  return isPlainObject(value) && writeProperties(writer, value as Record<string, unknown>, depth)
}

function writeProperties(writer: ByteWriter, value: Record<string, unknown>, depth: number): boolean {
  const names = Object.keys(value)
  writer.u8(ValueTag.OBJECT)
  writer.varuint(names.length)
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    if (!writer.asciiString(name)) {
      if (!isWellFormed(name)) return false
      writer.string(name)
    }
    if (!write(writer, value[name], depth)) return false
  }
  return true
}

function writeArray(writer: ByteWriter, value: readonly unknown[], depth: number): boolean {
  writer.u8(ValueTag.ARRAY)
  writer.varuint(value.length)
  for (let i = 0; i < value.length; i++) {
    const element = value[i]
    if (element === undefined && !Object.hasOwn(value, i)) return false
    if (!write(writer, element, depth)) return false
  }
  return true
}

function writeMap(writer: ByteWriter, value: ReadonlyMap<unknown, unknown>, depth: number): boolean {
  writer.u8(ValueTag.MAP)
  writer.varuint(value.size)
  for (const [key, element] of value) {
    if (!write(writer, key, depth) || !write(writer, element, depth)) return false
  }
  return true
}

function writeSet(writer: ByteWriter, value: ReadonlySet<unknown>, depth: number): boolean {
  writer.u8(ValueTag.SET)
  writer.varuint(value.size)
  for (const element of value) if (!write(writer, element, depth)) return false
  return true
}

function writeBytes(writer: ByteWriter, value: Uint8Array): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Uint8Array.prototype && prototype !== Buffer.prototype) return false
  writer.u8(ValueTag.BYTES)
  writer.varuint(value.length)
  writer.bytes(value)
  return true
}

function writeTypedArray(writer: ByteWriter, value: ArrayBufferView): boolean {
  const prototype = Object.getPrototypeOf(value)
  const type = typedArrayTypes.findIndex((each) => each.prototype === prototype)
  if (type < 0) return false
  writer.u8(ValueTag.TYPED_ARRAY)
  writer.u8(type)
  writer.varuint(value.byteLength)
  writer.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  return true
}

function read(reader: ByteReader, depth: number): unknown {
  const at = reader.position
  const tag = reader.u8()
  switch (tag) {
    case ValueTag.STRING:
      return reader.string()
    case ValueTag.INT:
      return reader.varint()
    case ValueTag.DOUBLE:
      return reader.f64()
    case ValueTag.OBJECT:
      return readProperties(reader, deeper(reader, depth))
    case ValueTag.ARRAY:
      return readArray(reader, deeper(reader, depth))
    case ValueTag.NULL:
      return null
    case ValueTag.UNDEFINED:
      return undefined
    case ValueTag.FALSE:
      return false
    case ValueTag.TRUE:
      return true
    case ValueTag.BIGINT:
      return readBigint(reader)
    case ValueTag.NEGATIVE_BIGINT:
      return -readBigint(reader)
    case ValueTag.STRING_UTF16:
      return readUtf16(reader)
    case ValueTag.BYTES:
      return reader.bytes(reader.count())
    case ValueTag.TYPED_ARRAY:
      return readTypedArray(reader)
    case ValueTag.DATE:
      return new Date(reader.f64())
    case ValueTag.MAP:
      return readMap(reader, deeper(reader, depth))
    case ValueTag.SET:
      return readSet(reader, deeper(reader, depth))
    default:
      return reader.corrupt(`no value's tag (${tag})`, at)
  }
}

function deeper(reader: ByteReader, depth: number): number {
  if (depth >= MAX_VALUE_DEPTH) reader.corrupt(`a value nested deeper than ${MAX_VALUE_DEPTH} levels`)
  return depth + 1
}

function readProperties(reader: ByteReader, depth: number): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  const count = reader.count(2)
  for (let i = 0; i < count; i++) {
    const name = reader.name()
    const element = read(reader, depth)
    if (name === '__proto__') defineOwn(value, name, element)
    else value[name] = element
  }
  return value
}

/** Assigning `__proto__` would change the prototype instead of adding a property. */
function defineOwn(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}

function readArray(reader: ByteReader, depth: number): unknown[] {
  const count = reader.count()
  const value: unknown[] = []
  for (let i = 0; i < count; i++) value.push(read(reader, depth))
  return value
}

function readMap(reader: ByteReader, depth: number): Map<unknown, unknown> {
  const count = reader.count(2)
  const value = new Map<unknown, unknown>()
  for (let i = 0; i < count; i++) {
    const key = read(reader, depth)
    value.set(key, read(reader, depth))
  }
  return value
}

function readSet(reader: ByteReader, depth: number): Set<unknown> {
  const count = reader.count()
  const value = new Set<unknown>()
  for (let i = 0; i < count; i++) value.add(read(reader, depth))
  return value
}

function readBigint(reader: ByteReader): bigint {
  const size = reader.count()
  if (size === 0) return 0n
  const hex = Buffer.from(reader.view(size)).reverse().toString('hex')
  return BigInt(`0x${hex}`)
}

function readUtf16(reader: ByteReader): string {
  const length = reader.count(2)
  const units: string[] = []
  for (let i = 0; i < length; i++) units.push(String.fromCharCode(reader.u16()))
  return units.join('')
}

function readTypedArray(reader: ByteReader): ArrayBufferView {
  const at = reader.position
  const number = reader.u8()
  const type = typedArrayTypes[number]
  if (type === undefined) return reader.corrupt(`no typed array's element type (${number})`, at)
  const bytes = reader.bytes(reader.count())
  if (bytes.length % type.BYTES_PER_ELEMENT !== 0) reader.corrupt(`half an element of ${type.name}`, at)
  return new type(bytes.buffer as ArrayBuffer, 0, bytes.length / type.BYTES_PER_ELEMENT)
}
