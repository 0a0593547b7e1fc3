import type { Batch } from './batch.ts'
import type { SubtaskContext } from './runtime-context.ts'

/** Why a sink's snapshot is taken. Savepoints and the end of input leave nothing open: files are rolled. */
export type SnapshotReason = 'checkpoint' | 'savepoint' | 'end-of-input'

/** What a writer puts into a checkpoint: what it needs to go on, and what is to be committed once the checkpoint is durable. */
export interface SinkSnapshot<W, C> {
  readonly writerStates: readonly W[]
  readonly committables: readonly C[]
}

/**
 * Where records go.
 *
 * @template T the records' type
 * @template W writer state, @template C committables: plain data the canonical value codec can write
 */
export interface Sink<T, W = any, C = any> {
  readonly name: string
  /** What the outside sees after failures: see the guarantees table in the docs. */
  readonly guarantee: 'at-most-once' | 'at-least-once' | 'exactly-once'
  /** `restored`: the writer states this subtask takes over (of any old subtask, when rescaled). */
  createWriter(context: SubtaskContext, restored: readonly W[]): SinkWriter<T, W, C>
  /** Needed when the writer makes committables. */
  createCommitter?(context: SubtaskContext): SinkCommitter<C>
}

/**
 * Writes one subtask's records. Calls never overlap, but `write` goes on while a snapshot is becoming durable.
 *
 * At the barrier the engine calls `snapshot`. What was written before the call belongs to that checkpoint, what comes
 * after belongs to the next; the writer separates the two synchronously. The promise resolves when everything before
 * is durable (two-phase sinks) or acknowledged (at-least-once sinks); only then can the checkpoint complete, and only
 * after it has completed are the committables handed to the committer. (Flink's SinkV2 blocks the task meanwhile;
 * here the record path never waits for a disk or a network.) A snapshot that rejects fails the job whatever number of
 * checkpoint failures is tolerated: its records would be in no later one.
 */
export interface SinkWriter<T, W, C> {
  /** Called once before any other call; recovers restored state. `wake`: the writer became writable again, or has failed. */
  open(wake: () => void): Promise<void>
  /** Takes all of the batch. Synchronous: I/O goes on in the background; its failure is thrown by the next call. */
  write(batch: Batch<T>): void
  /** False while the writer wants no more records for now; the subtask pauses until `wake`. */
  isWritable(): boolean
  /** Event time has advanced (epoch ms). For sinks that close things by event time. */
  advanceWatermark?(watermarkMs: number): void
  snapshot(checkpointId: number, reason: SnapshotReason): Promise<SinkSnapshot<W, C>>
  /** Also called after a failure; what isn't committed must not become visible by it. */
  close(): Promise<void>
}

/** Makes committables visible. Must be idempotent: after a restart everything of the restored checkpoint is committed again. */
export interface SinkCommitter<C> {
  /**
   * Commits the committables of completed checkpoints, oldest first. Throwing `unavailable` makes the engine try again
   * with backoff, anything else fails the job.
   */
  commit(committables: readonly C[]): Promise<void>
  close(): Promise<void>
}
