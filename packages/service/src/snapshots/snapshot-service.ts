import { asEngineError, EngineError, randomUuid, sleep } from '@millrace/engine/spi'
import type { RoleS3 } from '../access/role-s3.ts'
import type { ApplicationRecord } from '../applications/application-record.ts'
import type { LifecycleParts } from '../applications/lifecycle-parts.ts'
import { rootCause } from '../applications/root-cause.ts'
import { nextStatus } from '../applications/state-machine.ts'
import { ApiError } from '../wire/api-error.ts'
import { isNeeded } from './needed-snapshot.ts'
import {
  accountScope,
  type S3Prefix,
  type SnapshotOperationName,
  type SnapshotOperationRecord,
  type SnapshotRecord,
  snapshotScope,
} from './snapshot-record.ts'
import { type BegunSnapshot, locationOf, type NewSnapshot, type Snapshots } from './snapshots.ts'

/** Of an application for legacy ones, of the account for enhanced ones. Those of the service itself succeed beyond it. */
const maxSnapshots = 1000
/** A deletion waits as long as a run may still have to begin with the files. */
const waitForRunMs = 1000
const storeRetryMs = 500

/** Creates, deletes, exports and imports snapshots. What takes long goes on beside; a crash doesn't undo it. */
export class SnapshotService implements Snapshots {
  readonly #parts: LifecycleParts
  readonly #take: (snapshot: SnapshotRecord) => void
  #closed = false

  /** `take`: has the application's supervisor take a snapshot that is CREATING. */
  constructor(parts: LifecycleParts, take: (snapshot: SnapshotRecord) => void) {
    this.#parts = parts
    this.#take = take
  }

  /** Takes up what a killed service has left. */
  async recover(): Promise<void> {
    const { store } = this.#parts
    const operations = await store.snapshotOperationsInProgress()
    for (const snapshot of await store.unsettledSnapshots()) {
      if (snapshot.status === 'DELETING') this.#beside(() => this.#remove(snapshot))
      else if (snapshot.initiator === 'ImportSnapshot') this.#beside(() => this.#bring(snapshot))
      else this.#take(snapshot)
    }
    for (const operation of operations) {
      if (operation.name === 'ExportSnapshot') this.#beside(() => this.#carryAway(operation))
    }
  }

  /** Nothing more begins; what is under way is taken up by the next service. */
  close(): void {
    this.#closed = true
  }

  async create(application: ApplicationRecord, asked: NewSnapshot): Promise<BegunSnapshot> {
    const { name, createdMs, versionId, runtimeEnvironment, status, configuration } = application
    const mode = configuration.snapshotMode === 'ENHANCED_SNAPSHOTS' ? 'enhanced' : 'legacy'
    if (nextStatus(status, 'CreateSnapshot') === 'refused') {
      throw new ApiError(
        'ResourceInUseException',
        `Application ${name} is ${status}: snapshots are taken of RUNNING ones.`,
      )
    }
    // What an enhanced application has disabled is the service's own snapshots alone (Amazon's developer guide).
    const isDisabled = !configuration.snapshotsEnabled && asked.kind === 'legacy'
    if (isDisabled || mode !== asked.kind) {
      const reason = isDisabled ? 'has snapshots disabled' : `takes ${mode} snapshots`
      throw new ApiError('InvalidApplicationConfigurationException', `Application ${name} ${reason}.`)
    }
    const snapshot: SnapshotRecord = {
      ...this.#new(asked, 'CreateSnapshot'),
      applicationName: name,
      applicationCreatedMs: createdMs,
      applicationVersionId: versionId,
      runtimeEnvironment,
    }
    if (asked.kind === 'enhanced') await this.#refuseSecond(name)
    return this.#begin(snapshot, 'CreateSnapshot', asked.tags, () => this.#take(snapshot))
  }

