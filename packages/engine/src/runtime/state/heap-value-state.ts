import type { ValueState } from '../../spi/state.ts'
import type { KeyTable } from './key-table.ts'

/** One value of the current key. */
export class HeapValueState<T> implements ValueState<T> {
  readonly #table: KeyTable
  readonly #slot: number

  constructor(table: KeyTable, slot: number) {
    this.#table = table
    this.#slot = slot
  }

  value(): T | null {
    return (this.#table.get(this.#slot) as T | undefined) ?? null
  }

  update(value: T | null): void {
    if (value === null || value === undefined) this.#table.remove(this.#slot)
    else this.#table.put(this.#slot, value)
  }

  clear(): void {
    this.#table.remove(this.#slot)
  }
}
