import { ByteReader } from '../common/byte-reader.ts'
import { ByteWriter } from '../common/byte-writer.ts'
import { murmur3 } from '../common/murmur3.ts'
import { toWellFormed } from '../common/well-formed.ts'
import { bigintOf, writeTwosComplement } from './key-integer.ts'
import { type KeyPlace, refuseKey } from './key-refusal.ts'

/**
 * Keys as canonical bytes: one byte of tag, then the value. Two keys are the same key exactly when their bytes are
 * equal; `keyHash` of the bytes decides the key group and thereby the subtask. Nothing here can change later: every
 * snapshot depends on it. Specified byte by byte in docs/reference/state-format.md.
 */
const KeyTag = {
  /** Only inside a tuple, as a namespace, or as the key of a map state. */
  NULL: 0x01,
  FALSE: 0x02,
  TRUE: 0x03,
  NUMBER: 0x04,
  BIGINT: 0x05,
  /** Reserved for SQL's DECIMAL; not written yet. */
  DECIMAL: 0x06,
  STRING: 0x07,
  BYTES: 0x08,
  TIMESTAMP: 0x09,
  TUPLE: 0x0a,
} as const

const scratch = new ByteWriter(256)

/**
 * The canonical bytes of a record's key. -0 is 0, every NaN is one key, a lone surrogate counts as U+FFFD, a Date is a
 * timestamp of milliseconds, an array is a tuple. Refuses null, undefined, functions, symbols and objects without a
 * canonical form with `KEY_UNSUPPORTED` (kind application).
 */
export function encodeKey(key: unknown): Uint8Array {
  scratch.reset()
  writeKey(scratch, key)
  return scratch.toBytes()
}

/** As `encodeKey`, appended to a writer. */
function writeKey(writer: ByteWriter, key: unknown): void {
  if (key === null) refuseKey(null, 'key')
  write(writer, key, 'key', 0)
}

/** As `writeKey`, where null is allowed too: namespaces and the keys of a map state. */
export function writeKeyOrNull(writer: ByteWriter, key: unknown, place: KeyPlace): void {
  write(writer, key, place, 0)
}

/** The key (or null) that the bytes encode; tuples come frozen. Throws `DATA_CORRUPT` for other bytes. */
export function decodeKey(bytes: Uint8Array): unknown {
  return read(new ByteReader(bytes), bytes.length, 0)
}

/** Murmur3 x86 32-bit, seed 0, of the canonical bytes, as an int32. */
export function keyHash(bytes: Uint8Array): number {
  return murmur3(bytes)
}

/** `keyHash(encodeKey(key))` without making the bytes. */
export function hashOfKey(key: unknown): number {
  scratch.reset()
  writeKey(scratch, key)
  return murmur3(scratch.memory(), 0, scratch.length)
}

/**
 * A value for the key of a JavaScript `Map`: equal (SameValueZero) exactly when the encoded keys are. Primitives stand
 * for themselves, strings well-formed; composites are U+DC00, with which no well-formed string begins, and their bytes
 * as latin1. Refuses as `encodeKey` does.
 */
export function mapKey(key: unknown): unknown {
  switch (typeof key) {
    case 'string':
      return toWellFormed(key)
    case 'number':
      // Adding 0 turns -0 into 0.
      return key + 0
    case 'boolean':
    case 'bigint':
      return key
    default:
      if (key === null) refuseKey(null, 'key')
      return compositeMapKey(key, 'key')
  }
}

/** Whether the key can be looked up in a `Map` of `mapKey`s as it is: found, it is that key; not found says nothing. */
export function isPlainKey(key: unknown): boolean {
  return typeof key === 'string' ? key.charCodeAt(0) !== COMPOSITE : typeof key === 'number'
}

/** As `mapKey`, where null is allowed too and stands for itself. */
export function mapKeyOrNull(key: unknown, place: KeyPlace): unknown {
  if (key === null) return null
  return typeof key === 'object' || typeof key === 'function' || typeof key === 'symbol' || key === undefined
    ? compositeMapKey(key, place)
    : mapKey(key)
}

/** The key that `mapKey` or `mapKeyOrNull` made this from; composites are fresh and frozen where they can be. */
export function keyOfMapKey(mapped: unknown): unknown {
  return typeof mapped === 'string' && mapped.charCodeAt(0) === COMPOSITE
    ? decodeKey(Buffer.from(mapped.slice(1), 'latin1'))
    : mapped
}

