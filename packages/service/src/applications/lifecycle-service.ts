import { type LogLevel, randomUuid, type Split } from '@millrace/engine/spi'
import type { JobInspection } from '../jobs/job-inspection.ts'
import { SnapshotService } from '../snapshots/snapshot-service.ts'
import type { Owner } from '../storage/owner.ts'
import { ApiError } from '../wire/api-error.ts'
import { fencedStore } from '../zones/fenced-store.ts'
import type { ApplicationRecord, OperationRecord, RunConfiguration } from './application-record.ts'
import { notRunning } from './job-failure.ts'
import { jobIdOf } from './job-id.ts'
import type { Accepted, ApplicationUpdate, Lifecycle, Reconfiguration, StopOptions } from './lifecycle.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { conflict, inUse, notRolledBack } from './refusals.ts'
import { customSnapshot } from './restored-snapshot.ts'
import { changeBackTo, changeThatUndoes } from './rollback.ts'
import { nextStatus, type OperationCall, operationName } from './state-machine.ts'
import type { Change } from './stored-application.ts'
import { Supervisor } from './supervisor.ts'
import { checkParallelism, updatedParallelism, updatedRun } from './updated-run.ts'

/** Tries of a forced stop whose application changed its state meanwhile. */
const forceAttempts = 10

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
  readonly snapshots: SnapshotService
  readonly #parts: LifecycleParts
  readonly #supervisors = new Map<string, Supervisor>()
  /** What fences the writes for each application that is this node's; none on a single node. */
  readonly #owners = new Map<string, Owner>()
  /** Jobs of applications that were lost, until they are gone. */
  readonly #leaving = new Map<string, Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(parts: LifecycleParts) {
    this.#parts = parts
    this.snapshots = new SnapshotService(parts, (snapshot) => parts.ownership.snapshotAsked(snapshot))
  }

  async start(application: ApplicationRecord, run: RunConfiguration): Promise<Accepted> {
    await this.#requireSnapshot(application, run)
    // A run of its own begins with the configured parallelism.
    return this.#carryOut(application, 'StartApplication', {
      change: { runConfiguration: run, currentParallelism: undefined },
    })
  }

  async stop(application: ApplicationRecord, { force = false, drain = false }: StopOptions = {}): Promise<Accepted> {
    return force
      ? this.#forceStop(application)
      : this.#carryOut(application, 'StopApplication', { arguments: { drain } })
  }

  async update(application: ApplicationRecord, update: ApplicationUpdate): Promise<Accepted> {
    const { runConfiguration: asked } = update
    await this.#requireSnapshot(application, asked)
    const { runtimeEnvironment, serviceExecutionRole, loggingOptions } = application
    const restoreType = asked?.restoreType === 'RESTORE_FROM_LATEST_SNAPSHOT' ? undefined : asked?.restoreType
    return this.#carryOut(application, 'UpdateApplication', {
      change: {
        ...this.#nextVersion(application),
        configuration: update.configuration,
        runConfiguration: updatedRun(application.runConfiguration, asked),
        runtimeEnvironment: update.runtimeEnvironment ?? runtimeEnvironment,
        serviceExecutionRole: update.serviceExecutionRole ?? serviceExecutionRole,
        loggingOptions: update.loggingOptions ?? loggingOptions,
        currentParallelism: updatedParallelism(application, update.configuration),
      },
      arguments: restoreType === undefined ? {} : { restoreType },
    })
  }

  async reconfigure(application: ApplicationRecord, { name, ...change }: Reconfiguration): Promise<Accepted> {
    const { store, clock, random } = this.#parts
    this.#refuseWhenClosing()
    const { status, versionId } = application
    if (nextStatus(status, 'Reconfigure') === 'refused') throw inUse(application, 'Reconfigure')
    const nowMs = clock.now()
    const changes = { ...change, ...(name === undefined ? {} : this.#nextVersion(application)), lastUpdatedMs: nowMs }
    const operation: OperationRecord = {
      id: randomUuid(random),
      applicationName: application.name,
      name: name ?? 'UpdateApplication',
      status: 'SUCCESSFUL',
      startedMs: nowMs,
      endedMs: nowMs,
      statusBefore: status,
      versionFrom: versionId,
      versionTo: name === undefined ? versionId : versionId + 1,
      arguments: {},
      error: undefined,
    }
    const operations = name === undefined ? [] : [operation]
    const stored = await store.change(application.name, { status, versionId }, changes, operations)
    if (!stored) throw await this.#conflict(application)
    return { application: { ...application, ...changes }, operation }
  }

  async rollback(application: ApplicationRecord): Promise<Accepted> {
    const { store } = this.#parts
    const { name, status, versionId, versionUpdatedFrom, createdMs } = application
    if (nextStatus(status, 'RollbackApplication') === 'refused') throw inUse(application, 'RollbackApplication')
    if ((await store.latestSnapshot(name, createdMs)) === undefined)
      throw notRolledBack(application, 'it has no snapshot')
    if (status === 'RUNNING') {
      const old = versionUpdatedFrom === undefined ? undefined : await store.version(name, versionUpdatedFrom)
      if (old === undefined) throw notRolledBack(application, `version ${versionId} was not updated from another one`)
      const change = changeBackTo(application, old, this.#parts)
      return this.#carryOut(application, 'RollbackApplication', { change, arguments: { wasRunning: true } })
    }
    const [undone] = await this.#inProgress(application)
    const change = undone && (await changeThatUndoes(store, application, undone, this.#parts))
    if (undone === undefined || change === undefined) throw await this.#conflict(application)
    return this.#carryOut(application, 'RollbackApplication', {
      change,
      arguments: { wasRunning: undone.statusBefore === 'RUNNING', undone: undone.id },
      cancelled: [this.#cancelled(undone, 'a rollback')],
    })
  }

  async scale(application: ApplicationRecord, currentParallelism: number): Promise<Accepted> {
    checkParallelism(application, currentParallelism)
    return this.#carryOut(application, 'ScaleApplication', {
      change: { currentParallelism },
      arguments: { parallelismBefore: application.currentParallelism },
    })
  }

  async hibernate(application: ApplicationRecord): Promise<void> {
    this.#refuseWhenClosing()
    if (nextStatus(application.status, 'Hibernate') === 'refused') throw inUse(application, 'Hibernate')
    await this.#here(application.name).hibernate()
  }

  async wake(application: ApplicationRecord): Promise<void> {
    this.#refuseWhenClosing()
    if (nextStatus(application.status, 'Wake') === 'refused') throw inUse(application, 'Wake')
    await this.#here(application.name).wake()
  }

  splits(application: ApplicationRecord): Promise<readonly Split[] | undefined> {
    return this.#parts.launcher.states.splits(application)
  }

  async delete(application: ApplicationRecord): Promise<Accepted> {
    return this.#carryOut(application, 'DeleteApplication', {})
  }

  log(application: ApplicationRecord, level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    this.#parts.launcher.log(application, level, message, fields)
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
    await this.#parts.ownership.start({
      acquired: (name, owner, inProgress) => this.#acquired(name, owner, inProgress),
      lost: (name) => this.#lost(name),
      operation: (operation, certain) => this.#take(operation, certain),
      snapshot: (snapshot) => this.#mine(snapshot.applicationName)?.takeSnapshot(snapshot),
    })
    await this.snapshots.recover()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.snapshots.close()
    await Promise.all([...this.#supervisors.values()].map((supervisor) => supervisor.close()))
    await Promise.all(this.#leaving.values())
    await this.#parts.launcher.close()
  }

  async #forceStop(asked: ApplicationRecord): Promise<Accepted> {
    let application = asked
    for (let attempt = 1; ; attempt++) {
      const { store } = this.#parts
      const inProgress = await this.#inProgress(application)
      const cancelled = inProgress.map((operation) => this.#cancelled(operation, 'a forced stop'))
      const accepted = await this.#accept(application, 'ForceStopApplication', {
        cancelled,
        arguments: { force: true },
      })
      if (accepted !== undefined) {
        this.#parts.ownership.accepted(accepted.operation, true)
        return accepted
      }
      // It has just gone from one state into the next, where a forced stop is as welcome.
      if (attempt === forceAttempts) throw await this.#conflict(application)
      application = (await store.application(application.name)) ?? application
    }
  }

  async #inProgress({ name }: ApplicationRecord): Promise<readonly OperationRecord[]> {
    return (await this.#parts.store.listOperations(name, { status: 'IN_PROGRESS' }, undefined, 50)).items
  }

  #cancelled(operation: OperationRecord, by: string): OperationRecord {
    return { ...operation, status: 'CANCELLED', endedMs: this.#parts.clock.now(), error: `Cancelled by ${by}.` }
  }

  /** What every new version has of its own. */
  #nextVersion({ versionId }: ApplicationRecord): Change {
    const { clock, random } = this.#parts
    return {
      versionId: versionId + 1,
      versionUpdatedFrom: versionId,
      versionRolledBackFrom: undefined,
      versionRolledBackTo: undefined,
      versionCreatedMs: clock.now(),
      conditionalToken: randomUuid(random),
    }
  }

  /** Errors: `ResourceNotFoundException`, `ResourceInUseException` (not READY). */
  async #requireSnapshot({ name }: ApplicationRecord, run: Partial<RunConfiguration> | undefined): Promise<void> {
    if (run?.restoreType !== 'RESTORE_FROM_CUSTOM_SNAPSHOT') return
    const snapshot = await customSnapshot(this.#parts.store, name, run)
    const told = run.snapshotName ?? run.snapshotArn ?? ''
    if (snapshot === undefined) throw new ApiError('ResourceNotFoundException', `Snapshot ${told} doesn't exist.`)
    if (snapshot.status !== 'READY') {
      throw new ApiError('ResourceInUseException', `Snapshot ${told} is ${snapshot.status}, not READY.`)
    }
  }

  async #carryOut(application: ApplicationRecord, call: OperationCall, acceptance: Acceptance): Promise<Accepted> {
    const accepted = await this.#accept(application, call, acceptance)
    if (accepted === undefined) throw await this.#conflict(application)
    this.#parts.ownership.accepted(accepted.operation, true)
    return accepted
  }

  /** Undefined when the application is no longer what the caller saw. */
  async #accept(
    application: ApplicationRecord,
    call: OperationCall,
    { change = {}, arguments: given = {}, cancelled = [] }: Acceptance,
  ): Promise<Accepted | undefined> {
    const { store, clock, random } = this.#parts
    this.#refuseWhenClosing()
    const { name, status: statusBefore, versionId } = application
    const status = nextStatus(statusBefore, call)
    if (status === 'refused' || status === 'GONE') throw inUse(application, call)
    const nowMs = clock.now()
    const changes = { ...change, status, lastUpdatedMs: nowMs, hibernatedSinceMs: undefined }
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
        this.#parts.ownership.accepted(operation, false)
        throw error
      })
    return stored ? { application: { ...application, ...changes }, operation } : undefined
  }

  #refuseWhenClosing(): void {
    if (this.#closing === undefined) return
    throw new ApiError('ServiceUnavailableException', 'The service is being stopped. Try again when it is back.', 503)
  }

  async #conflict(application: ApplicationRecord): Promise<ApiError> {
    return conflict(application, await this.#parts.store.application(application.name))
  }

  /** What others have begun is taken up; without an operation in progress it's looked whether it has to run. */
  #acquired(name: string, owner: Owner | undefined, inProgress: readonly OperationRecord[]): void {
    if (owner !== undefined) this.#owners.set(name, owner)
    const supervisor = this.#mine(name)
    for (const operation of inProgress) supervisor?.carryOut(operation, { takenUp: true })
    if (inProgress.length === 0) supervisor?.resume()
  }

  #lost(name: string): void {
    this.#owners.delete(name)
    const supervisor = this.#supervisors.get(name)
    if (supervisor === undefined) return
    this.#supervisors.delete(name)
    const leaving = Promise.all([this.#leaving.get(name), supervisor.abandon()]).then(() => {
      if (this.#leaving.get(name) === leaving) this.#leaving.delete(name)
    })
    this.#leaving.set(name, leaving)
  }

  #take(operation: OperationRecord, certain: boolean): void {
    const supervisor = this.#mine(operation.applicationName)
    if (certain) supervisor?.carryOut(operation, { end: endsJob(operation) })
    else supervisor?.checkAccepted(operation)
  }

  /** Errors: `NOT_RUNNING` also when another node attends to the application. */
  #here(name: string): Supervisor {
    const supervisor = this.#mine(name)
    if (supervisor === undefined) throw notRunning()
    return supervisor
  }

  /** Who attends to the application; undefined when that's another node's. */
  #mine(name: string): Supervisor | undefined {
    const { ownership, store } = this.#parts
    if (this.#closing !== undefined || !ownership.isMine(name)) return undefined
    for (const [other, supervisor] of this.#supervisors) if (supervisor.idle) this.#supervisors.delete(other)
    let supervisor = this.#supervisors.get(name)
    if (supervisor === undefined) {
      const parts = { ...this.#parts, store: fencedStore(store, this.#owners.get(name)) }
      supervisor = new Supervisor(name, parts, this.#leaving.get(name))
      this.#supervisors.set(name, supervisor)
    }
    return supervisor
  }
}

/** Whether the job is in the operation's way: nothing is to be saved of it any more. */
function endsJob({ name, arguments: given }: OperationRecord): boolean {
  return name === 'DeleteApplication' || given['force'] === true || given['undone'] !== undefined
}
