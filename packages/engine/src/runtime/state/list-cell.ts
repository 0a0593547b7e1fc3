/**
 * The elements of a list in state. A reader gets the array itself, and the next change is then made to a copy: so a list
 * that was got stays as it was, and a list that is only added to is never copied.
 */
export class ListCell {
  #items: unknown[]
  #lent = false

  constructor(items: unknown[]) {
    this.#items = items
  }

  get length(): number {
    return this.#items.length
  }

  /** For reading now; not kept. */
  peek(): readonly unknown[] {
    return this.#items
  }

  /** For the reader to keep. */
  lend(): readonly unknown[] {
    this.#lent = true
    return this.#items
  }

  add(item: unknown): void {
    if (this.#lent) {
      this.#items = [...this.#items]
      this.#lent = false
    }
    this.#items.push(item)
  }
}

/** What an empty list reads as. */
export const emptyList: readonly never[] = Object.freeze([])
