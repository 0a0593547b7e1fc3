import type { ApplicationRecord } from '../applications/application-record.ts'
import { bucketOf, safeKey } from './s3-names.ts'
import type { S3Prefix, SnapshotOperationRecord, SnapshotRecord } from './snapshot-record.ts'

/** What a new snapshot is given. */
export interface NewSnapshot {
  readonly name: string
  readonly kind: SnapshotRecord['kind']
  readonly description?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** A snapshot with the operation on it that has begun; legacy ones have no such operation. */
export interface BegunSnapshot {
  readonly snapshot: SnapshotRecord
  readonly operation: SnapshotOperationRecord | undefined
}

/**
 * Snapshots by request. Each method resolves when what it begins is persisted; that then ends READY, gone or FAILED by
 * itself, also when the service is killed in between.
 * Errors: `ApiError` `ResourceInUseException` (names, states), `InvalidApplicationConfigurationException` (snapshots off,
 * or of the other mode), `LimitExceededException`, `ConcurrentModificationException`, `InvalidArgumentException` (a role without
 * credentials for AWS), `UnsupportedOperationException` (no S3 here).
 */
export interface Snapshots {
  /** Of a RUNNING application, which goes on. */
  create(application: ApplicationRecord, asked: NewSnapshot): Promise<BegunSnapshot>
  /** Refused while a run may still have to begin with it. */
  delete(snapshot: SnapshotRecord): Promise<BegunSnapshot>
  /** Copies its files below a prefix, into a folder of the operation's id, with the role's rights at AWS. */
  export(snapshot: SnapshotRecord, destination: S3Prefix, roleArn: string): Promise<SnapshotOperationRecord>
  /** Makes an enhanced snapshot of a savepoint that lies elsewhere, which the role can read at AWS. */
  import(asked: NewSnapshot, source: S3Prefix, roleArn: string): Promise<BegunSnapshot>
}

/**
 * `s3://bucket/prefix` without a slash at its end. Never a folder of this machine: who may export snapshots could write
 * anywhere then, and who may import them read. Errors: `InvalidArgumentException`.
 */
export function locationOf({ BucketARN, KeyPrefix }: S3Prefix): string {
  const prefix = KeyPrefix.replace(/^\/+|\/+$/g, '')
  return `s3://${bucketOf(BucketARN)}/${safeKey(prefix)}`.replace(/\/+$/, '')
}
