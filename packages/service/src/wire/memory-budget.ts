/** What a request or answer may hold and still count as small. */
const smallBytes = 64 << 10

/**
 * Bytes that all requests and answers in flight may hold together. Who gets none is turned away, not queued. A quarter is
 * kept for small ones, so that slow senders of megabytes can't keep everybody else out.
 */
export class MemoryBudget {
  readonly #limitBytes: number
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Takes `bytes` for somebody who holds `heldBytes` already; false when there is no room. */
  tryReserve(bytes: number, heldBytes = 0): boolean {
    const isSmall = heldBytes + bytes <= smallBytes
    if (this.#usedBytes + bytes > this.#limitBytes * (isSmall ? 1 : 0.75)) return false
    this.#usedBytes += bytes
    return true
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes
  }
}
