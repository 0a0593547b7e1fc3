import type { CheckpointSettings } from '../checkpoint-coordinator.ts'
import type { JobState } from '../job-coordinator.ts'
import type { RestartStrategySettings } from '../restart-strategy.ts'
import type { ExceptionEntry } from './exception-history.ts'
import type { SubtaskExecution } from './subtask-executions.ts'

/** A job as whoever watches it sees it. Plain data; times are epoch ms. */
export interface JobDetails {
  readonly name: string
  readonly state: JobState
  /** When it last came into each state. */
  readonly timestamps: Readonly<Partial<Record<JobState, number>>>
  /** The clock of the job's process. */
  readonly nowMs: number
  readonly restarts: number
  readonly maxParallelism: number
  readonly threads: number
  readonly restartStrategy: RestartStrategySettings
  /** Undefined: it takes none of its own. */
  readonly checkpoints?: CheckpointSettings | undefined
  readonly checkpointFolder?: string | undefined
  /** By the number of the task in the plan. */
  readonly tasks: readonly JobTaskDetails[]
  /** The newest first. */
  readonly exceptions: readonly ExceptionEntry[]
  readonly exceptionsTruncated: boolean
}

export interface JobTaskDetails {
  readonly name: string
  readonly parallelism: number
  readonly operators: readonly { readonly id: string; readonly name: string; readonly stateful: boolean }[]
  readonly subtasks: readonly SubtaskExecution[]
}
