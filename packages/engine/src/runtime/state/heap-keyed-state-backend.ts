import { assertNever, EngineError, invariant } from '../../common/errors.ts'
import type { StateDescriptor, StateHandle } from '../../spi/state.ts'
import { checkMaxParallelism, type KeyGroupRange } from '../../types/key-group.ts'
import { HeapListState } from './heap-list-state.ts'
import { HeapMapState } from './heap-map-state.ts'
import { HeapStateSweep, type StateSweep } from './heap-state-sweep.ts'
import { HeapValueState } from './heap-value-state.ts'
import { KeyTable } from './key-table.ts'
import type { KeyedSchema, KeyedSection } from './keyed-schema.ts'
import {
  HeapNamespacedList,
  HeapNamespacedValue,
  type NamespacedList,
  type NamespacedValue,
} from './namespaced-state.ts'
import { readSection } from './section-reader.ts'
import { StateRegistry } from './state-registry.ts'
import { HeapTimerQueue, type TimerQueue } from './timer-queue.ts'

export interface KeyedStateBackendSettings {
  /** The operator's uid: errors name it. */
  readonly operatorId: string
  readonly maxParallelism: number
  /** The key groups of this subtask. */
  readonly range: KeyGroupRange
}

/**
 * Keyed state and timers of one operator in one subtask, as JavaScript objects. For small and middling state: a million
 * small values cost about a quarter of a gigabyte, and the garbage collector stops for some tenths of a second to mark them.
 *
 * Snapshots are consistent as of `snapshot()` and written in slices between records. While one is being written, a key
 * is written just before a record or timer gets hold of it. Values are not copied: an object got from state must not be
 * changed except while its key is in hand.
 */
export class HeapKeyedStateBackend {
  readonly #registry: StateRegistry
  readonly #table: KeyTable
  readonly #queues: HeapTimerQueue[] = []
  readonly #sectionSizes: number[] = []

  constructor(settings: KeyedStateBackendSettings) {
    const { operatorId, maxParallelism, range } = settings
    checkMaxParallelism(maxParallelism)
    this.#registry = new StateRegistry(operatorId)
    this.#table = new KeyTable(operatorId, maxParallelism, range)
  }

  /** How many keys have state (timers apart). */
  get keyCount(): number {
    return this.#table.entries.size
  }

  /** Takes a record's key in hand. Refuses as `encodeKey` does. */
  setCurrentKey(key: unknown): void {
    this.#table.setCurrent(key)
  }

  /** Throws `STATE_WITHOUT_KEY` when no key is in hand. */
  currentKey(): unknown {
    return this.#table.currentKey()
  }

  /** Throws `INVARIANT_VIOLATED` when the key in hand belongs to another subtask. */
  currentKeyGroup(): number {
    return this.#table.currentKeyGroup()
  }

  /** A handle on a state of the key in hand. Throws `STATE_KIND_CHANGED` when its name stands for another kind. */
  getState<D extends StateDescriptor>(descriptor: D): StateHandle<D> {
    return this.#handle(descriptor) as StateHandle<D>
  }

  /** A value per key and namespace. Its name is one of the operator's state names. */
  namespacedValue<T>(name: string): NamespacedValue<T> {
    return new HeapNamespacedValue(this.#table, this.#registry.declare(name, 'namespaced-value'))
  }

  /** A list per key and namespace. Its name is one of the operator's state names. */
  namespacedList<T>(name: string): NamespacedList<T> {
    return new HeapNamespacedList(this.#table, this.#registry.declare(name, 'namespaced-list'))
  }

  /** The timer queue of that name, made by the first call. */
  timers(name: string): TimerQueue {
    return this.#queue(name)
  }

  /** What a snapshot of this operator says about itself. */
  schema(): KeyedSchema {
    return {
      maxParallelism: this.#table.maxParallelism,
      states: this.#registry.states(),
      timerQueues: this.#queues.map((each) => each.name),
    }
  }

  /**
   * Marks this instant: the state as it is now will be what the sweep writes. Costs a copy of the list of timers. No key
   * is in hand afterwards. The sweep before it must be done or abandoned.
   */
  snapshot(): StateSweep {
    invariant(this.#table.saver === undefined, 'one snapshot of keyed state at a time')
    this.#table.clearCurrent()
    const timers = this.#queues.map((each) => each.copy())
    return new HeapStateSweep(this.#table, this.#registry, timers, () => this.schema(), this.#sectionSizes)
  }

  /**
   * Takes in the key groups of its range from sections of any snapshot's subtasks; the others are passed over. Throws
   * `STATE_KIND_CHANGED`, `MAX_PARALLELISM_MISMATCH`, `STATE_CORRUPT`; the backend is of no use then.
   */
  restore(sections: readonly KeyedSection[]): void {
    const { start, end } = this.#table.range
    const slotsBySchema = new Map<KeyedSchema, readonly number[]>()
    for (const section of sections) {
      const { schema, keyGroup } = section
      const slots = slotsBySchema.get(schema) ?? this.#adopt(schema)
      slotsBySchema.set(schema, slots)
      if (keyGroup < start || keyGroup > end) continue
      const queues = schema.timerQueues.map((name) => this.#queue(name))
      readSection(section, { table: this.#table, registry: this.#registry, slots, queues })
    }
    this.#table.clearCurrent()
  }

  #adopt(schema: KeyedSchema): readonly number[] {
    const { operatorId, maxParallelism } = this.#table
    if (schema.maxParallelism !== maxParallelism) {
      throw new EngineError('MAX_PARALLELISM_MISMATCH', {
        kind: 'invalid',
        message: `Operator '${operatorId}' has a maxParallelism of ${schema.maxParallelism} in the snapshot and ${maxParallelism} in the job.`,
        hint: `Set maxParallelism to ${schema.maxParallelism}: which key lives where depends on it.`,
        details: { operatorId, stored: schema.maxParallelism, declared: maxParallelism },
      })
    }
    return this.#registry.adopt(schema)
  }

  #handle(descriptor: StateDescriptor): unknown {
    const { kind, name } = descriptor
    const slot = this.#registry.declare(name, kind)
    switch (kind) {
      case 'value':
        return new HeapValueState(this.#table, slot)
      case 'list':
        return new HeapListState(this.#table, slot, name)
      case 'map':
        return new HeapMapState(this.#table, slot)
      default:
        return assertNever(kind)
    }
  }

  #queue(name: string): HeapTimerQueue {
    const present = this.#queues.find((each) => each.name === name)
    if (present !== undefined) return present
    const queue = new HeapTimerQueue(name, this.#table)
    this.#queues.push(queue)
    return queue
  }
}
