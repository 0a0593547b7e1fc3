import { randomUuid } from '@millrace/engine/spi'
import type { JobInspection } from '../jobs/job-inspection.ts'
import { ApiError } from '../wire/api-error.ts'
import type { ApplicationRecord, OperationRecord, RunConfiguration } from './application-record.ts'
import { jobIdOf } from './job-id.ts'
import type { Accepted, ApplicationUpdate, Lifecycle } from './lifecycle.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { type LifecycleCall, nextStatus, operationName } from './state-machine.ts'
import { Supervisor } from './supervisor.ts'

/** Tries of a forced stop whose application changed its state meanwhile. */
const forceAttempts = 10

type Change = Partial<Omit<ApplicationRecord, 'name' | 'arn' | 'createdMs'>>

interface Acceptance {
  readonly change?: Change
  readonly arguments?: OperationRecord['arguments']
  readonly cancelled?: readonly OperationRecord[]
}

/**
 * Accepts calls by the state machine: status and operation are stored in one transaction before anything is done, then
 * the application's supervisor carries the operation out.
 */
export class LifecycleService implements Lifecycle {
  readonly #parts: LifecycleParts
  readonly #supervisors = new Map<string, Supervisor>()
  #closing: Promise<void> | undefined

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  async start(application: ApplicationRecord, run: RunConfiguration): Promise<Accepted> {
    if (run.restoreType === 'RESTORE_FROM_CUSTOM_SNAPSHOT') throw snapshotUnknown(run.snapshotName)
    return this.#carryOut(application, 'StartApplication', { change: { runConfiguration: run } })
  }

  async stop(application: ApplicationRecord, force: boolean): Promise<Accepted> {
    return force ? this.#forceStop(application) : this.#carryOut(application, 'StopApplication', {})
  }

