const NEWLINE = 10
const CHUNK_BYTES = 64 * 1024

/** Joins lines into large chunks, so that a file is handed some dozen arrays a megabyte and not one a record. */
export class LineBuffer {
  readonly #hand: (chunk: Uint8Array) => void
  #chunk = new Uint8Array(0)
  #start = 0
  #end = 0

  /** `hand` owns the chunks it gets. */
  constructor(hand: (chunk: Uint8Array) => void) {
    this.#hand = hand
  }

  /** Bytes not handed on yet. */
  get bufferedBytes(): number {
    return this.#end - this.#start
  }

  /** Copies the line, adds a newline. */
  add(line: Uint8Array): void {
    const lineBytes = line.length + 1
    if (this.#end + lineBytes > this.#chunk.length) {
      this.flush()
      this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, lineBytes))
      this.#start = 0
      this.#end = 0
    }
    this.#chunk.set(line, this.#end)
    this.#chunk[this.#end + line.length] = NEWLINE
    this.#end += lineBytes
  }

  /** Hands on what is there; the rest of the chunk takes the next lines. */
  flush(): void {
    if (this.#start === this.#end) return
    this.#hand(this.#chunk.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}
