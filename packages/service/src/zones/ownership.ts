import type { OperationRecord } from '../applications/application-record.ts'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { Owner } from '../storage/owner.ts'

/** What becomes of applications on this node. Calls come one at a time; none may throw. */
export interface OwnershipListener {
  /**
   * The application is this node's from now on: take up the operations that are in progress, or go on running it.
   * `owner` fences every write for it; undefined on a single node, where there is nobody else.
   */
  acquired(application: string, owner: Owner | undefined, inProgress: readonly OperationRecord[]): void
  /** It may be another's by now: its job must be killed at once and nothing more be written. */
  lost(application: string): void
  /** An operation of an application that is this node's. `certain` false: it may not have been stored. */
  operation(operation: OperationRecord, certain: boolean): void
  /** A snapshot of an application that is this node's is to be taken, if it's CREATING. */
  snapshot(snapshot: SnapshotRecord): void
}

/** Which applications this node carries operations out for. */
export interface Ownership {
  /** Tells the listener what is this node's already, then of every change. Errors: `STORE_FAILED`. */
  start(listener: OwnershipListener): Promise<void>
  isMine(application: string): boolean
  /**
   * An operation was stored by this node (`certain`), or perhaps was: whoever owns its application hears of it, the
   * listener here at once.
   */
  accepted(operation: OperationRecord, certain: boolean): void
  /** As `accepted`, for a snapshot to be taken. */
  snapshotAsked(snapshot: SnapshotRecord): void
  /** A write was refused with `OWNERSHIP_LOST`. */
  refused(application: string): void
  /** Where to send a request that concerns the running job; undefined: here, or there is none. */
  remoteUrl(application: string): Promise<string | undefined>
  /** Gives everything up. The jobs must have ended. */
  close(): Promise<void>
}
