import type { EngineError, FileSystem, LogLevel, Split } from '@millrace/engine/spi'
import type { ApplicationRecord, RunLineage } from '../applications/application-record.ts'
import type { JobInspection } from './job-inspection.ts'

/** What a job's process is started with. */
export interface JobSettings {
  /** Its configuration, version and restore behaviour. */
  readonly application: ApplicationRecord
  /** Greater than that of every process before: fences them. */
  readonly epoch: number
  /** What it goes on from. */
  readonly lineage: RunLineage
}

/** How a job's process ended. */
export interface JobExit {
  /** FINISHED: at the end of its input · STOPPED, CANCELED: as it was told · FAILED: everything else. */
  readonly outcome: 'FINISHED' | 'STOPPED' | 'CANCELED' | 'FAILED'
  /** Why it failed, as far as it could tell. */
  readonly cause: EngineError | undefined
}

/** A savepoint that is complete. */
export interface SavedState {
  readonly folder: string
  readonly sizeBytes: number
}

/** One process of an application. Killing it, or killing the service, ends it at once. */
export interface Job {
  /** Resolves at the first RUNNING; rejects with the reason when the process ends before that. */
  readonly running: Promise<void>
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<JobExit>
  /**
   * Stops with a savepoint and answers when the process is gone. `drain`: event time is ended first, so that all windows
   * and timers fire.
   * Errors: `NOT_RUNNING` (try again when it runs), `APPLICATION_EXITED`, and why the savepoint failed: it goes on then.
   */
  stop(options?: { readonly drain?: boolean }): Promise<SavedState>
  /** A savepoint while it goes on. Errors as for `stop`. */
  savepoint(): Promise<SavedState>
  /** Stops so that `latest` of its lineage loses nothing, without leaving a savepoint. Errors as for `stop`. */
  suspend(): Promise<void>
  /** Asks it to end without a savepoint. */
  cancel(): void
  /** `loggers`: levels of their own, by name; the others have none any more. */
  setLogLevel(level: LogLevel, loggers: Readonly<Record<string, LogLevel>>): void
  kill(): void
}

/** File systems in place of the service's own. */
export interface CopyReach {
  readonly source?: FileSystem
  readonly target?: FileSystem
}

/** Savepoints and checkpoints, wherever they are kept. */
export interface SavedStates {
  /** Bytes of a savepoint or checkpoint that is complete. Errors: `SAVEPOINT_NOT_FOUND`, `CHECKPOINT_CORRUPT`. */
  sizeOf(folder: string): Promise<number>
  /**
   * Copies a complete one; repeatable. Answers with its bytes. `reach`: for what isn't the service's own. Errors as for
   * `sizeOf`.
   */
  copy(from: string, to: string, reach?: CopyReach): Promise<number>
  /** One that isn't there is fine. */
  remove(folder: string): Promise<void>
  /** Whether a process of this epoch or a later one has completed a checkpoint: savepoints before it aren't needed. */
  hasCheckpoint(application: ApplicationRecord, sinceEpoch: number): Promise<boolean>
  /** Where its sources stand in what it would go on from; undefined when there is none. */
  splits(application: ApplicationRecord): Promise<readonly Split[] | undefined>
  /** Where the files of an enhanced snapshot go that no application keeps. */
  keptFolder(snapshotName: string): string
}

/** Starts jobs and owns what belongs to an application outside the store: its folders and its log. */
export interface JobLauncher {
  readonly states: SavedStates
  /** Does ahead what takes time: while an old version still runs. Errors: what is wrong with the code. */
  prepare(application: ApplicationRecord): Promise<void>
  /** Fetches code that another node has stored. Errors: `CODE_MISSING` (unavailable), `CODE_CORRUPT`, the storage's. */
  obtain?(application: ApplicationRecord): Promise<void>
  launch(settings: JobSettings): Job
  /** A line of the service's own in the application's log. */
  log(application: ApplicationRecord, level: LogLevel, message: string, fields?: Record<string, unknown>): void
  logFile(applicationName: string): string
  /** Looks into the application's newest job of this process; undefined when there was none. */
  inspect?(applicationName: string): JobInspection | undefined
  /** Removes everything of an application but its record; may be repeated. */
  remove(application: ApplicationRecord): Promise<void>
  close(): Promise<void>
}
