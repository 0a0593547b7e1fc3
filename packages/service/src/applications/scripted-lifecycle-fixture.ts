/**
 * Lifecycles for tests of the API: each call is accepted as the real one accepts it, and done when the test says so
 * (`finish`, `fail`). No job runs.
 */
import { EngineError } from '@millrace/engine/spi'
import type { JobLauncher, SavedStates } from '../jobs/job-launcher.ts'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import { SnapshotService } from '../snapshots/snapshot-service.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import { ApiError } from '../wire/api-error.ts'
import type { ApplicationRecord, ApplicationStatus, OperationName, OperationRecord } from './application-record.ts'
import type { LifecycleSurroundings } from './applications.ts'
import type { Accepted, Lifecycle } from './lifecycle.ts'
import { inUse } from './refusals.ts'
import { nextStatus } from './state-machine.ts'

type Change = Partial<Omit<ApplicationRecord, 'name' | 'arn' | 'createdMs'>>

export class ScriptedLifecycle implements Lifecycle {
  readonly surroundings: LifecycleSurroundings
  recovered = 0
  closed = 0
  /** What there is of saved state, by folder. */
  readonly saved = new Map<string, number>()
  readonly states: SavedStates = {
    sizeOf: async (folder) => this.#savedIn(folder),
    copy: async (from, to) => {
      const bytes = this.#savedIn(from)
      this.saved.set(to, bytes)
      return bytes
    },
    remove: async (folder) => void this.saved.delete(folder),
    hasCheckpoint: async () => false,
    splits: async () => undefined,
    keptFolder: (snapshotName) => `/snapshots/${snapshotName}`,
  }
  readonly #end = new Map<string, { operation: OperationRecord; status: ApplicationStatus }>()
  #lastId = 0

  constructor(surroundings: LifecycleSurroundings) {
    this.surroundings = surroundings
    this.snapshots = new SnapshotService(
      { ...surroundings, launcher: { states: this.states } as unknown as JobLauncher },
      (snapshot) => void this.#take(snapshot),
    )
  }

  start: Lifecycle['start'] = (application, runConfiguration) =>
    this.#accept(application, 'StartApplication', ['READY'], 'STARTING', 'RUNNING', { runConfiguration })

  stop: Lifecycle['stop'] = (application, { force = false } = {}) =>
    force
      ? this.#accept(application, 'StopApplication', ['RUNNING', 'STARTING', 'UPDATING'], 'FORCE_STOPPING', 'READY')
      : this.#accept(application, 'StopApplication', ['RUNNING'], 'STOPPING', 'READY')