  async delete(snapshot: SnapshotRecord): Promise<BegunSnapshot> {
    const { store, launcher } = this.#parts
    const { name, status } = snapshot
    if (status === 'CREATING' || status === 'DELETING') {
      throw new ApiError('ResourceInUseException', `Snapshot ${name} is ${status}.`)
    }
    if (await this.#isExported(snapshot)) {
      throw new ApiError('ResourceInUseException', `Snapshot ${name} is being exported.`)
    }
    const user = await isNeeded(snapshot, store, launcher.states)
    if (user !== undefined) {
      throw new ApiError('ResourceInUseException', `Application ${user} may still have to be restored from ${name}.`)
    }
    const deleting: SnapshotRecord = { ...snapshot, status: 'DELETING' }
    const operation = this.#operation(deleting, 'DeleteSnapshot')
    const put = store.putSnapshot(status, deleting, operation === undefined ? [] : [operation])
    const stored = await whetherTold(put, () => this.#beside(() => this.#remove(deleting)))
    if (!stored) throw changed(name)
    return { snapshot: deleting, operation }
  }

  async export(
    snapshot: SnapshotRecord,
    destination: S3Prefix,
    exportRoleArn: string,
  ): Promise<SnapshotOperationRecord> {
    const { name, status } = snapshot
    locationOf(destination)
    this.#s3().assertReachable(exportRoleArn)
    if (status !== 'READY') throw new ApiError('ResourceInUseException', `Snapshot ${name} is ${status}, not READY.`)
    if (await this.#isExported(snapshot)) {
      throw new ApiError('LimitExceededException', `Snapshot ${name} is being exported already.`)
    }
    const operation = { ...this.#newOperation(name, 'ExportSnapshot'), destination, exportRoleArn }
    const put = this.#parts.store.putSnapshotOperation(operation).then(() => true)
    await whetherTold(put, () => this.#beside(() => this.#carryAway(operation)))
    return operation
  }

  async import(asked: NewSnapshot, source: S3Prefix, importRoleArn: string): Promise<BegunSnapshot> {
    locationOf(source)
    this.#s3().assertReachable(importRoleArn)
    const snapshot: SnapshotRecord = {
      ...this.#new(asked, 'ImportSnapshot'),
      applicationName: '',
      applicationCreatedMs: 0,
      applicationVersionId: 0,
      runtimeEnvironment: '',
      importedFrom: source,
      importRoleArn,
    }
    return this.#begin(snapshot, 'ImportSnapshot', asked.tags, () => this.#beside(() => this.#bring(snapshot)))
  }

  #s3(): RoleS3 {
    if (this.#parts.s3 !== undefined) return this.#parts.s3
    throw new ApiError(
      'UnsupportedOperationException',
      'Snapshots are neither exported nor imported here: there is no S3.',
    )
  }

  #new({ name, kind, description }: NewSnapshot, initiator: SnapshotRecord['initiator']) {
    const createdMs = Math.floor(this.#parts.clock.now() / 1000) * 1000
    const status = 'CREATING' as const
    return {
      name,
      kind,
      status,
      createdMs,
      initiator,
      folder: '',
      sizeBytes: undefined,
      failure: undefined,
      description,
    }
  }

  async #begin(
    snapshot: SnapshotRecord,
    name: SnapshotOperationName,
    tags: Readonly<Record<string, string>> | undefined,
    goOn: () => void,
  ): Promise<BegunSnapshot> {
    const { store } = this.#parts
    if ((await store.snapshot(snapshotScope(snapshot), snapshot.name)) !== undefined) throw nameTaken(snapshot)
    if ((await store.countSnapshots(snapshotScope(snapshot))) >= maxSnapshots) {
      throw new ApiError('LimitExceededException', `There are ${maxSnapshots} snapshots: delete some of them first.`)
    }
    const operation = this.#operation(snapshot, name)
    const operations = operation === undefined ? [] : [operation]
    const stored = await whetherTold(store.putSnapshot(undefined, snapshot, operations, tags), goOn)
    if (!stored) throw nameTaken(snapshot)
    return { snapshot, operation }
  }

  async #refuseSecond(applicationName: string): Promise<void> {
    const filter = { applicationName, status: 'CREATING' } as const
    const { items } = await this.#parts.store.listSnapshots(accountScope, filter, undefined, 1)
    if (items.length === 0) return
    throw new ApiError('LimitExceededException', `A snapshot of ${applicationName} is being taken already.`)
  }

  async #isExported({ kind, name }: SnapshotRecord): Promise<boolean> {
    if (kind === 'legacy') return false
    const filter = { name: 'ExportSnapshot', status: 'IN_PROGRESS' } as const
    return (await this.#parts.store.listSnapshotOperations(name, filter, undefined, 1)).items.length > 0
  }

  #operation({ kind, name }: SnapshotRecord, operation: SnapshotOperationName): SnapshotOperationRecord | undefined {
    return kind === 'legacy' ? undefined : this.#newOperation(name, operation)
  }

