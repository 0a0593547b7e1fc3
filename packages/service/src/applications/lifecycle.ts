import type { LogLevel, Split } from '@millrace/engine/spi'
import type { JobInspection } from '../jobs/job-inspection.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import type {
  ApplicationConfiguration,
  ApplicationRecord,
  OperationRecord,
  RunConfiguration,
} from './application-record.ts'

/** What an update changes; what isn't given stays. */
export interface ApplicationUpdate {
  readonly configuration: ApplicationConfiguration
  readonly runConfiguration: Partial<RunConfiguration> | undefined
  readonly runtimeEnvironment: string | undefined
  readonly serviceExecutionRole: string | undefined
  readonly loggingOptions?: ApplicationRecord['loggingOptions']
}

/**
 * A change that no job needs to be restarted for. `name`: the operation that it is, with a version of its own; without one
 * it's neither.
 */
export interface Reconfiguration
  extends Pick<Partial<ApplicationRecord>, 'configuration' | 'loggingOptions' | 'maintenanceStart'> {
  readonly name?: OperationRecord['name']
}

/** How to stop. */
export interface StopOptions {
  /** Without a snapshot, also from states in between. */
  readonly force?: boolean
  /** Event time is ended first, so that all windows and timers fire. */
  readonly drain?: boolean
}

/** An accepted call: the application as it is now, and the operation that goes on in the background. */
export interface Accepted {
  readonly application: ApplicationRecord
  readonly operation: OperationRecord
}

/**
 * The life of applications: accepts what their state allows, persists it, carries it out. Each method resolves when the
 * operation is persisted; it then ends SUCCESSFUL or FAILED by itself, also when the service is killed in between.
 * Errors: `ApiError` `ResourceInUseException` when the state doesn't allow the call, `ConcurrentModificationException`.
 */
export interface Lifecycle {
  start(application: ApplicationRecord, run: RunConfiguration): Promise<Accepted>
  stop(application: ApplicationRecord, options?: StopOptions): Promise<Accepted>
  /** A running one is restarted with its state; a stopped one is only changed. */
  update(application: ApplicationRecord, update: ApplicationUpdate): Promise<Accepted>
  /** Done at once, whatever runs goes on. */
  reconfigure(application: ApplicationRecord, change: Reconfiguration): Promise<Accepted>
  /**
   * Back to the version before, with the newest state; from an update or a rescaling in progress to what was before that.
   * Errors: `InvalidRequestException` without a version before or without any snapshot.
   */
  rollback(application: ApplicationRecord): Promise<Accepted>
  /** Restarts a running one with this parallelism and its state. Errors: `InvalidArgumentException` (bounds). */
  scale(application: ApplicationRecord, currentParallelism: number): Promise<Accepted>
  /**
   * Ends the job of a running one so that nothing is lost; it stays RUNNING, also over restarts of the service. Resolves
   * when it's done. Errors: `NOT_RUNNING`, and why the job couldn't be ended: it goes on then.
   */
  hibernate(application: ApplicationRecord): Promise<void>
  /** Resolves when the job of one that hibernates runs again. */
  wake(application: ApplicationRecord): Promise<void>
  /**
   * Where the sources of one stand by the state that it would go on from: of a running one its newest checkpoint. Undefined
   * when there is none yet.
   */
  splits(application: ApplicationRecord): Promise<readonly Split[] | undefined>
  readonly snapshots: Snapshots
  /** A running one is stopped by force first. */
  delete(application: ApplicationRecord): Promise<Accepted>
  /** A line of the service's own in the application's log. */
  log(application: ApplicationRecord, level: LogLevel, message: string, fields?: Record<string, unknown>): void
  /** Log lines and figures of the running job, for `millrace logs` and the monitoring API. */
  logFile(applicationName: string): string
  /** Looks into the newest job, also when it has ended; undefined when none was started since the service was. */
  inspect?(applicationName: string): JobInspection | undefined
  /** JSON of the running job's plan; undefined when it doesn't run. */
  jobPlan?(applicationName: string): Promise<string | undefined>
  /** Takes up what a killed service has left: operations in progress, applications that were running. */
  recover(): Promise<void>
  /** Ends the jobs' processes in good order; their applications stay RUNNING in the store and go on at the next start. */
  close(): Promise<void>
}