  update: Lifecycle['update'] = (application, update) => {
    const { configuration, runtimeEnvironment, serviceExecutionRole, runConfiguration: run } = update
    const { loggingOptions = application.loggingOptions } = update
    const { versionId, runConfiguration } = application
    return this.#accept(application, 'UpdateApplication', ['READY', 'RUNNING'], 'UPDATING', application.status, {
      configuration,
      loggingOptions,
      versionId: versionId + 1,
      versionUpdatedFrom: versionId,
      conditionalToken: `token-${versionId + 1}`,
      runConfiguration: runConfiguration === undefined ? undefined : { ...runConfiguration, ...run },
      runtimeEnvironment: runtimeEnvironment ?? application.runtimeEnvironment,
      serviceExecutionRole: serviceExecutionRole ?? application.serviceExecutionRole,
    })
  }

  reconfigure: Lifecycle['reconfigure'] = async (application, { name, ...change }) => {
    const { versionId } = application
    if (nextStatus(application.status, 'Reconfigure') === 'refused') throw inUse(application, 'Reconfigure')
    const next = name === undefined ? {} : { versionId: versionId + 1, versionUpdatedFrom: versionId }
    const { store } = this.surroundings
    const operation = { ...this.#operation(application, name ?? 'UpdateApplication'), status: 'SUCCESSFUL' as const }
    const operations = name === undefined ? [] : [operation]
    const stored = await store.change(application.name, application, { ...change, ...next }, operations)
    if (!stored) throw new ApiError('ConcurrentModificationException', `${application.name} has changed meanwhile.`)
    return { application: (await store.application(application.name))!, operation }
  }

  rollback: Lifecycle['rollback'] = (application) =>
    this.#accept(application, 'RollbackApplication', ['RUNNING'], 'ROLLING_BACK', 'RUNNING', {
      versionId: application.versionId + 1,
      versionRolledBackFrom: application.versionId,
      versionRolledBackTo: application.versionUpdatedFrom,
    })

  scale: Lifecycle['scale'] = (application, currentParallelism) =>
    this.#accept(application, 'ScaleApplication', ['RUNNING'], 'AUTOSCALING', 'RUNNING', { currentParallelism })

  async hibernate(): Promise<void> {}
  async wake(): Promise<void> {}
  splits: Lifecycle['splits'] = async () => undefined
  log(): void {}

  readonly snapshots: Snapshots

  delete: Lifecycle['delete'] = (application) =>
    this.#accept(application, 'DeleteApplication', ['READY', 'RUNNING'], 'DELETING', 'DELETING')

  logFile = (applicationName: string) => `/logs/${applicationName}`
  jobPlan = async (applicationName: string) => JSON.stringify({ plan: applicationName })

  async recover(): Promise<void> {
    this.recovered++
  }

  async close(): Promise<void> {
    this.closed++
  }

  /** The application's operation succeeds. */
  async finish(applicationName: string): Promise<void> {
    const { operation, status } = this.#end.get(applicationName)!
    const ended = { ...operation, status: 'SUCCESSFUL' as const, endedMs: this.surroundings.clock.now() }
    if (operation.name === 'DeleteApplication') await this.surroundings.store.deleteApplication(applicationName, ended)
    else await this.#settle(applicationName, status, ended)
  }

  /** The application's operation fails; it's as it was before. */
  async fail(applicationName: string, error: string): Promise<void> {
    const { operation } = this.#end.get(applicationName)!
    const ended = { ...operation, status: 'FAILED' as const, endedMs: this.surroundings.clock.now(), error }
    await this.#settle(applicationName, operation.statusBefore, ended)
  }

  #savedIn(folder: string): number {
    const bytes = this.saved.get(folder)
    if (bytes !== undefined) return bytes
    const message = `There is no checkpoint or savepoint in ${folder}.`
    throw new EngineError('SAVEPOINT_NOT_FOUND', { kind: 'invalid', message, hint: 'Name another one.' })
  }

  /** As a supervisor takes it, at once. */
  async #take(snapshot: SnapshotRecord): Promise<void> {
    const { store, clock } = this.surroundings
    const folder = `/savepoints/${snapshot.name}`
    this.saved.set(folder, 100)
    const filter = { status: 'IN_PROGRESS' } as const
    const { items } = await store.listSnapshotOperations(snapshot.name, filter, undefined, 1)
    const ended = items.map((operation) => ({ ...operation, status: 'SUCCESSFUL' as const, endedMs: clock.now() }))
    await store.putSnapshot('CREATING', { ...snapshot, status: 'READY', folder, sizeBytes: 100 }, ended)
  }

  async #settle(name: string, status: ApplicationStatus, ended: OperationRecord): Promise<void> {
    const application = (await this.surroundings.store.application(name))!
    await this.surroundings.store.change(name, application, { status }, [ended])
  }

  async #accept(
    application: ApplicationRecord,
    name: OperationName,
    from: readonly ApplicationStatus[],
    through: ApplicationStatus,
    status: ApplicationStatus,
    change: Change = {},
  ): Promise<Accepted> {
    if (!from.includes(application.status)) {
      throw new ApiError('ResourceInUseException', `${application.name} is ${application.status}.`)
    }
    const operation = this.#operation(application, name, change.versionId)
    const { store } = this.surroundings
    const isDone = await store.change(application.name, application, { ...change, status: through }, [operation])
    if (!isDone) throw new ApiError('ConcurrentModificationException', `${application.name} has changed meanwhile.`)
    this.#end.set(application.name, { operation, status })
    return { application: (await store.application(application.name))!, operation }
  }

  #operation(application: ApplicationRecord, name: OperationName, versionTo?: number): OperationRecord {
    return {
      id: `operation-${++this.#lastId}`,
      applicationName: application.name,
      name,
      status: 'IN_PROGRESS',
      startedMs: this.surroundings.clock.now(),
      endedMs: undefined,
      statusBefore: application.status,
      versionFrom: versionTo === undefined ? undefined : application.versionId,
      versionTo,
      arguments: {},
      error: undefined,
    }
  }
}
