import type { ApplicationRecord, OperationRecord } from '../applications/application-record.ts'
import { accountScope, type SnapshotOperationRecord, type SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { ApplicationStore, Page } from './application-store.ts'
import { keptOfDeleted, keptOperations } from './kept-operations.ts'
import { MemorySnapshots } from './memory-snapshots.ts'
import type { ExpectedState, Owner } from './owner.ts'
import { type SnapshotStore, type SnapshotsOfChange, tagOwner } from './snapshot-store.ts'
import { ownershipLost } from './store-errors.ts'

interface Held {
  application: ApplicationRecord
  readonly versions: Map<number, ApplicationRecord>
  readonly tags: Map<string, string>
}

/**
 * The control plane's memory without a disk, for tests of many sequences. What is stored is copied in and out, as through
 * a database; each call is done at once, before it returns its promise.
 */
export class MemoryApplicationStore implements ApplicationStore {
  readonly #applications = new Map<string, Held>()
  /** By application, oldest first. */
  readonly #operations = new Map<string, { readonly position: number; operation: OperationRecord }[]>()
  readonly #snapshots = new MemorySnapshots()
  readonly #snapshotTags = new Map<string, Map<string, string>>()
  #lastPosition = 0
  readonly #owners: ReadonlyMap<string, { readonly node: string | undefined; readonly epoch: number }>

  /** `owners`: who owns which application; needed only by those who name an owner. */
  constructor(owners: ReadonlyMap<string, { readonly node: string | undefined; readonly epoch: number }> = new Map()) {
    this.#owners = owners
  }

  async createApplication(
    application: ApplicationRecord,
    tags: Readonly<Record<string, string>>,
    operation: OperationRecord,
  ): Promise<boolean> {
    const { name, versionId } = application
    if (this.#applications.has(name)) return false
    this.#operations.delete(name)
    this.#applications.set(name, {
      application: structuredClone(application),
      versions: new Map([[versionId, structuredClone(application)]]),
      tags: new Map(Object.entries(tags)),
    })
    this.#putOperation(operation)
    return true
  }

  async application(name: string): Promise<ApplicationRecord | undefined> {
    return structuredClone(this.#applications.get(name)?.application)
  }

  async applicationByArn(arn: string): Promise<ApplicationRecord | undefined> {
    return this.#all().find((application) => application.arn === arn)
  }

  async listApplications(after: string | undefined, limit: number): Promise<Page<ApplicationRecord>> {
    const rest = this.#all().filter(({ name }) => after === undefined || name > after)
    const items = rest.slice(0, limit)
    return { items, next: rest.length > limit ? items.at(-1)?.name : undefined }
  }

  async allApplications(): Promise<readonly ApplicationRecord[]> {
    return this.#all()
  }

  async change(
    name: string,
    expected: ExpectedState,
    change: Partial<Omit<ApplicationRecord, 'name' | 'arn' | 'createdMs'>>,
    operations: readonly OperationRecord[],
    snapshots?: SnapshotsOfChange,
  ): Promise<boolean> {
    this.#checkOwner(name, expected.owner)
    const held = this.#applications.get(name)
    if (held?.application.status !== expected.status || held.application.versionId !== expected.versionId) return false
    held.application = structuredClone({ ...held.application, ...change })
    held.versions.set(held.application.versionId, held.application)
    for (const operation of operations) this.#putOperation(operation)
    this.#forgetOldOperations(name, keptOperations)
    if (snapshots?.forgetLegacy === true) this.#snapshots.removeLegacy(name)
    for (const snapshot of snapshots?.snapshots ?? []) this.#snapshots.set(snapshot)
    for (const operation of snapshots?.operations ?? []) this.#snapshots.putOperation(operation)
    return true
  }

  async version(name: string, versionId: number): Promise<ApplicationRecord | undefined> {
    return structuredClone(this.#applications.get(name)?.versions.get(versionId))
  }

  async listVersions(name: string, after: string | undefined, limit: number): Promise<Page<ApplicationRecord>> {
    const versions = [...(this.#applications.get(name)?.versions.values() ?? [])]
      .filter(({ versionId }) => after === undefined || versionId < Number(after))
      .sort((a, b) => b.versionId - a.versionId)
    const items = versions.slice(0, limit)
    return {
      items: structuredClone(items),
      next: versions.length > limit ? String(items.at(-1)?.versionId) : undefined,
    }
  }

  async deleteApplication(name: string, operation: OperationRecord, owner?: Owner): Promise<void> {
    this.#checkOwner(name, owner)
    this.#applications.delete(name)
    this.#snapshots.removeLegacy(name)
    this.#putOperation(operation)
    this.#forgetOldOperations(name, keptOfDeleted)
  }

  async operation(applicationName: string, id: string): Promise<OperationRecord | undefined> {
    return structuredClone(this.#operationsOf(applicationName).find(({ operation }) => operation.id === id)?.operation)
  }

  async listOperations(
    applicationName: string,
    filter: Parameters<ApplicationStore['listOperations']>[1],
    after: string | undefined,
    limit: number,
  ): Promise<Page<OperationRecord>> {
    const rest = this.#operationsOf(applicationName)
      .filter(({ operation }) => filter.name === undefined || operation.name === filter.name)
      .filter(({ operation }) => filter.status === undefined || operation.status === filter.status)
      .filter(({ position }) => after === undefined || position < Number(after))
      .reverse()
    const items = rest.slice(0, limit)
    return {
      items: items.map(({ operation }) => structuredClone(operation)),
      next: rest.length > limit ? String(items.at(-1)?.position) : undefined,
    }
  }

  async operationsInProgress(): Promise<readonly OperationRecord[]> {
    return [...this.#operations.values()]
      .flat()
      .filter(({ operation }) => operation.status === 'IN_PROGRESS')
      .sort((a, b) => a.position - b.position)
      .map(({ operation }) => structuredClone(operation))
  }

  async tags(name: string): Promise<Readonly<Record<string, string>>> {
    const tags = this.#tagsOf(name) ?? new Map<string, string>()
    return Object.fromEntries([...tags].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  async changeTags(
    name: string,
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
    limit: number,
  ): Promise<boolean> {
    const tags = this.#tagsOf(name)
    if (tags === undefined) return false
    const changed = new Map([...tags, ...Object.entries(set)])
    for (const tag of remove) changed.delete(tag)
    if (changed.size > limit) return false
    tags.clear()
    for (const [tag, value] of changed) tags.set(tag, value)
    return true
  }

  async snapshot(scope: string, name: string): Promise<SnapshotRecord | undefined> {
    return this.#snapshots.get(scope, name)
  }

  putSnapshot: SnapshotStore['putSnapshot'] = async (expected, snapshot, operations, tags = {}, owner) => {
    this.#checkOwner(snapshot.applicationName, owner)
    if (!this.#snapshots.put(expected, snapshot)) return false
    for (const operation of operations) this.#snapshots.putOperation(operation)
    if (expected === undefined && snapshot.kind === 'enhanced') {
      this.#snapshotTags.set(tagOwner(snapshot.name), new Map(Object.entries(tags)))
    }
    return true
  }

  async removeSnapshot(scope: string, name: string, operations: readonly SnapshotOperationRecord[]): Promise<void> {
    this.#snapshots.remove(scope, name)
    if (scope === accountScope) this.#snapshotTags.delete(tagOwner(name))
    for (const operation of operations) this.#snapshots.putOperation(operation)
    if (scope === accountScope) this.#snapshots.forgetOperationsOfGone()
  }

  listSnapshots: SnapshotStore['listSnapshots'] = async (...given) => this.#snapshots.list(...given)

  async countSnapshots(scope: string): Promise<number> {
    return this.#snapshots.list(scope, {}, undefined, Number.MAX_SAFE_INTEGER).items.length
  }

  async latestSnapshot(applicationName: string, createdMs: number): Promise<SnapshotRecord | undefined> {
    return this.#snapshots.latest(applicationName, createdMs)
  }

  async unsettledSnapshots(): Promise<readonly SnapshotRecord[]> {
    return this.#snapshots.all().filter(({ status }) => status === 'CREATING' || status === 'DELETING')
  }

  async snapshotsOf(applicationName: string, createdMs: number): Promise<readonly SnapshotRecord[]> {
    return this.#snapshots.enhancedOf(applicationName, createdMs)
  }

  async putSnapshotOperation(operation: SnapshotOperationRecord): Promise<void> {
    this.#snapshots.putOperation(operation)
  }

  async snapshotOperation(snapshotName: string, id: string): Promise<SnapshotOperationRecord | undefined> {
    return this.#snapshots.operation(snapshotName, id)
  }

  listSnapshotOperations: SnapshotStore['listSnapshotOperations'] = async (...given) =>
    this.#snapshots.listOperations(...given)

  async snapshotOperationsInProgress(): Promise<readonly SnapshotOperationRecord[]> {
    return this.#snapshots.operationsInProgress()
  }

  async close(): Promise<void> {}

  /** Undefined when there is no such owner. */
  #tagsOf(owner: string): Map<string, string> | undefined {
    return this.#applications.get(owner)?.tags ?? this.#snapshotTags.get(owner)
  }

  #checkOwner(name: string, owner: Owner | undefined): void {
    if (owner === undefined) return
    const placed = this.#owners.get(name)
    if (placed?.node !== owner.node || placed.epoch !== owner.epoch) throw ownershipLost(name, owner)
  }

  /** By name, ascending; copies. */
  #all(): ApplicationRecord[] {
    return [...this.#applications.values()]
      .map(({ application }) => structuredClone(application))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #operationsOf(applicationName: string): readonly { readonly position: number; operation: OperationRecord }[] {
    return this.#operations.get(applicationName) ?? []
  }

  #forgetOldOperations(applicationName: string, kept: number): void {
    const operations = this.#operationsOf(applicationName)
    const old = operations.length - kept
    const rest = operations.filter(({ operation }, index) => index >= old || operation.status === 'IN_PROGRESS')
    this.#operations.set(applicationName, rest)
  }

  #putOperation(operation: OperationRecord): void {
    const operations = this.#operations.get(operation.applicationName) ?? []
    this.#operations.set(operation.applicationName, operations)
    const known = operations.find((one) => one.operation.id === operation.id)
    if (known !== undefined) known.operation = structuredClone(operation)
    else operations.push({ position: ++this.#lastPosition, operation: structuredClone(operation) })
  }
}
