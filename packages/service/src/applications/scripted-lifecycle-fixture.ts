/**
 * Lifecycles for tests of the API: each call is accepted as the real one accepts it, and done when the test says so
 * (`finish`, `fail`). No job runs.
 */
import { ApiError } from '../wire/api-error.ts'
import type { ApplicationRecord, ApplicationStatus, OperationName, OperationRecord } from './application-record.ts'
import type { LifecycleSurroundings } from './applications.ts'
import type { Accepted, Lifecycle } from './lifecycle.ts'

type Change = Partial<Omit<ApplicationRecord, 'name' | 'arn' | 'createdMs'>>

export class ScriptedLifecycle implements Lifecycle {
  readonly surroundings: LifecycleSurroundings
  recovered = 0
  closed = 0
  readonly #end = new Map<string, { operation: OperationRecord; status: ApplicationStatus }>()
  #lastId = 0

  constructor(surroundings: LifecycleSurroundings) {
    this.surroundings = surroundings
  }

  start: Lifecycle['start'] = (application, runConfiguration) =>
    this.#accept(application, 'StartApplication', ['READY'], 'STARTING', 'RUNNING', { runConfiguration })

  stop: Lifecycle['stop'] = (application, force) =>
    force
      ? this.#accept(application, 'StopApplication', ['RUNNING', 'STARTING', 'UPDATING'], 'FORCE_STOPPING', 'READY')
      : this.#accept(application, 'StopApplication', ['RUNNING'], 'STOPPING', 'READY')

  update: Lifecycle['update'] = (application, update) => {
    const { configuration, runtimeEnvironment, serviceExecutionRole, runConfiguration: run } = update
    const { versionId, runConfiguration } = application
    return this.#accept(application, 'UpdateApplication', ['READY', 'RUNNING'], 'UPDATING', application.status, {
      configuration,
      versionId: versionId + 1,
      versionUpdatedFrom: versionId,
      conditionalToken: `token-${versionId + 1}`,
      runConfiguration: runConfiguration === undefined ? undefined : { ...runConfiguration, ...run },
      runtimeEnvironment: runtimeEnvironment ?? application.runtimeEnvironment,
      serviceExecutionRole: serviceExecutionRole ?? application.serviceExecutionRole,
    })
  }

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
    const versionTo = change.versionId
    const operation: OperationRecord = {
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
    const { store } = this.surroundings
    const isDone = await store.change(application.name, application, { ...change, status: through }, [operation])
    if (!isDone) throw new ApiError('ConcurrentModificationException', `${application.name} has changed meanwhile.`)
    this.#end.set(application.name, { operation, status })
    return { application: (await store.application(application.name))!, operation }
  }
}
