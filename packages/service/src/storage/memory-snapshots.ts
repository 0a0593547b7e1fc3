import {
  accountScope,
  type SnapshotOperationRecord,
  type SnapshotRecord,
  type SnapshotStatus,
  snapshotScope,
} from '../snapshots/snapshot-record.ts'
import type { Page } from './application-store.ts'
import { keptOfGoneSnapshots, keptOperations } from './kept-operations.ts'
import type { SnapshotFilter, SnapshotOperationFilter } from './snapshot-store.ts'

interface Placed<T> {
  readonly position: number
  value: T
}

/** The snapshots of a `MemoryApplicationStore`: each call is done at once. */
export class MemorySnapshots {
  readonly #snapshots = new Map<string, Placed<SnapshotRecord>>()
  readonly #operations = new Map<string, Placed<SnapshotOperationRecord>>()
  #lastPosition = 0

  get(scope: string, name: string): SnapshotRecord | undefined {
    return structuredClone(this.#snapshots.get(keyOf(scope, name))?.value)
  }

  put(expected: SnapshotStatus | undefined, snapshot: SnapshotRecord): boolean {
    const key = keyOf(snapshotScope(snapshot), snapshot.name)
    if (this.#snapshots.get(key)?.value.status !== expected) return false
    this.set(snapshot)
    return true
  }

  set(snapshot: SnapshotRecord): void {
    place(this.#snapshots, keyOf(snapshotScope(snapshot), snapshot.name), snapshot, () => ++this.#lastPosition)
  }

  remove(scope: string, name: string): void {
    this.#snapshots.delete(keyOf(scope, name))
  }

  removeLegacy(applicationName: string): void {
    for (const [key, { value }] of this.#snapshots) {
      if (snapshotScope(value) === applicationName) this.#snapshots.delete(key)
    }
  }

  list(scope: string, filter: SnapshotFilter, after: string | undefined, limit: number): Page<SnapshotRecord> {
    const { applicationName, status, initiators } = filter
    return pageOf(this.#snapshots, after, limit, (snapshot) => {
      if (snapshotScope(snapshot) !== scope) return false
      if (applicationName !== undefined && snapshot.applicationName !== applicationName) return false
      return (status ?? snapshot.status) === snapshot.status && (initiators?.includes(snapshot.initiator) ?? true)
    })
  }

  all(): readonly SnapshotRecord[] {
    return [...this.#snapshots.values()]
      .sort((a, b) => a.position - b.position)
      .map(({ value }) => structuredClone(value))
  }

  latest(applicationName: string, createdMs: number): SnapshotRecord | undefined {
    return this.all().findLast(
      (snapshot) =>
        snapshot.status === 'READY' &&
        snapshot.applicationName === applicationName &&
        snapshot.applicationCreatedMs === createdMs,
    )
  }

  enhancedOf(applicationName: string, createdMs: number): readonly SnapshotRecord[] {
    return this.all().filter(
      (snapshot) =>
        snapshotScope(snapshot) === accountScope &&
        snapshot.applicationName === applicationName &&
        snapshot.applicationCreatedMs === createdMs,
    )
  }

  putOperation(operation: SnapshotOperationRecord): void {
    place(this.#operations, operation.id, operation, () => ++this.#lastPosition)
    this.#forgetOperations(keptOperations, ({ snapshotName }) => snapshotName === operation.snapshotName)
  }

  forgetOperationsOfGone(): void {
    const isGone = ({ snapshotName }: SnapshotOperationRecord) =>
      !this.#snapshots.has(keyOf(accountScope, snapshotName))
    this.#forgetOperations(keptOfGoneSnapshots, isGone)
  }

  /** All that are meant but the newest and those in progress. */
  #forgetOperations(kept: number, isMeant: (operation: SnapshotOperationRecord) => boolean): void {
    const meant = [...this.#operations.values()].filter(({ value }) => isMeant(value))
    for (const { value } of meant.sort((a, b) => b.position - a.position).slice(kept)) {
      if (value.status !== 'IN_PROGRESS') this.#operations.delete(value.id)
    }
  }

  operation(snapshotName: string, id: string): SnapshotOperationRecord | undefined {
    const operation = this.#operations.get(id)?.value
    return operation?.snapshotName === snapshotName ? structuredClone(operation) : undefined
  }

  listOperations(
    snapshotName: string,
    { name, status }: SnapshotOperationFilter,
    after: string | undefined,
    limit: number,
  ): Page<SnapshotOperationRecord> {
    return pageOf(this.#operations, after, limit, (operation) => {
      if (operation.snapshotName !== snapshotName) return false
      return (name ?? operation.name) === operation.name && (status ?? operation.status) === operation.status
    })
  }

  operationsInProgress(): readonly SnapshotOperationRecord[] {
    return [...this.#operations.values()]
      .filter(({ value }) => value.status === 'IN_PROGRESS')
      .map(({ value }) => structuredClone(value))
  }
}

function keyOf(scope: string, name: string): string {
  return `${scope}/${name}`
}

function place<T>(into: Map<string, Placed<T>>, key: string, given: T, nextPosition: () => number): void {
  const value = structuredClone(given)
  const known = into.get(key)
  if (known !== undefined) known.value = value
  else into.set(key, { position: nextPosition(), value })
}

/** Newest first. */
function pageOf<T>(
  from: ReadonlyMap<string, Placed<T>>,
  after: string | undefined,
  limit: number,
  accepts: (value: T) => boolean,
): Page<T> {
  const rest = [...from.values()]
    .filter(({ position, value }) => (after === undefined || position < Number(after)) && accepts(value))
    .sort((a, b) => b.position - a.position)
  const items = rest.slice(0, limit)
  return {
    items: items.map(({ value }) => structuredClone(value)),
    next: rest.length > limit ? String(items.at(-1)?.position) : undefined,
  }
}