/** Appends the canonical bytes of the key that `mapKey` or `mapKeyOrNull` made this from. */
export function writeMapKey(writer: ByteWriter, mapped: unknown): void {
  if (typeof mapped === 'string' && mapped.charCodeAt(0) === COMPOSITE)
    writer.bytes(Buffer.from(mapped.slice(1), 'latin1'))
  else write(writer, mapped, 'key', 0)
}

const COMPOSITE = 0xdc00
const MAX_TUPLE_DEPTH = 32

function compositeMapKey(key: unknown, place: KeyPlace): string {
  scratch.reset()
  write(scratch, key, place, 0)
  return `\udc00${scratch.memory().toString('latin1', 0, scratch.length)}`
}

function write(writer: ByteWriter, key: unknown, place: KeyPlace, depth: number): void {
  switch (typeof key) {
    case 'string':
      writer.u8(KeyTag.STRING)
      writer.utf8(key)
      return
    case 'number':
      writer.u8(KeyTag.NUMBER)
      // Adding 0 turns -0 into 0.
      writer.f64(key + 0)
      return
    case 'boolean':
      writer.u8(key ? KeyTag.TRUE : KeyTag.FALSE)
      return
    case 'bigint':
      writer.u8(KeyTag.BIGINT)
      writeTwosComplement(writer, key)
      return
    case 'object':
      if (key === null) writer.u8(KeyTag.NULL)
      else writeComposite(writer, key, place, depth)
      return
    default:
      refuseKey(key, place)
  }
}

function writeComposite(writer: ByteWriter, key: object, place: KeyPlace, depth: number): void {
  if (Array.isArray(key)) {
    if (depth >= MAX_TUPLE_DEPTH) refuseKey(key, place)
    writeTuple(writer, key, place, depth)
  } else if (key instanceof Date) {
    const timestampMs = key.getTime()
    if (Number.isNaN(timestampMs)) refuseKey(key, place)
    writer.u8(KeyTag.TIMESTAMP)
    writer.i64(timestampMs)
  } else if (key instanceof Uint8Array) {
    writer.u8(KeyTag.BYTES)
    writer.bytes(key)
  } else refuseKey(key, place)
}

function writeTuple(writer: ByteWriter, parts: readonly unknown[], place: KeyPlace, depth: number): void {
  writer.u8(KeyTag.TUPLE)
  for (let i = 0; i < parts.length; i++) {
    const at = writer.length
    writer.u8(0)
    write(writer, parts[i], place, depth + 1)
    writer.prefixWithLength(at)
  }
}

function read(reader: ByteReader, end: number, depth: number): unknown {
  const at = reader.position
  const tag = reader.u8()
  const size = end - reader.position
  switch (tag) {
    case KeyTag.STRING:
      return reader.utf8(size)
    case KeyTag.NUMBER:
      if (size !== 8) reader.corrupt(`a number of ${size} bytes`, at)
      return reader.f64()
    case KeyTag.BIGINT:
      return bigintOf(reader.view(size))
    case KeyTag.BYTES:
      return reader.bytes(size)
    case KeyTag.TIMESTAMP:
      if (size !== 8) reader.corrupt(`a timestamp of ${size} bytes`, at)
      return new Date(reader.i64())
    case KeyTag.TUPLE:
      return readTuple(reader, end, depth)
    default:
      if (size !== 0) reader.corrupt(`no key's tag (${tag}), or ${size} bytes too many`, at)
      return readConstant(reader, tag, at)
  }
}

function readConstant(reader: ByteReader, tag: number, at: number): boolean | null {
  if (tag === KeyTag.NULL) return null
  if (tag === KeyTag.FALSE) return false
  if (tag === KeyTag.TRUE) return true
  return reader.corrupt(`no key's tag (${tag})`, at)
}

function readTuple(reader: ByteReader, end: number, depth: number): readonly unknown[] {
  if (depth >= MAX_TUPLE_DEPTH) reader.corrupt('a tuple nested too deep')
  const parts: unknown[] = []
  while (reader.position < end) {
    const at = reader.position
    const size = reader.varuint()
    if (size > end - reader.position) reader.corrupt(`a part of ${size} bytes`, at)
    parts.push(read(reader, reader.position + size, depth + 1))
  }
  return Object.freeze(parts)
}
