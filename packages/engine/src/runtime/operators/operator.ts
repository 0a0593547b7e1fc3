import type { SubtaskContext } from '../../spi/runtime-context.ts'
import type { SnapshotReason } from '../../spi/sink.ts'
import type { HeapKeyedStateBackend } from '../state/heap-keyed-state-backend.ts'
import type { StateSweep } from '../state/heap-state-sweep.ts'
import type { KeyedSection } from '../state/keyed-schema.ts'

/** Takes records one by one: the next operator of the chain, an edge to another task, or several of these. */
export interface Output<in T> {
  emit(value: T, timestampMs: number): void
}

/** What a checkpoint holds of one operator in one subtask, when it is restored. */
export interface RestoredState {
  /** Keyed state of the key groups of any old subtask; the backend takes those of its own range. */
  readonly keyed: readonly KeyedSection[]
  /** Elements of the operator's list state of that name, already redistributed to this subtask. */
  list(name: string): readonly unknown[]
}

/** What an operator lives with: its subtask, its outputs, and how it asks to be looked at again. */
export interface OperatorContext extends SubtaskContext {
  readonly output: Output<any>
  /** The output of that tag; records go nowhere when nobody listens. */
  sideOutput(tag: string): Output<any>
  /** The subtask has something to do again though no input came. */
  readonly wake: () => void
  readonly restored: RestoredState | undefined
  /** Keyed state for this subtask's key groups, restored. At most one an operator. */
  createKeyedState(): HeapKeyedStateBackend
}

/** An operator's part of a checkpoint: taken at the barrier, complete when `lists` resolves and the sweep is done. */
export interface OperatorSnapshot {
  readonly keyed?: { readonly backend: HeapKeyedStateBackend; readonly sweep: StateSweep }
  readonly lists?: Promise<Readonly<Record<string, readonly unknown[]>>>
}

/**
 * One operator in one subtask. All calls come from the subtask's loop and never overlap. Order of a life:
 * `open`, then any of `process`, `flush`, `advanceWatermark`, `snapshot`, …; `finish` at the end of the input;
 * `close` on every path.
 */
export abstract class Operator<I = any> {
  /** Before any record and after state is restored. */
  open(): Promise<void> | void {}
  abstract process(value: I, timestampMs: number): void
  /** The end of an input batch: hand on what was collected. */
  flush(): void {}
  /** False while no further batch is wanted; the operator then calls `wake`. */
  isReady(): boolean {
    return true
  }
  /** Event time is now `watermarkMs`; fires what was waiting. The chain passes the watermark on afterwards. */
  advanceWatermark(_watermarkMs: number): void {}
  /** When processing time has to be looked at next, epoch ms. */
  nextProcessingTimeMs(): number {
    return Number.POSITIVE_INFINITY
  }
  advanceProcessingTime(_nowMs: number): void {}
  /** No further record will come. Records may still be emitted. */
  finish(): void {}
  snapshot(_checkpointId: number, _reason: SnapshotReason): OperatorSnapshot {
    return {}
  }
  /** That checkpoint is durable. Resolves when all that follows from it is done (commits). */
  notifyCheckpointComplete(_checkpointId: number): Promise<void> | void {}
  close(): Promise<void> | void {}
}
