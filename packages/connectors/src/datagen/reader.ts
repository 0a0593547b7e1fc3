import {
  type Cancellable,
  MIN_TIMESTAMP,
  type PollResult,
  type ReaderOutput,
  type SourceReader,
  type SubtaskContext,
  seededRandom,
} from '@millrace/engine/spi'
import type { DatagenSettings } from './options.ts'
import type { DatagenSplit } from './splits.ts'

/** Most records one poll makes. */
const SLICE = 1000
/** Being held back, a split doesn't make up for more than this. */
const MOST_BEHIND_MS = 1000

interface ActiveSplit {
  readonly split: DatagenSplit
  next: number
  /** When the record at `next` is due, on the monotonic clock. */
  dueMs: number
}

/** Makes the records of one subtask's splits, each at its share of the rate. */
export class DatagenReader<T> implements SourceReader<T, DatagenSplit> {
  readonly #context: SubtaskContext
  readonly #settings: DatagenSettings<T>
  #splits: ActiveSplit[] = []
  #wake: () => void = () => {}
  #timer: Cancellable | undefined
  #noMoreSplits = false

  constructor(context: SubtaskContext, settings: DatagenSettings<T>) {
    this.#context = context
    this.#settings = settings
  }

  start(wake: () => void): void {
    this.#wake = wake
  }

  addSplits(splits: readonly DatagenSplit[]): void {
    const nowMs = this.#context.clock.monotonicMs()
    for (const split of splits) this.#splits.push({ split, next: split.next, dueMs: nowMs })
    this.#wake()
  }

  notifyNoMoreSplits(): void {
    this.#noMoreSplits = true
    this.#wake()
  }

  poll(output: ReaderOutput<T>): PollResult {
    const nowMs = this.#context.clock.monotonicMs()
    const slice = Math.max(1, Math.floor(Math.min(output.wanted, SLICE) / Math.max(1, this.#splits.length)))
    let more = false
    for (const active of this.#splits) {
      this.#emit(active, nowMs, slice, output)
      more ||= active.dueMs <= nowMs && active.next < this.#settings.count
    }
    if (this.#settings.count !== Number.POSITIVE_INFINITY) this.#releaseFinished(output)
    if (more) return 'more'
    if (this.#splits.length > 0) this.#wakeWhenDue(nowMs)
    return this.#splits.length === 0 && this.#noMoreSplits ? 'end' : 'nothing'
  }

  snapshotState(): readonly DatagenSplit[] {
    return this.#splits.map(({ split, next }) => ({ ...split, next }))
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    this.#splits = []
    this.#noMoreSplits = false
  }

  #emit(active: ActiveSplit, nowMs: number, slice: number, output: ReaderOutput<T>): void {
    const { generate, timestampOf, seed, count, recordsPerSecond } = this.#settings
    const { step } = active.split
    const intervalMs = (1000 * step) / recordsPerSecond
    const splitOutput = output.split(active.split.id)
    active.dueMs = Math.max(active.dueMs, nowMs - MOST_BEHIND_MS)
    for (let i = 0; i < slice && active.dueMs <= nowMs && active.next < count; i++) {
      const value = generate(active.next, seededRandom(mix(seed, active.next)))
      splitOutput.emit(value, timestampOf === undefined ? MIN_TIMESTAMP : timestampOf(value))
      active.next += step
      active.dueMs += intervalMs
    }
  }

  #releaseFinished(output: ReaderOutput<T>): void {
    const { count } = this.#settings
    for (const { split, next } of this.#splits) if (next >= count) output.releaseSplit(split.id)
    this.#splits = this.#splits.filter(({ next }) => next < count)
  }

  #wakeWhenDue(nowMs: number): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const active of this.#splits) dueMs = Math.min(dueMs, active.dueMs)
    this.#timer?.cancel()
    this.#timer = this.#context.scheduler.after(Math.max(1, dueMs - nowMs), () => this.#wake())
  }
}

/** A seed for each record, also for indexes beyond 32 bits. */
function mix(seed: number, index: number): number {
  let h = Math.imul(seed ^ Math.floor(seed / 0x1_0000_0000) ^ 0x9e3779b9, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 15) ^ index, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 13) ^ Math.floor(index / 0x1_0000_0000), 0x27d4eb2f)
  return h ^ (h >>> 16)
}