  #newOperation(snapshotName: string, name: SnapshotOperationName): SnapshotOperationRecord {
    const { random, clock } = this.#parts
    const startedMs = clock.now()
    return {
      id: randomUuid(random),
      snapshotName,
      name,
      status: 'IN_PROGRESS',
      startedMs,
      endedMs: undefined,
      error: undefined,
    }
  }

  #beside(work: () => Promise<void>): void {
    void this.#untilDone(work).catch((error) => {
      const { message, stack } = asEngineError(error, 'bug')
      this.#parts.logger.error('snapshot not attended to', { reason: message, stack })
    })
  }

  /** Store and storage may be out of reach for a while. */
  async #untilDone(work: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      try {
        return await work()
      } catch (error) {
        const { kind, message } = asEngineError(error, 'bug')
        if (kind !== 'unavailable') throw error
        this.#parts.logger.error('snapshot not attended to for now', { reason: message })
        await sleep(this.#parts.scheduler, storeRetryMs)
      }
    }
  }

  async #remove(snapshot: SnapshotRecord): Promise<void> {
    const { store, launcher } = this.#parts
    while (!this.#closed && (await isNeeded(snapshot, store, launcher.states)) !== undefined)
      await sleep(this.#parts.scheduler, waitForRunMs)
    if (this.#closed) return
    const scope = snapshotScope(snapshot)
    const now = await store.snapshot(scope, snapshot.name)
    // Its application may have been deleted meanwhile, and another one made of that name.
    if (now?.status !== 'DELETING' || now.createdMs !== snapshot.createdMs) return
    if (now.folder !== '') await launcher.states.remove(now.folder)
    await store.removeSnapshot(scope, snapshot.name, await this.#ended(snapshot.name, 'DeleteSnapshot', undefined))
  }

  async #bring(snapshot: SnapshotRecord): Promise<void> {
    const { store, launcher } = this.#parts
    if ((await store.snapshot(accountScope, snapshot.name))?.status !== 'CREATING') return
    const folder = launcher.states.keptFolder(snapshot.name)
    const outcome = await this.#attempt(async () => {
      const { importedFrom, importRoleArn = '', name } = snapshot
      if (importedFrom === undefined) throw notFound('nowhere')
      const source = await this.#s3().open(importRoleArn, name)
      return launcher.states.copy(locationOf(importedFrom), folder, { source })
    })
    const ended = await this.#ended(snapshot.name, 'ImportSnapshot', outcome.failure)
    const settled: SnapshotRecord =
      outcome.failure === undefined
        ? { ...snapshot, status: 'READY', folder, sizeBytes: outcome.bytes }
        : { ...snapshot, status: 'FAILED', failure: outcome.failure }
    await store.putSnapshot('CREATING', settled, ended)
  }

  async #carryAway(operation: SnapshotOperationRecord): Promise<void> {
    const { store, launcher, clock } = this.#parts
    const { destination, exportRoleArn = '', id, snapshotName } = operation
    if ((await store.snapshotOperation(snapshotName, id))?.status !== 'IN_PROGRESS') return
    const snapshot = await store.snapshot(accountScope, snapshotName)
    const { failure } = await this.#attempt(async () => {
      if (snapshot?.status !== 'READY' || destination === undefined) throw notFound(snapshotName)
      const target = await this.#s3().open(exportRoleArn, snapshotName)
      return launcher.states.copy(snapshot.folder, `${locationOf(destination)}/${id}`, { target })
    })
    const status = failure === undefined ? 'SUCCESSFUL' : 'FAILED'
    await store.putSnapshotOperation({ ...operation, status, error: failure, endedMs: clock.now() })
  }

  /** Of storage that is out of reach nobody knows for how long: the operation fails then, and may be asked for again. */
  async #attempt(work: () => Promise<number>): Promise<{ readonly bytes?: number; readonly failure?: string }> {
    try {
      return { bytes: await work() }
    } catch (error) {
      return { failure: rootCause(error) }
    }
  }

  async #ended(
    snapshotName: string,
    name: SnapshotOperationName,
    error: string | undefined,
  ): Promise<readonly SnapshotOperationRecord[]> {
    const { store, clock } = this.#parts
    const { items } = await store.listSnapshotOperations(snapshotName, { name, status: 'IN_PROGRESS' }, undefined, 50)
    const status = error === undefined ? 'SUCCESSFUL' : 'FAILED'
    return items.map((operation) => ({ ...operation, status, error, endedMs: clock.now() }) as const)
  }
}

/** A write whose answer was lost may have been done: `goOn` looks at what is stored. */
async function whetherTold(write: Promise<boolean>, goOn: () => void): Promise<boolean> {
  try {
    const stored = await write
    if (stored) goOn()
    return stored
  } catch (error) {
    goOn()
    throw error
  }
}

function nameTaken({ name }: SnapshotRecord): ApiError {
  return new ApiError('ResourceInUseException', `There is a snapshot ${name} already.`)
}

function changed(name: string): ApiError {
  return new ApiError('ConcurrentModificationException', `Snapshot ${name} has changed meanwhile.`)
}

function notFound(name: string): EngineError {
  return new EngineError('SNAPSHOT_MISSING', {
    kind: 'invalid',
    message: `There is no snapshot ${name} any more.`,
    hint: 'List the snapshots that are READY.',
  })
}
