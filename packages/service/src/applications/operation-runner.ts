import { EngineError } from '@millrace/engine/spi'
import { logLevelsOf } from '../jobs/log-levels.ts'
import type { ApplicationRecord, OperationRecord } from './application-record.ts'
import { stackOf } from './job-failure.ts'
import type { Ending, JobKeeper } from './job-keeper.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { assertStillThere, lineageAfterFailure, lineageOfStart } from './lineage.ts'
import { oldVersion, onlyLogLevelDiffers, Replacement } from './replacement.ts'
import { systemRollback } from './rollback.ts'
import { rootCause } from './root-cause.ts'
import type { LifecycleEvent } from './state-machine.ts'
import type { Change, StoredApplication } from './stored-application.ts'
import { systemSnapshot } from './system-snapshot.ts'
import type { Turn } from './turn.ts'

/** Carries out the accepted operations of one application. What an operation has done so far is in its record. */
export class OperationRunner {
  readonly #parts: LifecycleParts
  readonly #stored: StoredApplication
  readonly #keeper: JobKeeper
  readonly #replacement: Replacement

  constructor(parts: LifecycleParts, stored: StoredApplication, keeper: JobKeeper) {
    this.#parts = parts
    this.#stored = stored
    this.#keeper = keeper
    this.#replacement = new Replacement(parts, stored, keeper)
  }

  /** Carries it out to its end; throws when it fails. */
  perform(turn: Turn, application: ApplicationRecord, operation: OperationRecord, takenUp: boolean): Promise<void> {
    switch (operation.name) {
      case 'StartApplication':
        return this.#start(turn, application, operation)
      case 'StopApplication':
        return application.status === 'FORCE_STOPPING'
          ? this.#forceStop(turn, application, operation)
          : this.#stop(turn, application, operation)
      case 'UpdateApplication':
        return this.#update(turn, application, operation, takenUp)
      case 'ScaleApplication':
        return this.#scale(turn, application, operation)
      case 'RollbackApplication':
        return this.#rollBack(turn, application, operation)
      case 'DeleteApplication':
        return this.#delete(turn, application, operation)
      default:
        throw new EngineError('OPERATION_UNEXPECTED', {
          kind: 'bug',
          message: `${operation.name} is never left in progress.`,
        })
    }
  }

