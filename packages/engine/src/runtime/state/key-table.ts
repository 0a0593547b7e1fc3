import { EngineError, invariant } from '../../common/errors.ts'
import { isPlainKey, keyOfMapKey, mapKey } from '../../types/key.ts'
import { type KeyGroupRange, keyGroupForKey } from '../../types/key-group.ts'

/** All that an operator remembers for one key: a slot per state, `undefined` where there is nothing. */
export class KeyEntry {
  readonly key: unknown
  readonly mapKey: unknown
  readonly keyGroup: number
  /** The epoch of the table in which the entry was made or last written to a snapshot. */
  epoch: number
  readonly slots: unknown[]
  /** How many slots hold something. An entry without any leaves the table. */
  filled = 0

  constructor(key: unknown, mapped: unknown, keyGroup: number, epoch: number, slots: unknown[]) {
    this.key = key
    this.mapKey = mapped
    this.keyGroup = keyGroup
    this.epoch = epoch
    this.slots = slots
  }
}

/** Is told of an entry before it can change, while a snapshot of the table is being written. */
export interface EntrySaver {
  save(entry: KeyEntry): void
}

/**
 * The keys of one operator in one subtask, and the key in hand. Choosing a key costs one lookup; a state is then an
 * array index away. Entries are made by the first write, and leave when their last slot is emptied.
 */
export class KeyTable {
  readonly operatorId: string
  readonly maxParallelism: number
  readonly range: KeyGroupRange
  readonly entries = new Map<unknown, KeyEntry>()
  /** Set while a snapshot is being written. Entries of an older epoch are not in it yet. */
  saver: EntrySaver | undefined
  /** Counts snapshots. */
  epoch = 0

  /** As many empty slots as any entry needed so far: a copy has just that size, an array that grows has seventeen. */
  readonly #emptySlots: unknown[] = []
  /** Of the current key, if it has one. */
  #entry: KeyEntry | undefined
  #key: unknown
  /** `undefined` while no key is in hand: no key has that form. */
  #mapKey: unknown
  /** -1 until it is asked for. */
  #keyGroup = -1

  constructor(operatorId: string, maxParallelism: number, range: KeyGroupRange) {
    this.operatorId = operatorId
    this.maxParallelism = maxParallelism
    this.range = range
  }

  setCurrent(key: unknown): void {
    // A key found as it is needs no closer look: what is stored is well-formed already.
    let entry = isPlainKey(key) ? this.entries.get(key) : undefined
    let mapped: unknown
    if (entry !== undefined) mapped = entry.mapKey
    else {
      mapped = mapKey(key)
      entry = this.entries.get(mapped)
    }
    this.#entry = entry
    this.#key = key
    this.#mapKey = mapped
    this.#keyGroup = -1
    if (this.saver !== undefined && entry !== undefined && entry.epoch !== this.epoch) this.saver.save(entry)
  }

  /** No key is in hand any more. */
  clearCurrent(): void {
    this.#entry = undefined
    this.#key = undefined
    this.#mapKey = undefined
    this.#keyGroup = -1
  }

  currentKey(): unknown {
    if (this.#mapKey === undefined) this.#withoutKey()
    return this.#entry === undefined ? this.#key : this.#entry.key
  }

  currentMapKey(): unknown {
    if (this.#mapKey === undefined) this.#withoutKey()
    return this.#mapKey
  }

  /** Throws `INVARIANT_VIOLATED` when the key belongs to another subtask. */
  currentKeyGroup(): number {
    if (this.#entry !== undefined) return this.#entry.keyGroup
    if (this.#keyGroup < 0) {
      if (this.#mapKey === undefined) this.#withoutKey()
      this.#keyGroup = this.#ownKeyGroup(this.#key)
    }
    return this.#keyGroup
  }

  /** What the slot of the current key holds. */
  get(slot: number): unknown {
    const entry = this.#entry
    if (entry !== undefined) return entry.slots[slot]
    if (this.#mapKey === undefined) this.#withoutKey()
    return undefined
  }

  /** Fills the slot of the current key. */
  put(slot: number, value: unknown): void {
    const entry = this.#entry ?? this.#makeEntry()
    const { slots } = entry
    if (slot >= slots.length) this.#addSlots(slots, slot)
    if (slots[slot] === undefined) entry.filled++
    slots[slot] = value
  }

  /** Empties the slot of the current key. */
  remove(slot: number): void {
    const entry = this.#entry
    if (entry === undefined) {
      if (this.#mapKey === undefined) this.#withoutKey()
      return
    }
    if (entry.slots[slot] === undefined) return
    entry.slots[slot] = undefined
    entry.filled--
    if (entry.filled > 0) return
    this.entries.delete(entry.mapKey)
    this.#entry = undefined
  }

  /** Takes a key in hand whose key group is known, as when state comes from a snapshot. */
  restoreKey(key: unknown, keyGroup: number): void {
    this.clearCurrent()
    this.#key = key
    this.#mapKey = mapKey(key)
    this.#keyGroup = keyGroup
    this.#entry = this.entries.get(this.#mapKey)
  }

  #makeEntry(): KeyEntry {
    const keyGroup = this.currentKeyGroup()
    // The caller may go on to change a tuple or a byte array that it used as a key.
    const key = typeof this.#key === 'object' ? keyOfMapKey(this.#mapKey) : this.#mapKey
    const entry = new KeyEntry(key, this.#mapKey, keyGroup, this.epoch, this.#emptySlots.slice())
    this.entries.set(this.#mapKey, entry)
    this.#entry = entry
    return entry
  }

  #addSlots(slots: unknown[], slot: number): void {
    while (this.#emptySlots.length <= slot) this.#emptySlots.push(undefined)
    // Filling up from the front keeps the array without holes, which is the fast kind.
    while (slots.length <= slot) slots.push(undefined)
  }

  #ownKeyGroup(key: unknown): number {
    const keyGroup = keyGroupForKey(key, this.maxParallelism)
    invariant(
      keyGroup >= this.range.start && keyGroup <= this.range.end,
      'state of a key lives in exactly one subtask',
      {
        operatorId: this.operatorId,
        keyGroup,
        range: this.range,
      },
    )
    return keyGroup
  }

  #withoutKey(): never {
    throw new EngineError('STATE_WITHOUT_KEY', {
      kind: 'application',
      message: `Operator '${this.operatorId}' used keyed state while no key is in hand.`,
      hint: 'Read and write keyed state only while a record or a timer of a keyed stream is processed, not in open or close.',
      details: { operatorId: this.operatorId },
    })
  }
}
