import type {
  SnapshotInitiator,
  SnapshotOperationName,
  SnapshotOperationRecord,
  SnapshotRecord,
  SnapshotStatus,
} from '../snapshots/snapshot-record.ts'
import type { Page } from './application-store.ts'
import type { Owner } from './owner.ts'

/** Which snapshots a list shows; what isn't given doesn't matter. */
export interface SnapshotFilter {
  readonly applicationName?: string | undefined
  readonly status?: SnapshotStatus | undefined
  readonly initiators?: readonly SnapshotInitiator[] | undefined
}

/** Which operations on a snapshot a list shows. */
export interface SnapshotOperationFilter {
  readonly name?: SnapshotOperationName | undefined
  readonly status?: SnapshotOperationRecord['status'] | undefined
}

/** Snapshots that belong to a change of an application, and their operations: stored with it or not at all. */
export interface SnapshotsOfChange {
  readonly snapshots: readonly SnapshotRecord[]
  readonly operations: readonly SnapshotOperationRecord[]
  /** Removes the records of the application's legacy snapshots first: their files are about to go. */
  readonly forgetLegacy?: boolean
}

/**
 * What the control plane remembers of snapshots. Each call is one transaction and durable when it resolves. Of the operations on
 * a snapshot the newest 1,000 are kept, of those on all snapshots that are gone as many, and each while it is in progress.
 */
export interface SnapshotStore {
  /** `scope`: see `snapshotScope`. */
  snapshot(scope: string, name: string): Promise<SnapshotRecord | undefined>
  /**
   * Stores a snapshot with its operations. `expected`: nothing happens, and the answer is false, unless this is the status
   * that is stored; undefined: unless there is none of this name. Errors: `OWNERSHIP_LOST` (fenced) when `owner` is given and
   * the snapshot's application is another's.
   */
  putSnapshot(
    expected: SnapshotStatus | undefined,
    snapshot: SnapshotRecord,
    operations: readonly SnapshotOperationRecord[],
    tags?: Readonly<Record<string, string>>,
    owner?: Owner,
  ): Promise<boolean>
  /** Removes the record and its tags; one that isn't there is fine. Stores the operations. */
  removeSnapshot(scope: string, name: string, operations: readonly SnapshotOperationRecord[]): Promise<void>
  /** Newest first. */
  listSnapshots(
    scope: string,
    filter: SnapshotFilter,
    after: string | undefined,
    limit: number,
  ): Promise<Page<SnapshotRecord>>
  countSnapshots(scope: string): Promise<number>
  /** The newest that is READY of this application, of either kind. */
  latestSnapshot(applicationName: string, applicationCreatedMs: number): Promise<SnapshotRecord | undefined>
  /** Those that are CREATING or DELETING: a service that was killed may have left them. */
  unsettledSnapshots(): Promise<readonly SnapshotRecord[]>
  /** Enhanced snapshots whose files lie with an application. */
  snapshotsOf(applicationName: string, applicationCreatedMs: number): Promise<readonly SnapshotRecord[]>

  putSnapshotOperation(operation: SnapshotOperationRecord): Promise<void>
  snapshotOperation(snapshotName: string, id: string): Promise<SnapshotOperationRecord | undefined>
  /** Newest first. */
  listSnapshotOperations(
    snapshotName: string,
    filter: SnapshotOperationFilter,
    after: string | undefined,
    limit: number,
  ): Promise<Page<SnapshotOperationRecord>>
  snapshotOperationsInProgress(): Promise<readonly SnapshotOperationRecord[]>
}

/** Under which an enhanced snapshot's tags are kept; no application has such a name. */
export function tagOwner(snapshotName: string): string {
  return `snapshot/${snapshotName}`
}

/** The snapshot's name; undefined for an application. */
export function snapshotOfTagOwner(owner: string): string | undefined {
  return owner.startsWith('snapshot/') ? owner.slice('snapshot/'.length) : undefined
}
