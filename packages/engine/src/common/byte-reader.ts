import { EngineError } from './errors.ts'

/**
 * Reads what a `ByteWriter` wrote, front to back, from any bytes (shared memory too). Reading beyond the end, or a
 * malformed number, throws `DATA_CORRUPT` (kind corrupt) with the offset.
 */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  #position: number
  readonly #end: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#position = start
    this.#end = end
  }

  /** Offset of the next byte, counted from the start of the bytes given. */
  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#end - this.#position
  }

  u8(): number {
    const at = this.#position
    if (at >= this.#end) this.#truncated(1)
    this.#position = at + 1
    return this.#bytes[at]!
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true)
  }

  i32(): number {
    return this.#view.getInt32(this.skip(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.skip(8), true)
  }

  /** Refuses what isn't a safe integer. */
  i64(): number {
    const at = this.skip(8)
    const value = this.#view.getInt32(at + 4, true) * 0x1_0000_0000 + this.#view.getUint32(at, true)
    if (!Number.isSafeInteger(value)) this.corrupt('a 64-bit integer beyond 2^53', at)
    return value
  }

  varuint(): number {
    const first = this.u8()
    if (first < 0x80) return first
    const start = this.#position - 1
    let value = first & 0x7f
    let scale = 128
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) this.corrupt('a varuint beyond 2^53', start)
      if (byte < 0x80) return value
      scale *= 128
      if (scale > Number.MAX_SAFE_INTEGER) this.corrupt('a varuint of more than eight bytes', start)
    }
  }

  varint(): number {
    const zigzag = this.varuint()
    if (zigzag > 0xffff_ffff) this.corrupt('a varint beyond 32 bits', this.#position)
    return (zigzag >>> 1) ^ -(zigzag & 1)
  }

  /** A `varuint` that counts things of at least `minBytesEach` bytes: refused when so many can't follow. */
  count(minBytesEach = 1): number {
    const start = this.#position
    const value = this.varuint()
    if (value * minBytesEach > this.#end - this.#position) this.corrupt(`a count of ${value}`, start)
    return value
  }

  string(): string {
    return this.utf8(this.varuint())
  }

  /** `size` bytes of UTF-8. */
  utf8(size: number): string {
    const at = this.skip(size)
    if (size <= SHORT_STRING) {
      const short = this.#shortAscii(at, size)
      if (short !== undefined) return short
    }
    return this.#bytes.toString('utf8', at, at + size)
  }

  /** A `string` that repeats from object to object, such as a property's name: served from a cache where it can. */
  name(): string {
    const size = this.varuint()
    const at = this.skip(size)
    if (size > MAX_CACHED_NAME) return this.#bytes.toString('utf8', at, at + size)
    const bytes = this.#bytes
    let hash = size
    for (let i = at; i < at + size; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0
    const slot = (hash ^ (hash >>> 12)) & (NAME_CACHE_SIZE - 1)
    const cached = nameCache[slot]!
    if (cached.length === size && sameAscii(bytes, at, cached)) return cached
    const name = this.#bytes.toString('utf8', at, at + size)
    // Only ASCII is cached, so that one byte is one character in the comparison above.
    if (name.length === size) nameCache[slot] = name
    return name
  }

  /** The next `size` bytes as a copy in memory of its own. */
  bytes(size: number): Uint8Array {
    const at = this.skip(size)
    const copy = new Uint8Array(size)
    copy.set(this.#bytes.subarray(at, at + size))
    return copy
  }

  /** The next `size` bytes as a window on the bytes given. */
  view(size: number): Uint8Array {
    const at = this.skip(size)
    return this.#bytes.subarray(at, at + size)
  }

  /** Passes over `size` bytes and returns the offset of the first. */
  skip(size: number): number {
    const at = this.#position
    if (at + size > this.#end) this.#truncated(size)
    this.#position = at + size
    return at
  }

  /** Throws `DATA_CORRUPT` for what was found at `offset`. */
  corrupt(found: string, offset = this.#position): never {
    throw new EngineError('DATA_CORRUPT', {
      kind: 'corrupt',
      message: `Found ${found} at byte ${offset}.`,
      details: { offset },
    })
  }

  #truncated(size: number): never {
    throw new EngineError('DATA_CORRUPT', {
      kind: 'corrupt',
      message: `Expected ${size} more bytes at byte ${this.#position}, but the data ends at byte ${this.#end}.`,
      details: { offset: this.#position, end: this.#end },
    })
  }

  #shortAscii(at: number, size: number): string | undefined {
    const bytes = this.#bytes
    let text = ''
    for (let i = at; i < at + size; i++) {
      const byte = bytes[i]!
      if (byte > 0x7f) return undefined
      text += String.fromCharCode(byte)
    }
    return text
  }
}

const SHORT_STRING = 8
const MAX_CACHED_NAME = 32
const NAME_CACHE_SIZE = 1024
const nameCache: string[] = new Array<string>(NAME_CACHE_SIZE).fill('')

function sameAscii(bytes: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}
