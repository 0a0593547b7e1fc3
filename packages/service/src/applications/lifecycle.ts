import type { JobInspection } from '../jobs/job-inspection.ts'
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
  /** `force`: without a snapshot, also from states in between. */
  stop(application: ApplicationRecord, force: boolean): Promise<Accepted>
  /** A running one is restarted with its state; a stopped one is only changed. */
  update(application: ApplicationRecord, update: ApplicationUpdate): Promise<Accepted>
  /** A running one is stopped by force first. */
  delete(application: ApplicationRecord): Promise<Accepted>
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
