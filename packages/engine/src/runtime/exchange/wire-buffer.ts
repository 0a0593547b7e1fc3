/**
 * Growable memory for frames on their way between threads: the same bytes seen as integers, doubles and characters.
 * Everything starts at a multiple of eight bytes, so that columns are written and read as typed arrays, in the byte order
 * of the machine: both ends live in one process. Reused by `reset`, it keeps its memory.
 */
export class WireWriter {
  i32: Int32Array
  f64: Float64Array
  bytes: Buffer
  #length = 0

  constructor(capacityBytes = 16 * 1024) {
    const buffer = new ArrayBuffer(padded(capacityBytes))
    this.bytes = Buffer.from(buffer)
    this.i32 = new Int32Array(buffer)
    this.f64 = new Float64Array(buffer)
  }

  /** Bytes written; a multiple of eight. */
  get length(): number {
    return this.#length
  }

  reset(length = 0): void {
    this.#length = length
  }

  /** Takes room for `size` bytes and answers where it starts. Views got from the fields before this call may be stale. */
  reserve(size: number): number {
    const at = this.#length
    const end = at + padded(size)
    if (end > this.bytes.length) this.#grow(end)
    this.#length = end
    return at
  }

  /** Two integers. */
  header(first: number, second: number): void {
    const at = this.reserve(8) >> 2
    this.i32[at] = first
    this.i32[at + 1] = second
  }

  /** The integers, one beside the other. */
  doubles(...values: readonly number[]): void {
    const at = this.reserve(8 * values.length) >> 3
    for (let i = 0; i < values.length; i++) this.f64[at + i] = values[i] as number
  }

  /** What was written, as a window on this memory: valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.#length)
  }

  #grow(needed: number): void {
    const buffer = new ArrayBuffer(Math.max(this.bytes.length * 2, padded(needed)))
    const bytes = Buffer.from(buffer)
    this.bytes.copy(bytes, 0, 0, this.#length)
    this.bytes = bytes
    this.i32 = new Int32Array(buffer)
    this.f64 = new Float64Array(buffer)
  }
}

/** Reads one frame front to back. The frame must have its memory to itself and start at a multiple of eight bytes. */
export class WireReader {
  readonly bytes: Buffer
  readonly #buffer: ArrayBufferLike
  readonly #offset: number
  #position = 0

  constructor(frame: Uint8Array) {
    this.bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    this.#buffer = frame.buffer
    this.#offset = frame.byteOffset
  }

  /** Passes over `size` bytes and answers where they start. */
  skip(size: number): number {
    const at = this.#position
    this.#position = at + padded(size)
    return at
  }

  /** The next `length` integers, as a window on the frame. */
  integers(length: number): Int32Array {
    return new Int32Array(this.#buffer, this.#offset + this.skip(4 * length), length)
  }

  /** The next `length` doubles, as a window on the frame. */
  doubles(length: number): Float64Array {
    return new Float64Array(this.#buffer, this.#offset + this.skip(8 * length), length)
  }
}

function padded(size: number): number {
  return (size + 7) & ~7
}
