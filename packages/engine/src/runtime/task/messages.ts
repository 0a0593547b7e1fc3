import type { SerializedError } from '../../common/errors.ts'
import type { LogLevels, LogLine } from '../../common/logger.ts'
import type { ThreadFigures } from '../../common/thread-figures.ts'
import type { Split } from '../../spi/source.ts'
import type { Barrier } from '../exchange/element.ts'
import type { OperatorRole } from './task-description.ts'

/** A subtask by the task's number in the graph and its own. */
export interface SubtaskId {
  readonly task: number
  readonly subtask: number
}

/** Where an operator's state lies in a checkpoint: one file an old subtask, in order of the old subtasks. */
export interface OperatorStateLocation {
  readonly operatorId: string
  readonly files: readonly string[]
}

/** What a thread needs to run its subtasks in one attempt. Plain data. */
export interface Deployment {
  readonly attempt: number
  readonly graphHash: string
  readonly restore: readonly OperatorStateLocation[]
}

/** Where the subtasks put the files of one checkpoint. */
export interface CheckpointTarget {
  readonly folder: string
  /**
   * Part of each file's name, of no other attempt's: one that doesn't know yet that it was replaced writes into the
   * folders of its successor.
   */
  readonly writer: string
}

/** What an acknowledged subtask has put where. */
export interface SubtaskSnapshot extends SubtaskId {
  /** The file's full path; undefined when the job has nowhere to store state. */
  readonly file: string | undefined
  readonly sizeBytes: number
  /** Operators that put anything into it. */
  readonly operatorIds: readonly string[]
  readonly alignmentMs: number
  /** Time in which no record was processed, ms. */
  readonly syncMs: number
  /** From there until the file was written, ms. */
  readonly asyncMs: number
  /** From the checkpoint's trigger to the first barrier, ms. */
  readonly startDelayMs: number
}

/** From the coordinator to a thread. Plain data, handled in order. */
export type ToThread =
  | { readonly kind: 'deploy'; readonly deployment: Deployment }
  | { readonly kind: 'run' }
  | {
      readonly kind: 'add-splits'
      readonly operatorId: string
      readonly subtask: number
      readonly splits: readonly Split[]
    }
  | { readonly kind: 'no-more-splits'; readonly operatorId: string; readonly subtask: number }
  | { readonly kind: 'source-event'; readonly operatorId: string; readonly subtask: number; readonly event: unknown }
  /** Starts a checkpoint in the source subtasks; `target` is where all subtasks write their files. */
  | { readonly kind: 'trigger-checkpoint'; readonly barrier: Barrier; readonly target: CheckpointTarget | undefined }
  | { readonly kind: 'checkpoint-complete'; readonly checkpointId: number }
  | { readonly kind: 'checkpoint-aborted'; readonly checkpointId: number }
  | { readonly kind: 'collect-metrics'; readonly requestId: number }
  | { readonly kind: 'set-log-levels'; readonly levels: LogLevels }
  | { readonly kind: 'close' }

/** From a thread to the coordinator. */
export type FromThread =
  /** All subtasks are restored and open. */
  | { readonly kind: 'deployed' }
  | { readonly kind: 'reader-registered'; readonly operatorId: string; readonly subtask: number }
  | { readonly kind: 'split-requested'; readonly operatorId: string; readonly subtask: number }
  | { readonly kind: 'reader-event'; readonly operatorId: string; readonly subtask: number; readonly event: unknown }
  | { readonly kind: 'checkpoint-acknowledged'; readonly checkpointId: number; readonly snapshot: SubtaskSnapshot }
  | {
      readonly kind: 'checkpoint-declined'
      readonly checkpointId: number
      readonly subtask: SubtaskId
      readonly error: SerializedError
    }
  /** Everything that follows from a completed checkpoint is done in this thread. */
  | { readonly kind: 'checkpoint-notified'; readonly checkpointId: number }
  /** The subtask's input has ended and all of it is processed. */
  | { readonly kind: 'ended'; readonly subtask: SubtaskId }
  | { readonly kind: 'failed'; readonly subtask: SubtaskId | undefined; readonly error: SerializedError }
  | { readonly kind: 'metrics'; readonly requestId: number; readonly metrics: CollectedMetrics }
  | { readonly kind: 'log'; readonly line: LogLine }
  | { readonly kind: 'closed' }

/** Counters and gauges of one operator in one subtask; subtask -1 is a source's enumerator. Null: no value yet. */
export interface OperatorMetrics extends SubtaskId {
  readonly operatorId: string
  readonly operatorName: string
  readonly role: OperatorRole
  readonly values: Readonly<Record<string, number | null>>
}

/** Counters and gauges of one subtask as a whole. */
export interface SubtaskMetrics extends SubtaskId {
  readonly taskName: string
  readonly values: Readonly<Record<string, number | null>>
}

/** Metrics of one thread, or of all that answered. */
export interface CollectedMetrics {
  readonly operators: readonly OperatorMetrics[]
  readonly tasks: readonly SubtaskMetrics[]
  /** Worker threads; what runs on the calling thread has none of its own. */
  readonly threads: readonly (ThreadFigures & { readonly thread: number })[]
}
