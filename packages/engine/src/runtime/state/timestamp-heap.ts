/** A binary min-heap of numbers: the lowest is found at once, adding and taking cost O(log n). */
export class TimestampHeap {
  #items: number[] = []

  get size(): number {
    return this.#items.length
  }

  /** `undefined` when empty. */
  peek(): number | undefined {
    return this.#items[0]
  }

  push(timestampMs: number): void {
    const items = this.#items
    let at = items.length
    items.push(timestampMs)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (items[parent]! <= timestampMs) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = timestampMs
  }

  pop(): number | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (last !== undefined && items.length > 0) this.#sink(0, last)
    return top
  }

  /** Takes these instead of what it held. A sorted array is a heap. */
  replace(timestamps: Iterable<number>): void {
    this.#items = [...timestamps].sort((a, b) => a - b)
  }

  #sink(from: number, value: number): void {
    const items = this.#items
    const { length } = items
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      if (child + 1 < length && items[child + 1]! < items[child]!) child++
      if (items[child]! >= value) break
      items[at] = items[child]!
      at = child
    }
    items[at] = value
  }
}
