import { invariant } from '../../common/errors.ts'
import type { EntrySaver, KeyEntry, KeyTable } from './key-table.ts'
import type { KeyedSchema, KeyedSection } from './keyed-schema.ts'
import { SectionWriter } from './section-writer.ts'
import type { StateRegistry } from './state-registry.ts'
import type { QueuedTimer } from './timer.ts'

/** A snapshot of keyed state being written, as of the instant it was asked for, while records go on changing the state. */
export interface StateSweep {
  /** Writes up to so many entries; true once all are written. Throws what can't be written; only `abandon` helps then. */
  step(maxEntries: number): boolean
  /** The written sections, by key group, those without entries left out. Only when `step` has said so. */
  result(): readonly KeyedSection[]
  /** Gives the snapshot up: no more work for it, its memory freed. Harmless afterwards and twice. */
  abandon(): void
}

/**
 * Writes each entry once: either in a `step`, or just before a record gets hold of it (`save`, called by the table). An
 * entry made after the mark carries the new epoch and is passed over. Nothing is copied but the list of timers.
 *
 * `sectionSizes` remembers from one snapshot to the next how many bytes a key group took: buffers that grow leave
 * garbage outside the heap, which brings the garbage collector's long pauses forward.
 */
export class HeapStateSweep implements StateSweep, EntrySaver {
  readonly #table: KeyTable
  readonly #registry: StateRegistry
  readonly #schema: () => KeyedSchema
  readonly #sectionSizes: number[]
  #entries: Iterator<KeyEntry>
  #entriesLeft: number
  /** Timers at the mark, by queue. */
  #timers: readonly (readonly QueuedTimer[])[]
  #queue = 0
  #timer = 0
  #sections: (SectionWriter | undefined)[] = []
  #failure: { readonly error: unknown } | undefined
  #state: 'writing' | 'done' | 'abandoned' = 'writing'

  constructor(
    table: KeyTable,
    registry: StateRegistry,
    timers: readonly (readonly QueuedTimer[])[],
    schema: () => KeyedSchema,
    sectionSizes: number[],
  ) {
    this.#table = table
    this.#registry = registry
    this.#timers = timers
    this.#schema = schema
    this.#sectionSizes = sectionSizes
    this.#entries = table.entries.values()
    this.#entriesLeft = table.entries.size
    table.epoch++
    table.saver = this
  }

  step(maxEntries: number): boolean {
    invariant(this.#state !== 'abandoned', 'an abandoned snapshot is not written on')
    let left = maxEntries
    for (; left > 0 && this.#entriesLeft > 0; left--) {
      // The iterator of a Map lives: it passes every entry of the mark that is still there, and the new ones last.
      const entry: KeyEntry | undefined = this.#entries.next().value
      invariant(entry !== undefined, 'a snapshot passes every entry of its mark')
      if (entry.epoch !== this.#table.epoch) this.save(entry)
      if (this.#failure !== undefined) break
    }
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#entriesLeft > 0) return false
    if (this.#table.saver === this) this.#table.saver = undefined
    return this.#writeTimers(left)
  }

  save(entry: KeyEntry): void {
    try {
      if (this.#failure === undefined) this.#section(entry.keyGroup).addEntry(entry, this.#registry)
    } catch (error) {
      // The snapshot has failed, not the record that is about to get hold of the entry: `step` reports it.
      this.#failure = { error }
    }
    entry.epoch = this.#table.epoch
    this.#entriesLeft--
  }

  result(): readonly KeyedSection[] {
    invariant(this.#state === 'done', 'a snapshot has a result once it is written')
    const schema = this.#schema()
    return this.#sections.filter((each) => each !== undefined).map((each) => each.finish(schema))
  }

  abandon(): void {
    if (this.#table.saver === this) this.#table.saver = undefined
    this.#state = 'abandoned'
    this.#entries = [].values()
    this.#timers = []
    this.#sections = []
  }

  #writeTimers(maxTimers: number): boolean {
    for (let left = maxTimers; this.#queue < this.#timers.length; this.#queue++, this.#timer = 0) {
      const timers = this.#timers[this.#queue]!
      for (; this.#timer < timers.length; this.#timer++, left--) {
        if (left <= 0) return false
        const timer = timers[this.#timer]!
        this.#section(timer.keyGroup).addTimer(timer, this.#queue)
      }
    }
    this.#timers = []
    for (const [at, section] of this.#sections.entries()) this.#sectionSizes[at] = section?.length ?? 0
    this.#state = 'done'
    return true
  }

  #section(keyGroup: number): SectionWriter {
    const at = keyGroup - this.#table.range.start
    let section = this.#sections[at]
    if (section === undefined) {
      section = new SectionWriter(keyGroup, Math.ceil((this.#sectionSizes[at] ?? 0) * 1.1) + 256)
      this.#sections[at] = section
    }
    return section
  }
}
