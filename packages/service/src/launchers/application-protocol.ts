import type { JobState } from '@millrace/engine'
import type { CheckpointEntry, CheckpointReport, JobDetails, JobPlan, ThreadFigures } from '@millrace/engine/host'
import type { LogLevel, SerializedError } from '@millrace/engine/spi'

/** Version of the lines between an application's process and whoever controls it; see docs/reference/application-process.md. */
export const APPLICATION_PROTOCOL = 1

/** An application's states; the last four are final. */
export type ApplicationState = JobState

/** To the application. `requestId`, when given, comes back with the answer. */
export type ApplicationCommand =
  | {
      readonly type: 'savepoint'
      readonly requestId?: number
      /** Folder of the savepoint; one below the application's directory unless given. */
      readonly path?: string
      /** Ends the application once the savepoint is complete and committed. */
      readonly stop?: boolean
      /** With `stop`: event time is ended first, so that every window and timer fires. */
      readonly drain?: boolean
    }
  /** `savepoint` with `stop`. */
  | { readonly type: 'stop'; readonly requestId?: number; readonly path?: string; readonly drain?: boolean }
  /** Ends the application without a savepoint. */
  | { readonly type: 'cancel'; readonly requestId?: number }
  /** Of all loggers; with `logger` of that one, where null takes its own level away. */
  | { readonly type: 'log-level'; readonly requestId?: number; readonly level: LogLevel; readonly logger?: string }
  | { readonly type: 'log-level'; readonly requestId?: number; readonly level: null; readonly logger: string }
  | { readonly type: 'metrics'; readonly requestId?: number }
  /** Takes a checkpoint now. Answered by its `checkpoint` line. */
  | { readonly type: 'checkpoint'; readonly requestId?: number }
  | { readonly type: 'plan'; readonly requestId?: number }
  | { readonly type: 'details'; readonly requestId?: number }
  /** With `id`: that one too, with what each subtask answered. */
  | { readonly type: 'checkpoints'; readonly requestId?: number; readonly id?: number }

export interface CheckpointEvent {
  readonly type: 'checkpoint'
  /** With it the line answers a command; each checkpoint is told without it as well. */
  readonly requestId?: number
  readonly id: number
  /** Its folder; null when the application stores none. */
  readonly path: string | null
  readonly bytes: number
  readonly durationMs: number
}

/** The answer to `savepoint` and `stop`. */
export type SavepointEvent = { readonly type: 'savepoint'; readonly requestId?: number } & (
  | { readonly path: string; readonly id: number; readonly bytes: number; readonly durationMs: number }
  | { readonly error: SerializedError }
)

/** Counters and gauges of one operator in one subtask; subtask -1 is the source's enumerator. */
export interface OperatorMetricsLine {
  readonly task: number
  readonly subtask: number
  readonly operatorId: string
  readonly operatorName: string
  /** A sink hands no record on. */
  readonly role: 'source' | 'operator' | 'sink'
  readonly values: Readonly<Record<string, number | null>>
}

/** Counters and gauges of one subtask as a whole. */
export interface TaskMetricsLine {
  readonly task: number
  readonly subtask: number
  readonly taskName: string
  readonly values: Readonly<Record<string, number | null>>
}

/** What the application's process takes. */
export interface ProcessFigures {
  /** Of all its threads, since it began. */
  readonly cpuTimeMs: number
  readonly residentBytes: number
  /** Null where the system doesn't tell. */
  readonly threadCount: number | null
  /** The greatest of the last ten seconds, of the main thread. */
  readonly eventLoopLagMs: number
  readonly main: ThreadFigures
}

export interface MetricsEvent {
  readonly type: 'metrics'
  readonly requestId?: number
  readonly state: ApplicationState
  readonly restarts: number
  readonly uptimeMs: number
  readonly residentBytes: number
  /** Of the job as a whole, under Flink's names: times in ms, sizes in bytes; null: no value yet. */
  readonly job: Readonly<Record<string, number | null>>
  readonly tasks: readonly TaskMetricsLine[]
  readonly operators: readonly OperatorMetricsLine[]
  readonly process: ProcessFigures
  /** Worker threads; none when everything runs on the main thread. */
  readonly threads: readonly (ThreadFigures & { readonly thread: number })[]
}

/** The job's plan: once when it is known, and when asked for. */
export interface PlanEvent {
  readonly type: 'plan'
  readonly requestId?: number
  readonly plan: JobPlan
}

/** What the job is at: when asked for, and once at its end. */
export interface DetailsEvent {
  readonly type: 'details'
  readonly requestId?: number
  readonly details: JobDetails
}

/** The job's checkpoints: when asked for, and once at its end. */
export interface CheckpointsEvent {
  readonly type: 'checkpoints'
  readonly requestId?: number
  readonly checkpoints: CheckpointReport
  /** The one that was asked for; null when it isn't remembered. */
  readonly checkpoint?: CheckpointEntry | null
}

export interface StatusEvent {
  readonly type: 'status'
  readonly state: ApplicationState
  /** Why, for RESTARTING and FAILED. */
  readonly cause?: SerializedError
  readonly restarts: number
}

/** From the application. */
export type ApplicationEvent =
  /** The first line. */
  | { readonly type: 'hello'; readonly protocol: number; readonly version: string; readonly pid: number }
  | StatusEvent
  | CheckpointEvent
  | SavepointEvent
  | MetricsEvent
  | PlanEvent
  | DetailsEvent
  | CheckpointsEvent
  /** Every failure, also those followed by a restart. */
  | { readonly type: 'exception'; readonly error: SerializedError }
  | {
      readonly type: 'log'
      readonly timestampMs: number
      readonly level: LogLevel
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
  /** A command that couldn't be carried out, or wasn't understood. */
  | { readonly type: 'refused'; readonly requestId?: number; readonly error: SerializedError }
