import { keyOfMapKey, mapKeyOrNull } from '../../types/key.ts'
import type { KeyTable } from './key-table.ts'
import { emptyList, ListCell } from './list-cell.ts'

/** One value per current key and namespace (a window's start, for instance). A namespace is encodable as a key, or null. */
export interface NamespacedValue<T> {
  get(namespace: unknown): T | null
  /** Neither null nor undefined: `clear` removes. */
  set(namespace: unknown, value: T): void
  clear(namespace: unknown): void
  /** The namespaces that hold something for the current key, in order of their first `set`; the caller's own array. */
  namespaces(): unknown[]
}

/** One list per current key and namespace. */
export interface NamespacedList<T> {
  /** The elements in order of insertion, never null. Stays as it is when the state changes. */
  get(namespace: unknown): readonly T[]
  add(namespace: unknown, value: T): void
  clear(namespace: unknown): void
  /** As `NamespacedValue.namespaces`. */
  namespaces(): unknown[]
}

/** A map from namespace to content in one slot of the current key: absent when it would be empty. */
class NamespaceMap<C> {
  readonly #table: KeyTable
  readonly #slot: number

  constructor(table: KeyTable, slot: number) {
    this.#table = table
    this.#slot = slot
  }

  get(namespace: unknown): C | undefined {
    return this.#map()?.get(mapKeyOrNull(namespace, 'namespace'))
  }

  set(namespace: unknown, content: C): void {
    const mapped = mapKeyOrNull(namespace, 'namespace')
    const map = this.#map()
    if (map === undefined) this.#table.put(this.#slot, new Map([[mapped, content]]))
    else map.set(mapped, content)
  }

  clear(namespace: unknown): void {
    const map = this.#map()
    if (map?.delete(mapKeyOrNull(namespace, 'namespace')) && map.size === 0) this.#table.remove(this.#slot)
  }

  namespaces(): unknown[] {
    return [...(this.#map()?.keys() ?? [])].map(keyOfMapKey)
  }

  #map(): Map<unknown, C> | undefined {
    return this.#table.get(this.#slot) as Map<unknown, C> | undefined
  }
}

export class HeapNamespacedValue<T> implements NamespacedValue<T> {
  readonly #map: NamespaceMap<T>

  constructor(table: KeyTable, slot: number) {
    this.#map = new NamespaceMap(table, slot)
  }

  get(namespace: unknown): T | null {
    return this.#map.get(namespace) ?? null
  }

  set(namespace: unknown, value: T): void {
    this.#map.set(namespace, value)
  }

  clear(namespace: unknown): void {
    this.#map.clear(namespace)
  }

  namespaces(): unknown[] {
    return this.#map.namespaces()
  }
}

export class HeapNamespacedList<T> implements NamespacedList<T> {
  readonly #map: NamespaceMap<ListCell>

  constructor(table: KeyTable, slot: number) {
    this.#map = new NamespaceMap(table, slot)
  }

  get(namespace: unknown): readonly T[] {
    const cell = this.#map.get(namespace)
    return cell === undefined ? emptyList : (cell.lend() as readonly T[])
  }

  add(namespace: unknown, value: T): void {
    const cell = this.#map.get(namespace)
    if (cell === undefined) this.#map.set(namespace, new ListCell([value]))
    else cell.add(value)
  }

  clear(namespace: unknown): void {
    this.#map.clear(namespace)
  }

  namespaces(): unknown[] {
    return this.#map.namespaces()
  }
}
