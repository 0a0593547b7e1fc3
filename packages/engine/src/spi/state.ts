/**
 * Keyed state: what an operator remembers for the key of the record in hand. Handles are made once in `open`; every call
 * acts on the current key. Values are written in the canonical value codec, so they must be plain data (see
 * docs/reference/state-format.md); an object got from state must not be changed without writing it back.
 * Reading nothing: a value is null, a list is empty, a map is empty (Flink 2.3, rules ST-1 to ST-3 of the semantics).
 */
export interface ValueState<T> {
  value(): T | null
  /** `null` clears. */
  update(value: T | null): void
  clear(): void
}

export interface ListState<T> {
  /** The elements in order of insertion; never null. */
  get(): readonly T[]
  /** Throws `STATE_VALUE_INVALID` for null and undefined. */
  add(value: T): void
  addAll(values: readonly T[]): void
  /** Replaces all; an empty list clears. */
  update(values: readonly T[]): void
  clear(): void
}

export interface MapState<K, V> {
  get(key: K): V | null
  put(key: K, value: V): void
  contains(key: K): boolean
  remove(key: K): void
  isEmpty(): boolean
  /** In order of insertion; entries may be put and removed while iterating. */
  entries(): IterableIterator<[K, V]>
  keys(): IterableIterator<K>
  values(): IterableIterator<V>
  clear(): void
}

export interface ValueStateDescriptor<T> {
  readonly kind: 'value'
  readonly name: string
  /** Only for the compiler. */
  readonly type?: T
}
export interface ListStateDescriptor<T> {
  readonly kind: 'list'
  readonly name: string
  readonly type?: T
}
export interface MapStateDescriptor<K, V> {
  readonly kind: 'map'
  readonly name: string
  readonly type?: [K, V]
}
export type StateDescriptor = ValueStateDescriptor<any> | ListStateDescriptor<any> | MapStateDescriptor<any, any>

export type StateHandle<D> =
  D extends ValueStateDescriptor<infer T>
    ? ValueState<T>
    : D extends ListStateDescriptor<infer T>
      ? ListState<T>
      : D extends MapStateDescriptor<infer K, infer V>
        ? MapState<K, V>
        : never

/** Describes a single value a key. `name` is unique in its operator and identifies the state in snapshots. */
export function valueState<T>(name: string): ValueStateDescriptor<T> {
  return { kind: 'value', name }
}

/** Describes a list a key. */
export function listState<T>(name: string): ListStateDescriptor<T> {
  return { kind: 'list', name }
}

/** Describes a map a key. Its keys obey the rules of record keys (encodable, equal when their canonical bytes are). */
export function mapState<K, V>(name: string): MapStateDescriptor<K, V> {
  return { kind: 'map', name }
}