  async #start(turn: Turn, accepted: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const { store, launcher } = this.#parts
    await launcher.prepare(accepted)
    let application = accepted
    if (operation.arguments['begun'] !== true) {
      const lineageBefore = application.lineage ?? null
      const { lineage, snapshot } = await lineageOfStart(store, application, operation)
      const begun = { ...operation, arguments: { ...operation.arguments, begun: true, lineageBefore } }
      application = await this.#stored.change(turn, application, { lineage }, [begun])
      await assertStillThere(store, snapshot)
    }
    application = await this.#keeper.run(turn, application, application)
    await this.#succeeded(turn, application, operation, 'succeededRunning')
  }

  async #stop(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const plain: Ending = before.configuration.snapshotsEnabled ? 'savepoint' : 'cancel'
    const ending = operation.arguments['drain'] === true ? 'drain' : plain
    const { application, savepoint } = await this.#keeper.end(turn, before, before, ending)
    const snapshots = systemSnapshot(application, savepoint, operation, this.#parts)
    const ended = this.#ended(operation, 'SUCCESSFUL', undefined)
    await this.#stored.transition(turn, application, 'succeededStopped', { lineage: undefined }, [ended], snapshots)
    this.#parts.launcher.log(application, 'info', `${operation.name} succeeded`)
  }

  async #forceStop(turn: Turn, application: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#keeper.cancel()
    await this.#succeeded(turn, application, operation, 'succeededStopped', { lineage: undefined })
  }

  async #update(turn: Turn, before: ApplicationRecord, operation: OperationRecord, takenUp: boolean): Promise<void> {
    if (operation.statusBefore !== 'RUNNING') return this.#succeeded(turn, before, operation, 'succeededStopped')
    await this.#parts.launcher.prepare(before)
    const old = await oldVersion(this.#parts, before, operation)
    const { stopped, restoreType } = operation.arguments
    const isStill =
      stopped !== true && restoreType === undefined && old.currentParallelism === before.currentParallelism
    if (isStill && onlyLogLevelDiffers(old.configuration, before.configuration)) {
      return this.#changeLogLevel(turn, before, operation)
    }
    await this.#replace(turn, before, old, operation)
    if (takenUp) this.#parts.launcher.log(before, 'info', 'update taken up after a restart of the service')
  }

  async #scale(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#parts.launcher.prepare(before)
    const currentParallelism = operation.arguments['parallelismBefore'] as number | undefined
    await this.#replace(turn, before, { ...before, currentParallelism }, operation)
  }

  async #replace(turn: Turn, before: ApplicationRecord, old: ApplicationRecord, operation: OperationRecord) {
    const { application, finished } = await this.#replacement.replace(turn, before, old, operation)
    if (!finished) return this.#succeeded(turn, application, operation, 'succeededRunning')
    return this.#succeeded(turn, application, operation, 'succeededStopped', { lineage: undefined })
  }

  /** Of a version that runs, of an operation that came to nothing, or of an update of a stopped application. */
  async #rollBack(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const { wasRunning, undone } = operation.arguments
    if (wasRunning !== true) {
      await this.#keeper.cancel()
      return this.#succeeded(turn, before, operation, 'succeededStopped')
    }
    await this.#parts.launcher.prepare(before)
    const running = undone === undefined ? await oldVersion(this.#parts, before, operation) : undefined
    const { application, finished } = await this.#replacement.rollBack(turn, before, running, operation)
    if (!finished) return this.#succeeded(turn, application, operation, 'succeededRunning')
    return this.#succeeded(turn, application, operation, 'jobFinished', { lineage: undefined })
  }

  async #changeLogLevel(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const { level, loggers } = logLevelsOf(before.configuration)
    this.#keeper.job?.setLogLevel(level, loggers)
    const application = this.#keeper.job === undefined ? await this.#keeper.run(turn, before, before) : before
    await this.#succeeded(turn, application, operation, 'succeededRunning')
  }

  async #delete(turn: Turn, accepted: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const { store, launcher } = this.#parts
    await this.#keeper.cancel()
    await this.#keepSnapshots(accepted)
    // First of all: should the removal fail halfway, nothing tells of files that may be gone.
    const forgetting = { snapshots: [], operations: [], forgetLegacy: true }
    const application = await this.#stored.change(turn, accepted, { lineage: undefined }, [], forgetting)
    await launcher.remove(application)
    turn.check()
    const done = this.#ended(operation, 'SUCCESSFUL', undefined)
    await this.#stored.untilStored(async () => {
      // A deletion whose answer was lost has freed the name: another application may have it by now.
      const stored = await store.operation(application.name, operation.id)
      if (stored?.status === 'IN_PROGRESS') await store.deleteApplication(application.name, done)
    })
  }

  /** Enhanced snapshots outlive their application: their files leave its folder before that is removed. */
  async #keepSnapshots({ name, createdMs }: ApplicationRecord): Promise<void> {
    const { store, launcher } = this.#parts
    for (const snapshot of await this.#stored.untilStored(() => store.snapshotsOf(name, createdMs))) {
      const folder = launcher.states.keptFolder(snapshot.name)
      if (snapshot.status !== 'READY' || snapshot.folder === folder) continue
      await launcher.states.copy(snapshot.folder, folder)
      await this.#stored.untilStored(() => store.putSnapshot('READY', { ...snapshot, folder }, []))
    }
  }

  /**
   * After a failure nothing runs, and what the next start goes on from loses nothing that was done. An update or a
   * rescaling that may be rolled back ends together with the beginning of its rollback.
   */
  async failed(turn: Turn, id: string, error: unknown, takenUp: boolean): Promise<void> {
    await this.#keeper.cancel()
    turn.check()
    const application = await this.#stored.read()
    const operation = await this.#stored.inProgress(id)
    if (application === undefined || operation === undefined) return
    const cause = rootCause(error)
    this.#parts.launcher.log(application, 'error', `${operation.name} failed`, { reason: cause, ...stackOf(error) })
    const ended = this.#ended(operation, 'FAILED', cause)
    const { store } = this.#parts
    const rollback = await this.#stored.untilStored(() => systemRollback(store, application, operation, this.#parts))
    if (rollback !== undefined) {
      const operations = [{ ...ended, rollbackOperationId: rollback.operation.id }, rollback.operation]
      const change = { ...rollback.change, lastUpdatedMs: rollback.operation.startedMs }
      return this.#stored.transition(turn, application, 'failedRollingBack', change, operations)
    }
    // What was taken up may have run before.
    const change = takenUp ? {} : lineageAfterFailure(operation)
    await this.#stored.transition(turn, application, 'failed', change, [ended])
  }

  async #succeeded(
    turn: Turn,
    application: ApplicationRecord,
    operation: OperationRecord,
    event: LifecycleEvent,
    change: Change = {},
  ): Promise<void> {
    await this.#stored.transition(turn, application, event, change, [this.#ended(operation, 'SUCCESSFUL', undefined)])
    this.#parts.launcher.log(application, 'info', `${operation.name} succeeded`)
  }

  #ended(operation: OperationRecord, status: 'SUCCESSFUL' | 'FAILED', error: string | undefined): OperationRecord {
    return { ...operation, status, error, endedMs: this.#parts.clock.now() }
  }
}
