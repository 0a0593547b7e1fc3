/**
 * A growable byte sequence, written front to back. All numbers are little-endian; see docs/reference/state-format.md.
 * Reuse one writer by `reset()`: it keeps its memory.
 */
export class ByteWriter {
  #bytes: Buffer
  #view: DataView
  #length = 0

  constructor(capacityBytes = 256) {
    // The zeroed pool-free allocation keeps unrelated memory of the process out of what is written to disk by mistake.
    this.#bytes = Buffer.alloc(Math.max(16, capacityBytes))
    this.#view = viewOf(this.#bytes)
  }

  get length(): number {
    return this.#length
  }

  /** Forgets everything from `length` on (all, by default) and keeps the memory. */
  reset(length = 0): void {
    this.#length = length
  }

  /** Makes room for so many bytes more at once: saves the steps of growing to a size known beforehand. */
  ensure(size: number): void {
    if (this.#length + size > this.#bytes.length) this.#grow(size)
  }

  u8(value: number): void {
    const at = this.#length
    if (at + 1 > this.#bytes.length) this.#grow(1)
    this.#bytes[at] = value
    this.#length = at + 1
  }

  u16(value: number): void {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value, true)
  }

  u32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
  }

  i32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setInt32(at, value, true)
  }

  /** IEEE 754 binary64. Every NaN is written as 0x7ff8000000000000. */
  f64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value, true)
    // The sign and payload of a NaN are the processor's choice: write the one canonical NaN.
    if (Number.isNaN(value)) {
      this.#view.setUint32(at, 0, true)
      this.#view.setUint32(at + 4, 0x7ff80000, true)
    }
  }

  /** Two's complement, 8 bytes, of an integer in the range of safe integers. */
  i64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setUint32(at, value >>> 0, true)
    this.#view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true)
  }

  /** LEB128: seven bits a byte, lowest first, the high bit says that more follow. For integers in [0, 2^53). */
  varuint(value: number): void {
    if (value < 0x80) {
      this.u8(value)
      return
    }
    if (this.#length + 8 > this.#bytes.length) this.#grow(8)
    let rest = value
    let at = this.#length
    while (rest >= 0x80) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 128)
    }
    this.#bytes[at++] = rest
    this.#length = at
  }

  /** An int32 as the `varuint` of its zigzag form: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
  varint(value: number): void {
    this.varuint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** The length of the UTF-8 form as `varuint`, then its bytes. A lone surrogate becomes U+FFFD. */
  string(value: string): void {
    if (this.asciiString(value)) return
    const size = Buffer.byteLength(value, 'utf8')
    this.varuint(size)
    const at = this.#reserve(size)
    this.#bytes.write(value, at, size, 'utf8')
  }

  /** As `string` when the value is short and ASCII; otherwise writes nothing and returns false. */
  asciiString(value: string): boolean {
    const size = value.length
    if (size > SHORT_STRING) return false
    const start = this.#length
    if (start + size + 1 > this.#bytes.length) this.#grow(size + 1)
    const bytes = this.#bytes
    bytes[start] = size
    for (let i = 0; i < size; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[start + 1 + i] = code
    }
    this.#length = start + 1 + size
    return true
  }

  /** The UTF-8 bytes alone, without a length. A lone surrogate becomes U+FFFD. */
  utf8(value: string): void {
    const size = value.length
    if (size <= SHORT_STRING) {
      if (this.#length + size > this.#bytes.length) this.#grow(size)
      const start = this.#length
      const bytes = this.#bytes
      let i = 0
      for (; i < size; i++) {
        const code = value.charCodeAt(i)
        if (code > 0x7f) break
        bytes[start + i] = code
      }
      if (i === size) {
        this.#length = start + size
        return
      }
    }
    const byteSize = Buffer.byteLength(value, 'utf8')
    const at = this.#reserve(byteSize)
    this.#bytes.write(value, at, byteSize, 'utf8')
  }

  /** The bytes alone, without a length. */
  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length)
    this.#bytes.set(value, at)
  }

  /** Overwrites four bytes written before: for a length known only afterwards. */
  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true)
  }

  /**
   * Makes the byte at `at` and what follows it, written before, into a length-prefixed sequence: the byte becomes the
   * `varuint` of the length. Longer ones are moved.
   */
  prefixWithLength(at: number): void {
    const size = this.#length - at - 1
    if (size < 0x80) {
      this.#bytes[at] = size
      return
    }
    const body = new Uint8Array(this.#bytes.subarray(at + 1, this.#length))
    this.#length = at
    this.varuint(size)
    this.bytes(body)
  }

  /** The memory behind `view()`, longer than what was written: for hot loops that count with `length` themselves. */
  memory(): Buffer {
    return this.#bytes
  }

  /** What was written, as a window on this writer's memory: valid until the next write. */
  view(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length)
  }

  /** What was written, as the caller's own copy. */
  toBytes(): Uint8Array {
    return new Uint8Array(this.view())
  }

  #reserve(size: number): number {
    const at = this.#length
    if (at + size > this.#bytes.length) this.#grow(size)
    this.#length = at + size
    return at
  }

  #grow(size: number): void {
    const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + size))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
    this.#view = viewOf(grown)
  }
}

/** Up to here a loop over the characters beats the call into Node; it must stay below 128, the first two-byte length. */
const SHORT_STRING = 48

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