  async update(application: ApplicationRecord, update: ApplicationUpdate): Promise<Accepted> {
    const { runConfiguration: asked } = update
    if (asked?.restoreType === 'RESTORE_FROM_CUSTOM_SNAPSHOT') throw snapshotUnknown(asked.snapshotName)
    const { versionId, runtimeEnvironment, serviceExecutionRole } = application
    return this.#carryOut(application, 'UpdateApplication', {
      change: {
        versionId: versionId + 1,
        versionUpdatedFrom: versionId,
        conditionalToken: randomUuid(this.#parts.random),
        configuration: update.configuration,
        runConfiguration: updatedRun(application.runConfiguration, asked),
        runtimeEnvironment: update.runtimeEnvironment ?? runtimeEnvironment,
        serviceExecutionRole: update.serviceExecutionRole ?? serviceExecutionRole,
      },
      arguments: { skip: asked?.restoreType === 'SKIP_RESTORE_FROM_SNAPSHOT' },
    })
  }

  async delete(application: ApplicationRecord): Promise<Accepted> {
    return this.#carryOut(application, 'DeleteApplication', {})
  }

  logFile(applicationName: string): string {
    return this.#parts.launcher.logFile(applicationName)
  }

  inspect(applicationName: string): JobInspection | undefined {
    return this.#parts.launcher.inspect?.(applicationName)
  }

  /** In the form of Flink's plan. */
  async jobPlan(applicationName: string): Promise<string | undefined> {
    const inspection = this.inspect(applicationName)
    if (inspection === undefined || inspection.ended !== undefined) return undefined
    const plan = await inspection.plan()
    return plan && JSON.stringify({ jid: jobIdOf(applicationName, inspection.epoch), ...plan })
  }

  async recover(): Promise<void> {
    const { store } = this.#parts
    const inProgress = await store.operationsInProgress()
    for (const operation of inProgress) {
      this.#supervisor(operation.applicationName).carryOut(operation, { takenUp: true })
    }
    const taken = new Set(inProgress.map(({ applicationName }) => applicationName))
    for (const { name, status } of await store.allApplications()) {
      if (status === 'RUNNING' && !taken.has(name)) this.#supervisor(name).resume()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#supervisors.values()].map((supervisor) => supervisor.close()))
    await this.#parts.launcher.close()
  }

  async #forceStop(asked: ApplicationRecord): Promise<Accepted> {
    let application = asked
    for (let attempt = 1; ; attempt++) {
      const { store, clock } = this.#parts
      const { items } = await store.listOperations(application.name, { status: 'IN_PROGRESS' }, undefined, 50)
      const endedMs = clock.now()
      const error = 'Cancelled by a forced stop.'
      const cancelled = items.map(
        (operation): OperationRecord => ({ ...operation, status: 'CANCELLED', endedMs, error }),
      )
      const accepted = await this.#accept(application, 'ForceStopApplication', { cancelled })
      if (accepted !== undefined) {
        this.#supervisor(application.name).carryOut(accepted.operation, { end: true })
        return accepted
      }
      // It has just gone from one state into the next, where a forced stop is as welcome.
      if (attempt === forceAttempts) throw await this.#conflict(application)
      application = (await store.application(application.name)) ?? application
    }
  }

  async #carryOut(application: ApplicationRecord, call: LifecycleCall, acceptance: Acceptance): Promise<Accepted> {
    const accepted = await this.#accept(application, call, acceptance)
    if (accepted === undefined) throw await this.#conflict(application)
    this.#supervisor(application.name).carryOut(accepted.operation, { end: call === 'DeleteApplication' })
    return accepted
  }

  /** Undefined when the application is no longer what the caller saw. */
  async #accept(
    application: ApplicationRecord,
    call: LifecycleCall,
    { change = {}, arguments: given = {}, cancelled = [] }: Acceptance,
  ): Promise<Accepted | undefined> {
    const { store, clock, random } = this.#parts
    if (this.#closing !== undefined) {
      throw new ApiError('ServiceUnavailableException', 'The service is being stopped. Try again when it is back.', 503)
    }
    const { name, status: statusBefore, versionId } = application
    const status = nextStatus(statusBefore, call)
    if (status === 'refused' || status === 'GONE') throw inUse(application, call)
    const nowMs = clock.now()
    const changes = { ...change, status, lastUpdatedMs: nowMs }
    const operation: OperationRecord = {
      id: randomUuid(random),
      applicationName: name,
      name: operationName(call),
      status: 'IN_PROGRESS',
      startedMs: nowMs,
      endedMs: undefined,
      statusBefore,
      versionFrom: versionId,
      versionTo: change.versionId ?? versionId,
      arguments: given,
      error: undefined,
    }
    const stored = await store
      .change(name, { status: statusBefore, versionId }, changes, [...cancelled, operation])
      .catch((error) => {
        // The write may have been done all the same.
        this.#supervisor(name).checkAccepted(operation)
        throw error
      })
    return stored ? { application: { ...application, ...changes }, operation } : undefined
  }

  async #conflict({ name, versionId }: ApplicationRecord): Promise<ApiError> {
    const now = await this.#parts.store.application(name)
    if (now === undefined) return new ApiError('ResourceNotFoundException', `Application ${name} doesn't exist.`)
    if (now.versionId === versionId) {
      return new ApiError('ResourceInUseException', `Application ${name} has changed meanwhile: it is ${now.status}.`)
    }
    return new ApiError(
      'ConcurrentModificationException',
      `Application ${name} is at version ${now.versionId} by now, not ${versionId}.`,
    )
  }

  #supervisor(name: string): Supervisor {
    for (const [other, supervisor] of this.#supervisors) if (supervisor.idle) this.#supervisors.delete(other)
    let supervisor = this.#supervisors.get(name)
    if (supervisor === undefined) {
      supervisor = new Supervisor(name, this.#parts)
      this.#supervisors.set(name, supervisor)
    }
    return supervisor
  }
}

/** An update that doesn't say otherwise doesn't drop state (Amazon resets AllowNonRestoredState). */
function updatedRun(
  before: RunConfiguration | undefined,
  asked: Partial<RunConfiguration> | undefined,
): RunConfiguration | undefined {
  if (before === undefined && asked === undefined) return undefined
  const { restoreType, snapshotName, allowNonRestoredState = false } = asked ?? {}
  if (restoreType === undefined) {
    return { restoreType: 'RESTORE_FROM_LATEST_SNAPSHOT', ...before, allowNonRestoredState }
  }
  return { restoreType, allowNonRestoredState, ...(snapshotName === undefined ? {} : { snapshotName }) }
}

function inUse({ name, status }: ApplicationRecord, call: LifecycleCall): ApiError {
  return new ApiError(
    'ResourceInUseException',
    `Application ${name} cannot be ${participle[call]} while it is ${status}.`,
  )
}

function snapshotUnknown(name: string | undefined): ApiError {
  return new ApiError('ResourceNotFoundException', `Snapshot ${name ?? ''} doesn't exist.`)
}

const participle: Readonly<Record<LifecycleCall, string>> = {
  StartApplication: 'started',
  StopApplication: 'stopped',
  ForceStopApplication: 'stopped by force',
  UpdateApplication: 'updated',
  DeleteApplication: 'deleted',
}
