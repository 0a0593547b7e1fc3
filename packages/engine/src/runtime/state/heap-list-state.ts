import { EngineError } from '../../common/errors.ts'
import type { ListState } from '../../spi/state.ts'
import type { KeyTable } from './key-table.ts'
import { emptyList, ListCell } from './list-cell.ts'

/** A list of the current key. */
export class HeapListState<T> implements ListState<T> {
  readonly #table: KeyTable
  readonly #slot: number
  readonly #name: string

  constructor(table: KeyTable, slot: number, name: string) {
    this.#table = table
    this.#slot = slot
    this.#name = name
  }

  get(): readonly T[] {
    const cell = this.#table.get(this.#slot) as ListCell | undefined
    return cell === undefined ? emptyList : (cell.lend() as readonly T[])
  }

  add(value: T): void {
    this.#check(value)
    const cell = this.#table.get(this.#slot) as ListCell | undefined
    if (cell === undefined) this.#table.put(this.#slot, new ListCell([value]))
    else cell.add(value)
  }

  addAll(values: readonly T[]): void {
    this.#checkAll(values)
    const cell = this.#table.get(this.#slot) as ListCell | undefined
    if (cell !== undefined) for (const value of values) cell.add(value)
    else if (values.length > 0) this.#table.put(this.#slot, new ListCell([...values]))
  }

  update(values: readonly T[]): void {
    this.#checkAll(values)
    if (values.length === 0) this.#table.remove(this.#slot)
    else this.#table.put(this.#slot, new ListCell([...values]))
  }

  clear(): void {
    this.#table.remove(this.#slot)
  }

  #checkAll(values: readonly T[]): void {
    if (!Array.isArray(values)) throw this.#invalid(values === null ? 'null' : typeof values, 'instead of an array')
    for (let i = 0; i < values.length; i++) this.#check(values[i])
  }

  #check(value: unknown): void {
    if (value === null || value === undefined) throw this.#invalid(String(value), 'as an element')
  }

  #invalid(found: string, place: string): EngineError {
    return new EngineError('STATE_VALUE_INVALID', {
      kind: 'application',
      message: `List state '${this.#name}' of operator '${this.#table.operatorId}' was given ${found} ${place}.`,
      hint: 'A list holds values that are neither null nor undefined; update([]) or clear() empties it.',
      details: { operatorId: this.#table.operatorId, state: this.#name },
    })
  }
}
