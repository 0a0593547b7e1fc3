import type { CheckpointEntry, CheckpointReport, JobDetails, JobPlan } from '@millrace/engine/host'
import type { CheckpointEvent, MetricsEvent, Savepoint } from '../launchers/index.ts'
import type { JobExit } from './job-launcher.ts'

/** How and when a job's process ended. */
export interface JobEnd extends JobExit {
  readonly atMs: number
}

/**
 * Looks into an application's newest job, also when its process is gone: what it last told stays. Questions may be asked as
 * often as one likes: the job itself is asked at most every 200 ms. Undefined: it hasn't told (it is still being loaded, or
 * died before it did).
 */
export interface JobInspection {
  readonly epoch: number
  /** Epoch ms. */
  readonly startedMs: number
  /** Undefined while its process lives. */
  readonly ended: JobEnd | undefined
  plan(): Promise<JobPlan | undefined>
  details(): Promise<JobDetails | undefined>
  checkpoints(): Promise<CheckpointReport | undefined>
  /** With what each subtask answered; undefined also when the job doesn't remember that one. */
  checkpoint(id: number): Promise<CheckpointEntry | undefined>
  metrics(): Promise<MetricsEvent | undefined>
  /** Memory of its process and all that this one has started, proportional set size; undefined when it can't be told. */
  memoryBytes(): Promise<number | undefined>
  /** Takes a checkpoint now. Errors: `NOT_RUNNING`, `APPLICATION_EXITED`, why it failed. */
  takeCheckpoint(): Promise<CheckpointEvent>
  /** Takes a savepoint while the job goes on, into a new folder of the application. Errors as for `takeCheckpoint`. */
  takeSavepoint(): Promise<Savepoint>
}
