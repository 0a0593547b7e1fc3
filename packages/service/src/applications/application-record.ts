/** Amazon's application states (KinesisAnalyticsV2, 2018-05-23). */
export const applicationStatuses = [
  'DELETING',
  'STARTING',
  'STOPPING',
  'READY',
  'RUNNING',
  'UPDATING',
  'AUTOSCALING',
  'FORCE_STOPPING',
  'ROLLING_BACK',
  'MAINTENANCE',
  'ROLLED_BACK',
] as const

export type ApplicationStatus = (typeof applicationStatuses)[number]

/** Where an application's bundle lies, and what it is. */
export interface StoredCode {
  readonly contentType: 'ZIPFILE' | 'PLAINTEXT'
  /** Below the service's data directory: `apps/<name>/code/<sha256>.zip`. Immutable. */
  readonly file: string
  readonly sizeBytes: number
  /** Of the bytes, hex. */
  readonly sha256: string
  readonly md5: string
  /** Its name among the bundles that all nodes reach; given when there may be several. */
  readonly shared?: string | undefined
  /** Given when the code came from S3: described back as it was given. */
  readonly s3?: { readonly BucketARN: string; readonly FileKey: string; readonly ObjectVersion?: string }
}

/** Every value has its default filled in: this is what is described and what the job is started with. */
export interface ApplicationConfiguration {
  readonly code: StoredCode | undefined
  readonly parallelism: {
    readonly configurationType: 'DEFAULT' | 'CUSTOM'
    readonly parallelism: number
    readonly parallelismPerKpu: number
    readonly autoScalingEnabled: boolean
  }
  readonly checkpoints: {
    readonly configurationType: 'DEFAULT' | 'CUSTOM'
    readonly enabled: boolean
    readonly intervalMs: number
    readonly minPauseMs: number
  }
  readonly monitoring: {
    readonly configurationType: 'DEFAULT' | 'CUSTOM'
    readonly metricsLevel: 'APPLICATION' | 'TASK' | 'OPERATOR' | 'PARALLELISM'
    readonly logLevel: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG'
  }
  readonly snapshotsEnabled: boolean
  /** Absent: legacy. */
  readonly snapshotMode?: 'APPLICATION_SNAPSHOTS_LEGACY' | 'ENHANCED_SNAPSHOTS' | undefined
  readonly rollbackEnabled: boolean
  /** Property groups by id. */
  readonly properties: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Described as they were given; they have no effect on this machine's network. */
  readonly vpcs?: readonly VpcConfiguration[] | undefined
}

/** A VPC configuration as the API describes it. */
export interface VpcConfiguration {
  readonly id: string
  readonly subnetIds: readonly string[]
  readonly securityGroupIds: readonly string[]
}

/** A CloudWatch log stream as the API describes it. */
export interface LoggingOption {
  readonly id: string
  readonly logStreamArn: string
}

/** How the application was last told to run; absent before its first start. */
export interface RunConfiguration {
  readonly allowNonRestoredState: boolean
  readonly restoreType: 'SKIP_RESTORE_FROM_SNAPSHOT' | 'RESTORE_FROM_LATEST_SNAPSHOT' | 'RESTORE_FROM_CUSTOM_SNAPSHOT'
  /** Of RESTORE_FROM_CUSTOM_SNAPSHOT: one of them. */
  readonly snapshotName?: string
  readonly snapshotArn?: string
}

/**
 * The run whose checkpoints a new process goes on from: those that attempts since `sinceEpoch` have completed, and
 * `restoredFrom` (a savepoint's folder) as long as there is none; undefined there: from the beginning.
 */
export interface RunLineage {
  readonly sinceEpoch: number
  readonly restoredFrom: string | undefined
  /** The operation that began it, and the savepoint that this one took of the run before: a rollback goes back to it. */
  readonly begunBy?: string | undefined
  readonly savedBefore?: string | undefined
}

/** One application as the store holds it. Times are epoch ms; those of the API are whole seconds. */
export interface ApplicationRecord {
  readonly name: string
  readonly arn: string
  readonly description: string | undefined
  readonly runtimeEnvironment: string
  readonly serviceExecutionRole: string
  readonly mode: 'STREAMING'
  readonly status: ApplicationStatus
  readonly versionId: number
  /** Whole seconds, epoch ms: clients send it back without a fraction when they delete. */
  readonly createdMs: number
  readonly lastUpdatedMs: number
  /** Changes with every version; opaque. */
  readonly conditionalToken: string
  readonly configuration: ApplicationConfiguration
  readonly runConfiguration: RunConfiguration | undefined
  readonly versionUpdatedFrom: number | undefined
  /** Of a version that a rollback made: the one that was given up, and the one that was gone back to. */
  readonly versionRolledBackFrom?: number | undefined
  readonly versionRolledBackTo?: number | undefined
  readonly versionCreatedMs?: number | undefined
  readonly loggingOptions?: readonly LoggingOption[] | undefined
  /** `HH:MM`, UTC; absent: the service's default. */
  readonly maintenanceStart?: string | undefined
  /** What the last rescaling brought about; absent: the configured parallelism. */
  readonly currentParallelism?: number | undefined
  /** A RUNNING application has no job since then, and is to have none until it's woken or changed; epoch ms. */
  readonly hibernatedSinceMs?: number | undefined
  /** Grows with every process that is started for the application: fences the ones before (engine epoch). */
  readonly epoch: number
  /** Undefined when the last run was ended by a stop: the next start then begins a new one. */
  readonly lineage: RunLineage | undefined
}

export type OperationName =
  | 'CreateApplication'
  | 'StartApplication'
  | 'StopApplication'
  | 'UpdateApplication'
  | 'DeleteApplication'
  | 'RollbackApplication'
  | 'ScaleApplication'
  /** A change that needs no job to be restarted, under the name of its call. */
  | 'AddApplicationCloudWatchLoggingOption'
  | 'DeleteApplicationCloudWatchLoggingOption'
  | 'AddApplicationVpcConfiguration'
  | 'DeleteApplicationVpcConfiguration'

export type OperationStatus = 'IN_PROGRESS' | 'CANCELLED' | 'SUCCESSFUL' | 'FAILED'

/** One operation, persisted before anything is done: what a restarted service goes on from. */
export interface OperationRecord {
  readonly id: string
  readonly applicationName: string
  readonly name: OperationName
  readonly status: OperationStatus
  readonly startedMs: number
  readonly endedMs: number | undefined
  /** The state to go back to when it fails. */
  readonly statusBefore: ApplicationStatus
  readonly versionFrom: number | undefined
  readonly versionTo: number | undefined
  /** What was asked for, as far as carrying it out needs it. Plain data. */
  readonly arguments: Readonly<Record<string, unknown>>
  /** At most 512 characters. */
  readonly error: string | undefined
  /** The rollback that its failure has brought about. */
  readonly rollbackOperationId?: string | undefined
}

/** Subtasks of each operator, at present and at the next start. */
export function parallelismOf({ currentParallelism, configuration }: ApplicationRecord): number {
  return currentParallelism ?? configuration.parallelism.parallelism
}

/** The configuration with the parallelism that rescaling has brought about: what a job is started with. */
export function presentConfiguration(application: ApplicationRecord): ApplicationConfiguration {
  const { configuration } = application
  const parallelism = { ...configuration.parallelism, parallelism: parallelismOf(application) }
  return { ...configuration, parallelism }
}
