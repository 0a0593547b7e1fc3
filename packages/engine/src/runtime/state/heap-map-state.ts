import type { MapState } from '../../spi/state.ts'
import { keyOfMapKey, mapKeyOrNull } from '../../types/key.ts'
import type { KeyTable } from './key-table.ts'

/** A map of the current key: its own keys are canonical as record keys are, and null is one of them. */
export class HeapMapState<K, V> implements MapState<K, V> {
  readonly #table: KeyTable
  readonly #slot: number

  constructor(table: KeyTable, slot: number) {
    this.#table = table
    this.#slot = slot
  }

  get(key: K): V | null {
    return this.#map()?.get(mapKeyOrNull(key, 'map key')) ?? null
  }

  put(key: K, value: V): void {
    const mapped = mapKeyOrNull(key, 'map key')
    const map = this.#map()
    if (map === undefined) this.#table.put(this.#slot, new Map([[mapped, value]]))
    else map.set(mapped, value)
  }

  contains(key: K): boolean {
    return this.#map()?.has(mapKeyOrNull(key, 'map key')) ?? false
  }

  remove(key: K): void {
    const map = this.#map()
    if (map?.delete(mapKeyOrNull(key, 'map key')) && map.size === 0) this.#table.remove(this.#slot)
  }

  isEmpty(): boolean {
    return this.#map() === undefined
  }

  entries(): IterableIterator<[K, V]> {
    return entriesOf(this.#map()) as IterableIterator<[K, V]>
  }

  keys(): IterableIterator<K> {
    return keysOf(this.#map()) as IterableIterator<K>
  }

  values(): IterableIterator<V> {
    return (this.#map() ?? new Map<unknown, V>()).values()
  }

  clear(): void {
    this.#table.remove(this.#slot)
  }

  #map(): Map<unknown, V> | undefined {
    return this.#table.get(this.#slot) as Map<unknown, V> | undefined
  }
}

function* entriesOf(map: ReadonlyMap<unknown, unknown> | undefined): IterableIterator<[unknown, unknown]> {
  if (map !== undefined) for (const [mapped, value] of map) yield [keyOfMapKey(mapped), value]
}

function* keysOf(map: ReadonlyMap<unknown, unknown> | undefined): IterableIterator<unknown> {
  if (map !== undefined) for (const mapped of map.keys()) yield keyOfMapKey(mapped)
}
