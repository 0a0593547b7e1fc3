/**
 * A first-in first-out queue in a ring of slots that grows by doubling: nothing is ever shifted, and a slot is cleared
 * when its entry leaves, so that the queue holds on to nothing it doesn't contain.
 */
export class ElementQueue<T> {
  #slots: (T | undefined)[]
  #head = 0
  #length = 0

  /** `capacity` is the room at the start, rounded up to a power of two. */
  constructor(capacity = 16) {
    this.#slots = new Array<T | undefined>(2 ** Math.ceil(Math.log2(Math.max(capacity, 2)))).fill(undefined)
  }

  get length(): number {
    return this.#length
  }

  push(entry: T): void {
    if (this.#length === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = entry
    this.#length++
  }

  /** The oldest entry, which stays. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head]
  }

  /** Takes the oldest entry. */
  poll(): T | undefined {
    if (this.#length === 0) return undefined
    const entry = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#length--
    return entry
  }

  #grow(): void {
    const slots = new Array<T | undefined>(this.#slots.length * 2).fill(undefined)
    for (let i = 0; i < this.#length; i++) slots[i] = this.#slots[(this.#head + i) & (this.#slots.length - 1)]
    this.#slots = slots
    this.#head = 0
  }
}
