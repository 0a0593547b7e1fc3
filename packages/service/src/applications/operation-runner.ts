import { EngineError } from '@millrace/engine/spi'
import { logLevelsOf } from '../jobs/log-levels.ts'
import type { ApplicationConfiguration, ApplicationRecord, OperationRecord, RunLineage } from './application-record.ts'
import { stackOf } from './job-failure.ts'
import type { JobKeeper } from './job-keeper.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { rootCause } from './root-cause.ts'
import { withoutLoggerLevels } from './service-properties.ts'
import type { LifecycleEvent } from './state-machine.ts'
import type { Change, StoredApplication } from './stored-application.ts'
import type { Turn } from './turn.ts'

/** Carries out the accepted operations of one application. What an operation has done so far is in its record. */
export class OperationRunner {
  readonly #name: string
  readonly #parts: LifecycleParts
  readonly #stored: StoredApplication
  readonly #keeper: JobKeeper

  constructor(name: string, parts: LifecycleParts, stored: StoredApplication, keeper: JobKeeper) {
    this.#name = name
    this.#parts = parts
    this.#stored = stored
    this.#keeper = keeper
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
      case 'DeleteApplication':
        return this.#delete(turn, application, operation)
      case 'CreateApplication':
        throw new EngineError('OPERATION_UNEXPECTED', { kind: 'bug', message: 'A creation is never left in progress.' })
    }
  }

  async #start(turn: Turn, accepted: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#parts.launcher.prepare(accepted)
    let application = accepted
    if (operation.arguments['begun'] !== true) {
      const lineageBefore = application.lineage ?? null
      const begun = { ...operation, arguments: { ...operation.arguments, begun: true, lineageBefore } }
      application = await this.#stored.change(turn, application, { lineage: lineageOfStart(application) }, [begun])
    }
    application = await this.#keeper.run(turn, application, application)
    await this.#succeeded(turn, application, operation, 'succeededRunning')
  }

  async #stop(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const { application, savepoint } = await this.#keeper.end(turn, before, before)
    const latestSavepoint = savepoint ?? application.latestSavepoint
    await this.#succeeded(turn, application, operation, 'succeededStopped', { latestSavepoint, lineage: undefined })
  }

  async #forceStop(turn: Turn, application: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#keeper.cancel()
    await this.#succeeded(turn, application, operation, 'succeededStopped', { lineage: undefined })
  }

  async #update(turn: Turn, before: ApplicationRecord, operation: OperationRecord, takenUp: boolean): Promise<void> {
    if (operation.statusBefore !== 'RUNNING') return this.#succeeded(turn, before, operation, 'succeededStopped')
    await this.#parts.launcher.prepare(before)
    let application = before
    if (operation.arguments['stopped'] !== true) {
      const old = await this.#oldVersion(before, operation)
      if (onlyLogLevelDiffers(old.configuration, before.configuration) && operation.arguments['skip'] !== true) {
        return this.#changeLogLevel(turn, before, operation)
      }
      const end = await this.#keeper.end(turn, before, old)
      if (end.finished) {
        return this.#succeeded(turn, end.application, operation, 'succeededStopped', { lineage: undefined })
      }
      const latestSavepoint = end.savepoint ?? end.application.latestSavepoint
      const restoredFrom = operation.arguments['skip'] === true ? undefined : latestSavepoint
      const lineage = { sinceEpoch: end.application.epoch + 1, restoredFrom }
      const stopped = { ...operation, arguments: { ...operation.arguments, stopped: true } }
      application = await this.#stored.change(turn, end.application, { latestSavepoint, lineage }, [stopped])
    }
    application = await this.#keeper.run(turn, application, application)
    await this.#succeeded(turn, application, operation, 'succeededRunning')
    if (takenUp) this.#parts.launcher.log(application, 'info', 'update taken up after a restart of the service')
  }

  async #changeLogLevel(turn: Turn, before: ApplicationRecord, operation: OperationRecord): Promise<void> {
    const { level, loggers } = logLevelsOf(before.configuration)
    this.#keeper.job?.setLogLevel(level, loggers)
    const application = this.#keeper.job === undefined ? await this.#keeper.run(turn, before, before) : before
    await this.#succeeded(turn, application, operation, 'succeededRunning')
  }

  /** The version that runs until the update stops it, with what the application is now for the rest. */
  async #oldVersion(application: ApplicationRecord, { versionFrom }: OperationRecord): Promise<ApplicationRecord> {
    const old = versionFrom === undefined ? undefined : await this.#parts.store.version(this.#name, versionFrom)
    if (old === undefined) {
      throw new EngineError('VERSION_MISSING', {
        kind: 'bug',
        message: `Version ${versionFrom} of ${this.#name} isn't in the store.`,
      })
    }
    const { configuration, versionId, runtimeEnvironment, serviceExecutionRole } = old
    return { ...application, configuration, versionId, runtimeEnvironment, serviceExecutionRole }
  }

  async #delete(turn: Turn, application: ApplicationRecord, operation: OperationRecord): Promise<void> {
    await this.#keeper.cancel()
    await this.#parts.launcher.remove(this.#name)
    turn.check()
    const done = this.#ended(operation, 'SUCCESSFUL', undefined)
    await this.#stored.untilStored(async () => {
      // A deletion whose answer was lost has freed the name: another application may have it by now.
      const stored = await this.#parts.store.operation(application.name, operation.id)
      if (stored?.status === 'IN_PROGRESS') await this.#parts.store.deleteApplication(application.name, done)
    })
  }

  /** After a failure nothing runs, and what the next start goes on from loses nothing that was done. */
  async failed(turn: Turn, id: string, error: unknown, takenUp: boolean): Promise<void> {
    await this.#keeper.cancel()
    turn.check()
    const application = await this.#stored.read()
    const operation = await this.#stored.inProgress(id)
    if (application === undefined || operation === undefined) return
    const cause = rootCause(error)
    this.#parts.launcher.log(application, 'error', `${operation.name} failed`, { reason: cause, ...stackOf(error) })
    // What was taken up may have run before.
    const change = takenUp ? {} : lineageAfterFailure(operation)
    await this.#stored.transition(turn, application, 'failed', change, [this.#ended(operation, 'FAILED', cause)])
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

/** What a start goes on from, as its run configuration says. */
function lineageOfStart({ epoch, lineage, latestSavepoint, runConfiguration }: ApplicationRecord): RunLineage {
  const sinceEpoch = epoch + 1
  if (runConfiguration?.restoreType === 'SKIP_RESTORE_FROM_SNAPSHOT') return { sinceEpoch, restoredFrom: undefined }
  // A run that failed goes on from its newest checkpoint: the older snapshot would repeat what was committed since.
  return lineage ?? { sinceEpoch, restoredFrom: latestSavepoint }
}
/** What began nothing leaves the run before it as the newest. */
function lineageAfterFailure({ name, arguments: given }: OperationRecord): Change {
  if (name === 'StartApplication' && given['begun'] === true) {
    return { lineage: (given['lineageBefore'] as RunLineage | null) ?? undefined }
  }
  if (name === 'UpdateApplication' && given['stopped'] === true && given['skip'] === true) return { lineage: undefined }
  return {}
}
/** What changes needn't restart the job. */
function onlyLogLevelDiffers(a: ApplicationConfiguration, b: ApplicationConfiguration): boolean {
  const rest = ({ monitoring, properties, ...others }: ApplicationConfiguration): string =>
    JSON.stringify({
      ...others,
      monitoring: { ...monitoring, logLevel: undefined, configurationType: undefined },
      properties: withoutLoggerLevels(properties),
    })
  const levels = (configuration: ApplicationConfiguration): string => JSON.stringify(logLevelsOf(configuration))
  return levels(a) !== levels(b) && rest(a) === rest(b)
}
