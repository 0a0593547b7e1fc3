import type { ApplicationRecord, OperationRecord, OperationStatus } from '../applications/application-record.ts'
import type { ExpectedState, Owner } from './owner.ts'
import type { SnapshotStore, SnapshotsOfChange } from './snapshot-store.ts'

/** One page of a list; `next` is undefined on the last. */
export interface Page<T> {
  readonly items: readonly T[]
  /** The key behind which the next page begins. */
  readonly next: string | undefined
}

/**
 * What the control plane remembers. Each call is one transaction and durable when it resolves.
 * Errors: `STORE_FAILED` (unavailable).
 */
export interface ApplicationStore extends SnapshotStore {
  /**
   * False when the name is taken. Stores version 1 and its operation with it; the operations of an earlier application
   * of that name are forgotten.
   */
  createApplication(
    application: ApplicationRecord,
    tags: Readonly<Record<string, string>>,
    operation: OperationRecord,
  ): Promise<boolean>
  application(name: string): Promise<ApplicationRecord | undefined>
  applicationByArn(arn: string): Promise<ApplicationRecord | undefined>
  /** By name, ascending. */
  listApplications(after: string | undefined, limit: number): Promise<Page<ApplicationRecord>>
  allApplications(): Promise<readonly ApplicationRecord[]>
  /**
   * Changes an application in one transaction with the operations and snapshots that go with it; operations older than the
   * newest 1,000 are forgotten once they have ended. `expected`: nothing happens, and the
   * answer is false, unless status and version still are these. Errors: `OWNERSHIP_LOST` (fenced) when the owner is another one.
   */
  change(
    name: string,
    expected: ExpectedState,
    change: Partial<Omit<ApplicationRecord, 'name' | 'arn' | 'createdMs'>>,
    operations: readonly OperationRecord[],
    snapshots?: SnapshotsOfChange,
  ): Promise<boolean>
  /** Every version's configuration is kept, for history and rollback. */
  version(name: string, versionId: number): Promise<ApplicationRecord | undefined>
  /** Newest first. */
  listVersions(name: string, after: string | undefined, limit: number): Promise<Page<ApplicationRecord>>
  /**
   * Removes the application with all that belongs to it but enhanced snapshots and the record of its operations'
   * ends, the newest 100; stores `operation`.
   * Errors: `OWNERSHIP_LOST` (fenced) when `owner` is given and another owns it.
   */
  deleteApplication(name: string, operation: OperationRecord, owner?: Owner): Promise<void>

  operation(applicationName: string, id: string): Promise<OperationRecord | undefined>
  /** Newest first. */
  listOperations(
    applicationName: string,
    filter: { readonly name?: string | undefined; readonly status?: OperationStatus | undefined },
    after: string | undefined,
    limit: number,
  ): Promise<Page<OperationRecord>>
  /** Those that a service which was killed has left. */
  operationsInProgress(): Promise<readonly OperationRecord[]>

  /** Of an application, or of an enhanced snapshot by its `tagOwner`. */
  tags(name: string): Promise<Readonly<Record<string, string>>>
  /**
   * Sets and removes in one step. False, and nothing happens, when the owner is gone or would have more than
   * `limit` tags.
   */
  changeTags(
    name: string,
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
    limit: number,
  ): Promise<boolean>

  close(): Promise<void>
}
