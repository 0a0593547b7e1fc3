import type { OperationRecord } from '../applications/application-record.ts'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { isNeeded } from './demand.ts'
import type { Ownership, OwnershipListener } from './ownership.ts'

/** A node by itself, with a store that no other process opens: everything is its own. */
export class SingleNode implements Ownership {
  readonly #store: ApplicationStore
  #listener: OwnershipListener | undefined

  constructor(store: ApplicationStore) {
    this.#store = store
  }

  async start(listener: OwnershipListener): Promise<void> {
    // First: what is accepted while the store is read must not be missed; to be told of it twice does no harm.
    this.#listener = listener
    const operations = await this.#store.operationsInProgress()
    const applications = await this.#store.allApplications()
    const names = new Set(operations.map(({ applicationName }) => applicationName))
    for (const { name, status } of applications) if (isNeeded(status, false)) names.add(name)
    for (const name of names) {
      listener.acquired(
        name,
        undefined,
        operations.filter(({ applicationName }) => applicationName === name),
      )
    }
  }

  isMine(): boolean {
    return true
  }

  accepted(operation: OperationRecord, certain: boolean): void {
    this.#listener?.operation(operation, certain)
  }

  snapshotAsked(snapshot: SnapshotRecord): void {
    this.#listener?.snapshot(snapshot)
  }

  refused(): void {}

  async remoteUrl(): Promise<string | undefined> {
    return undefined
  }

  async close(): Promise<void> {}
}
