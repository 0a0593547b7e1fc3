import { invariant } from '../../common/errors.ts'

/**
 * A ring of bytes in shared memory for one writer and one reader, on two threads or on one.
 *
 * Both positions are counters of bytes that wrap at 2^32, each on a cache line of its own; the data is a power of two.
 * A message goes in fragments of at most a quarter of the ring, each [bytes, bytes of the message still to come, itself
 * included] and padded to eight bytes, so that a message may be larger than the ring. Nothing here waits.
 */
export interface RingMemory {
  /** Head (bytes written) at 0, tail (bytes read) at 16. */
  readonly positions: Int32Array
  readonly data: Uint8Array
  /** The data as integers: headers are aligned and never wrap. */
  readonly words: Int32Array
}

const headIndex = 0
const tailIndex = 16
const positionBytes = 128
const headerBytes = 8

/** The shared memory that a ring of `dataBytes` takes. */
export function ringMemoryBytes(dataBytes: number): number {
  return positionBytes + dataBytes
}

/** The ring at `offset` of zeroed shared memory. `dataBytes` is a power of two of at least 64. */
export function mapRing(buffer: SharedArrayBuffer, offset: number, dataBytes: number): RingMemory {
  invariant(dataBytes >= 64 && Number.isInteger(Math.log2(dataBytes)), 'a ring is a power of two', { dataBytes })
  return {
    positions: new Int32Array(buffer, offset, positionBytes >> 2),
    data: new Uint8Array(buffer, offset + positionBytes, dataBytes),
    words: new Int32Array(buffer, offset + positionBytes, dataBytes >> 2),
  }
}

export class RingWriter {
  readonly #ring: RingMemory
  readonly #fragmentBytes: number
  #head: number
  #readerWaits = false

  /** `head` is where the ring's positions stand, 0 in fresh memory. */
  constructor(ring: RingMemory, head = 0) {
    this.#ring = ring
    this.#head = head
    this.#fragmentBytes = (ring.data.length >> 2) - headerBytes
  }

  /**
   * Writes the message from byte `from` on, as much as there is room for in whole fragments; answers how far it got.
   * A message begun must be finished before the next one.
   */
  offer(message: Uint8Array, from = 0): number {
    const { data, words, positions } = this.#ring
    const mask = data.length - 1
    let done = from
    while (done < message.length) {
      const size = Math.min(message.length - done, this.#fragmentBytes)
      const taken = headerBytes + padded(size)
      if (data.length - ((this.#head - Atomics.load(positions, tailIndex)) | 0) < taken) break
      const at = this.#head & mask
      words[at >> 2] = size
      words[(at >> 2) + 1] = message.length - done
      this.#copyIn(message, done, size, (at + headerBytes) & mask)
      const before = this.#head
      this.#head = (before + taken) | 0
      Atomics.store(positions, headIndex, this.#head)
      // Looked at only after the head is public: a reader that hadn't read all yet will see it before it sleeps.
      if (Atomics.load(positions, tailIndex) === before) this.#readerWaits = true
      done += size
    }
    return done
  }

  /** Whether, since the last call, something was written that a sleeping reader doesn't know of. */
  takeReaderWaits(): boolean {
    const waits = this.#readerWaits
    this.#readerWaits = false
    return waits
  }

  #copyIn(message: Uint8Array, from: number, size: number, at: number): void {
    const { data } = this.#ring
    const first = Math.min(size, data.length - at)
    data.set(message.subarray(from, from + first), at)
    if (first < size) data.set(message.subarray(from + first, from + size), 0)
  }
}

export class RingReader {
  readonly #ring: RingMemory
  #tail: number
  /** A message whose first fragments have come. */
  #partial: { readonly message: Uint8Array; filled: number } | undefined

  /** `tail` as the writer's `head`. */
  constructor(ring: RingMemory, tail = 0) {
    this.#ring = ring
    this.#tail = tail
  }

  /** Empties the ring. Hands each whole message over in memory of its own; true if anything was read. */
  drain(deliver: (message: Uint8Array) => void): boolean {
    const { data, words, positions } = this.#ring
    const mask = data.length - 1
    const start = this.#tail
    while (Atomics.load(positions, headIndex) !== this.#tail) {
      const at = this.#tail & mask
      const size = words[at >> 2] as number
      const rest = words[(at >> 2) + 1] as number
      const partial = this.#partial ?? { message: new Uint8Array(rest), filled: 0 }
      this.#copyOut(partial.message, partial.filled, size, (at + headerBytes) & mask)
      partial.filled += size
      this.#partial = partial.filled < partial.message.length ? partial : undefined
      this.#tail = (this.#tail + headerBytes + padded(size)) | 0
      Atomics.store(positions, tailIndex, this.#tail)
      if (this.#partial === undefined) deliver(partial.message)
    }
    return this.#tail !== start
  }

  #copyOut(message: Uint8Array, to: number, size: number, at: number): void {
    const { data } = this.#ring
    const first = Math.min(size, data.length - at)
    message.set(data.subarray(at, at + first), to)
    if (first < size) message.set(data.subarray(0, size - first), to + first)
  }
}

function padded(size: number): number {
  return (size + 7) & ~7
}
