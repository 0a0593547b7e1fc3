/** What a snapshot goes through; its name stays taken in each of them. */
export type SnapshotStatus = 'CREATING' | 'READY' | 'DELETING' | 'FAILED'

/** By whom it came about: asked for, brought from elsewhere, or taken at a stop, an update or a rescaling. */
export type SnapshotInitiator = 'CreateSnapshot' | 'ImportSnapshot' | 'SystemCreateSnapshot'

/** A bucket and the part of the keys before the snapshot's own files, as the API has them. */
export interface S3Prefix {
  readonly BucketARN: string
  readonly KeyPrefix: string
}

/**
 * A savepoint with a name, as the store holds it. CREATING and DELETING are persisted before anything is done: a service
 * that comes after a crash takes them up.
 */
export interface SnapshotRecord {
  /** Unique in the application for `legacy`, in the account for `enhanced`. */
  readonly name: string
  /** `legacy` ones go with their application, `enhanced` ones outlive it. */
  readonly kind: 'legacy' | 'enhanced'
  /** Empty for an imported one. */
  readonly applicationName: string
  /** Tells an application from an earlier one of its name. */
  readonly applicationCreatedMs: number
  readonly applicationVersionId: number
  readonly runtimeEnvironment: string
  readonly status: SnapshotStatus
  /** Whole seconds, epoch ms: clients send it back without a fraction when they delete. */
  readonly createdMs: number
  readonly initiator: SnapshotInitiator
  /** Where its files are, or are to be. */
  readonly folder: string
  /** Known once it is READY. */
  readonly sizeBytes: number | undefined
  /** Why it FAILED. */
  readonly failure: string | undefined
  readonly description?: string | undefined
  readonly importedFrom?: S3Prefix | undefined
  /** Whose rights at AWS it's imported with. */
  readonly importRoleArn?: string | undefined
}

export type SnapshotOperationName =
  | 'CreateSnapshot'
  | 'DeleteSnapshot'
  | 'ImportSnapshot'
  | 'ExportSnapshot'
  | 'SystemCreateSnapshot'

/** One operation on an enhanced snapshot, persisted before anything is done. Kept when the snapshot is gone. */
export interface SnapshotOperationRecord {
  readonly id: string
  readonly snapshotName: string
  readonly name: SnapshotOperationName
  readonly status: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED'
  readonly startedMs: number
  readonly endedMs: number | undefined
  /** Of an export: below it the files go, in a folder of the operation's id. */
  readonly destination?: S3Prefix | undefined
  /** Whose rights at AWS it's exported with. */
  readonly exportRoleArn?: string | undefined
  /** The application's operation that a system snapshot was taken for. */
  readonly applicationName?: string | undefined
  readonly applicationOperationId?: string | undefined
  /** At most 512 characters. */
  readonly error: string | undefined
}

/** Within it a snapshot's name is unique: its application's name, or the empty one for the account. */
export function snapshotScope({ kind, applicationName }: Pick<SnapshotRecord, 'kind' | 'applicationName'>): string {
  return kind === 'legacy' ? applicationName : accountScope
}

/** The scope of enhanced snapshots. */
export const accountScope = ''
