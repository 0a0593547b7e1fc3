import type { Clock, Scheduler } from '../common/clock.ts'
import type { Logger } from '../common/logger.ts'
import type { Random } from '../common/random.ts'
import type { MetricGroup } from './metrics.ts'
import type { SubtaskContext } from './runtime-context.ts'

/** The unit a source reads (a shard, a file range). Plain data the canonical value codec can write; `id` is unique in its source. */
export interface Split {
  readonly id: string
}

/** A record that couldn't be read, as it leaves by the source's dead-letter output. */
export interface DeadLetter {
  readonly source: string
  readonly splitId: string
  /** Position in the split (sequence number, offset), as text. */
  readonly position: string
  readonly reason: string
  /** What was read, as it came. */
  readonly data: Uint8Array
  /** The record's own time at its origin (arrival), epoch ms. */
  readonly timestampMs: number
}

/** What to do with a record that can't be read: fail the job, count and skip it, or count it and send it to the dead-letter output. */
export type MalformedPolicy = 'fail' | 'skip' | 'dead-letter'

/**
 * Where records come from (after Flink's FLIP-27: an enumerator beside the coordinator, one reader a subtask).
 *
 * @template T the records' type
 * @template S the splits
 * @template E the enumerator's state: plain data the canonical value codec can write
 */
export interface Source<T, S extends Split = any, E = any> {
  readonly name: string
  readonly boundedness: 'bounded' | 'unbounded'
  /**
   * Whether a restore hands every reader's splits back to the enumerator, so that they are balanced anew (right where
   * the number of records differs by split); else a reader keeps the splits of its own state.
   */
  readonly reassignSplitsOnRestore?: boolean
  /** `restored` is what `snapshotState` gave in the checkpoint that is restored, else undefined. */
  createEnumerator(context: EnumeratorContext<S>, restored: E | undefined): SplitEnumerator<S, E>
  createReader(context: SubtaskContext): SourceReader<T, S>
}

/** What the engine gives an enumerator. All calls happen on the coordinator's thread. */
export interface EnumeratorContext<S extends Split> {
  readonly applicationName: string
  readonly operatorId: string
  readonly parallelism: number
  /** Readers that have registered so far, by subtask index. Only these can be assigned splits. */
  readonly registeredReaders: ReadonlySet<number>
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  readonly metrics: MetricGroup
  /** Hands splits to a registered reader. A split is in one place only: the enumerator must count it as assigned from now on. */
  assignSplits(subtask: number, splits: readonly S[]): void
  /** Tells a reader that no further splits will come. */
  signalNoMoreSplits(subtask: number): void
  /** Sends plain data to the reader's `handleEvent`. */
  sendEvent(subtask: number, event: unknown): void
  /** Fails the job. */
  fail(error: unknown): void
}

/** Finds splits and assigns them: one a source, never two calls at once. */
export interface SplitEnumerator<S extends Split, E> {
  /** Called once, before any other call but `addSplitsBack`. Discovery starts here and may go on in the background. */
  start(): void
  /** A reader has registered. After a restart it already holds the splits of its restored state. */
  addReader(subtask: number): void
  /** A reader asks for work. */
  handleSplitRequest?(subtask: number): void
  /** Plain data from a reader. */
  handleEvent?(subtask: number, event: unknown): void
  /**
   * Splits that no reader holds: at a restore with `reassignSplitsOnRestore`, those of all readers (before `start`).
   * Keep them, with their positions, and assign them again.
   */
  addSplitsBack(splits: readonly S[]): void
  /** The state as of this instant. Synchronous: what was assigned before belongs to the readers' state. */
  snapshotState(checkpointId: number): E
  /** That checkpoint is durable. May be missed; then a later one implies it. */
  notifyCheckpointComplete?(checkpointId: number): void
  /** `ended`: the job is over and no restart follows; what was made for it outside can go. */
  close(reason?: 'ended'): Promise<void>
}

export type PollResult = 'more' | 'nothing' | 'end'

/** Reads splits, one reader a subtask. I/O happens in the background; every call is synchronous and none overlaps another. */
export interface SourceReader<T, S extends Split> {
  /** Called once, before any other call. `wake` tells the engine that `poll` has something again; calling it too often is harmless. */
  start(wake: () => void): void
  addSplits(splits: readonly S[]): void
  notifyNoMoreSplits(): void
  handleEvent?(event: unknown): void
  /**
   * Emits some records: about as many as `output.wanted` says, and at most about a thousand. `more`: call again; `nothing`: wait for `wake`;
   * `end`: no more splits were promised and all are read to their end. Throws what failed in the background.
   */
  poll(output: ReaderOutput<T>): PollResult
  /** The splits with positions after the last *emitted* record. */
  snapshotState(checkpointId: number): readonly S[]
  notifyCheckpointComplete?(checkpointId: number): void
  close(): Promise<void>
}

/** Where a reader's records go, within one `poll`. */
export interface ReaderOutput<T> {
  /** How many records this poll should emit at most, from 1 up: few where each takes the operators behind it long. */
  readonly wanted: number
  /** The output of one split, with its own watermark. Made at first use; cheap to take again at each poll. */
  split(splitId: string): SplitOutput<T>
  /** The split is finished: it no longer holds the watermark back. */
  releaseSplit(splitId: string): void
  /** Asks the enumerator for work (`handleSplitRequest`). */
  requestSplit(): void
  /** Sends plain data to the enumerator's `handleEvent`. */
  sendEvent(event: unknown): void
}

export interface SplitOutput<T> {
  /** Emits a record with the time it has at its origin (epoch ms), or `MIN_TIMESTAMP`. The watermark strategy may replace it. */
  emit(value: T, timestampMs: number): void
  /** A record that couldn't be read, by policy `dead-letter`. Counted. */
  deadLetter(letter: DeadLetter): void
  /** A record that couldn't be read, by policy `skip`. Counted. */
  skipped(): void
  /**
   * Whether the split is read up to its tip. Idleness counts only while it is: a split that is behind isn't idle
   * however long a fetch takes. True until told otherwise.
   */
  setCaughtUp(caughtUp: boolean): void
  /** Starts this split's watermark at that of its finished parent, so that its first records aren't judged by its siblings alone. */
  inheritWatermark(parentSplitId: string): void
}
