import { asEngineError, EngineError, sleep } from '@millrace/engine/spi'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { SnapshotsOfChange } from '../storage/snapshot-store.ts'
import type { ApplicationRecord, OperationRecord } from './application-record.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { type LifecycleEvent, nextStatus } from './state-machine.ts'
import { Interrupted, type Turn } from './turn.ts'

const storeRetryMs = 500

/** What a change may change. */
export type Change = Parameters<ApplicationStore['change']>[2]

/** One application in the store, as its supervisor reads and writes it: patient while the store is out of reach. */
export class StoredApplication {
  readonly #name: string
  readonly #parts: LifecycleParts
  #closed = false
  #abandoned = false

  constructor(name: string, parts: LifecycleParts) {
    this.#name = name
    this.#parts = parts
  }

  /** From now on nobody waits for the store. */
  close(): void {
    this.#closed = true
  }

  /** As `close`, and nothing is written any more: whoever goes on sees `Interrupted`. */
  abandon(): void {
    this.#abandoned = true
  }

  operation(id: string): Promise<OperationRecord | undefined> {
    return this.untilStored(() => this.#parts.store.operation(this.#name, id))
  }

  /** The operation while it is IN_PROGRESS. */
  async inProgress(id: string): Promise<OperationRecord | undefined> {
    const operation = await this.untilStored(() => this.#parts.store.operation(this.#name, id))
    return operation?.status === 'IN_PROGRESS' ? operation : undefined
  }

  /** Writes what the event leads to, with the operations that go with it. */
  async transition(
    turn: Turn,
    application: ApplicationRecord,
    event: LifecycleEvent,
    change: Change,
    operations: readonly OperationRecord[],
    snapshots?: SnapshotsOfChange,
  ): Promise<void> {
    const status = nextStatus(application.status, event)
    if (status === 'refused' || status === 'GONE') {
      throw new EngineError('TRANSITION_UNKNOWN', {
        kind: 'bug',
        message: `${event} can't happen to an application that is ${application.status}.`,
      })
    }
    await this.change(turn, application, { ...change, status }, operations, snapshots)
  }

  /** Compare-and-set; `Interrupted` when a call was accepted meanwhile. */
  async change(
    turn: Turn,
    application: ApplicationRecord,
    change: Change,
    operations: readonly OperationRecord[],
    snapshots?: SnapshotsOfChange,
  ): Promise<ApplicationRecord> {
    turn.check()
    const { store } = this.#parts
    const { name, status, versionId } = application
    let tried = false
    const changed = await this.untilStored(async () => {
      // A write whose answer was lost may have been done, and others may have brought the same status about again.
      if (tried && !isUnchanged(application, await store.application(name))) return false
      tried = true
      return store.change(name, { status, versionId }, change, operations, snapshots)
    })
    if (!changed) throw new Interrupted()
    return { ...application, ...change }
  }

  /** The store may be out of reach for a while: what has been done can't be forgotten for that. */
  async untilStored<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#abandoned) throw new Interrupted()
      try {
        return await write()
      } catch (error) {
        const { kind, message } = asEngineError(error, 'bug')
        if (kind !== 'unavailable' || this.#closed) throw error
        this.#parts.logger.error('store out of reach', { application: this.#name, reason: message })
        await sleep(this.#parts.scheduler, storeRetryMs)
      }
    }
  }

  /** Undefined once it is deleted. */
  read(): Promise<ApplicationRecord | undefined> {
    return this.untilStored(() => this.#parts.store.application(this.#name))
  }
}

/** Every accepted call changes `lastUpdatedMs`, every process of a job the epoch. */
function isUnchanged(before: ApplicationRecord, now: ApplicationRecord | undefined): boolean {
  return (
    now !== undefined &&
    now.status === before.status &&
    now.versionId === before.versionId &&
    now.epoch === before.epoch &&
    now.lastUpdatedMs === before.lastUpdatedMs
  )
}
