import { asEngineError, EngineError } from '@millrace/engine/spi'
import { logLevelsOf } from '../jobs/log-levels.ts'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { ApplicationConfiguration, ApplicationRecord, OperationRecord, RunLineage } from './application-record.ts'
import type { Ending, JobKeeper, Stopped } from './job-keeper.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { assertStillThere, requiredSnapshot } from './lineage.ts'
import { withoutLoggerLevels } from './service-properties.ts'
import type { StoredApplication } from './stored-application.ts'
import { systemSnapshot } from './system-snapshot.ts'
import { Interrupted, type Turn } from './turn.ts'

/** Whoever rolls back suspects that the job is stuck. */
const rollbackStopLimitMs = 60_000
/** What is saved doesn't fit the code that it is given to: older state may. */
const unfitCodes = [
  'SAVEPOINT_STATE_UNMAPPED',
  'STATE_KIND_CHANGED',
  'STATE_FORMAT_UNKNOWN',
  'MAX_PARALLELISM_MISMATCH',
]

/** How a job was replaced: by one that runs, or by none because it had come to the end of its input. */
export interface Replaced {
  readonly application: ApplicationRecord
  readonly finished: boolean
}

/**
 * Replaces a job by one of another version or another parallelism, which goes on with its state. How far it has come is
 * in the operation's arguments: `stopped` once the old job is gone and what the new one begins with is stored.
 */
export class Replacement {
  readonly #parts: LifecycleParts
  readonly #stored: StoredApplication
  readonly #keeper: JobKeeper

  constructor(parts: LifecycleParts, stored: StoredApplication, keeper: JobKeeper) {
    this.#parts = parts
    this.#stored = stored
    this.#keeper = keeper
  }

  /** For an update or a rescaling. `old`: what runs until then. */
  async replace(
    turn: Turn,
    before: ApplicationRecord,
    old: ApplicationRecord,
    operation: OperationRecord,
  ): Promise<Replaced> {
    const { store } = this.#parts
    let application = before
    if (operation.arguments['stopped'] !== true) {
      const { restoreType } = operation.arguments
      const custom =
        restoreType === 'RESTORE_FROM_CUSTOM_SNAPSHOT'
          ? await requiredSnapshot(store, before, before.runConfiguration)
          : undefined
      const end = await this.#keeper.end(turn, before, old, endingFor(old, operation))
      if (end.finished) return { application: end.application, finished: true }
      const restored = custom ?? (await this.#latestInstead(end, restoreType))
      const keeps = restoreType === undefined && end.savepoint === undefined && operation.name === 'ScaleApplication'
      const lineage = keeps
        ? end.application.lineage
        : lineageFrom(
            end,
            operation,
            restoreType === undefined ? (end.savepoint?.folder ?? restored?.folder) : restored?.folder,
          )
      application = await this.#store(turn, end, old, lineage, operation, { stopped: true })
      await assertStillThere(store, restored)
    }
    return { application: await this.#keeper.run(turn, application, application), finished: false }
  }

  /** For a rollback. `running`: what runs until then; undefined: what an operation that came to nothing has left. */
  async rollBack(
    turn: Turn,
    before: ApplicationRecord,
    running: ApplicationRecord | undefined,
    operation: OperationRecord,
  ): Promise<Replaced> {
    let application = before
    let { fallback } = operation.arguments
    if (operation.arguments['stopped'] !== true) {
      fallback = before.lineage?.savedBefore
      const end = await this.#endForRollback(turn, before, running)
      if (end.finished) return { application: end.application, finished: true }
      const lineage = lineageOfRollback(end, operation)
      application = await this.#store(turn, end, running ?? before, lineage, operation, { stopped: true, fallback })
    }
    try {
      return { application: await this.#keeper.run(turn, application, application), finished: false }
    } catch (error) {
      turn.check()
      const unfit = unfitCodes.includes(asEngineError(error).code)
      if (!unfit || typeof fallback !== 'string' || fallback === application.lineage?.restoredFrom) throw error
      this.#parts.launcher.log(application, 'warn', 'the newest state does not fit: going back to what it began with')
      const now = (await this.#stored.read()) ?? application
      const lineage = { sinceEpoch: now.epoch + 1, restoredFrom: fallback, begunBy: operation.id }
      application = await this.#stored.change(turn, now, { lineage }, [])
      return { application: await this.#keeper.run(turn, application, application), finished: false }
    }
  }

  /** The job may be stuck: then its newest checkpoint has to do. */
  async #endForRollback(
    turn: Turn,
    application: ApplicationRecord,
    running: ApplicationRecord | undefined,
  ): Promise<Stopped> {
    if (running === undefined) return this.#keeper.end(turn, application, application, 'cancel')
    const ending = running.configuration.snapshotsEnabled ? 'savepoint' : 'suspend'
    try {
      return await this.#keeper.end(turn, application, running, ending, rollbackStopLimitMs)
    } catch (error) {
      if (error instanceof Interrupted) throw error
      const reason = asEngineError(error).message
      this.#parts.launcher.log(application, 'warn', 'rolled back from its newest checkpoint', { reason })
      const now = (await this.#stored.read()) ?? application
      return this.#keeper.end(turn, now, now, 'cancel')
    }
  }

  #store(
    turn: Turn,
    { application, savepoint }: Stopped,
    version: ApplicationRecord,
    lineage: RunLineage | undefined,
    operation: OperationRecord,
    done: OperationRecord['arguments'],
  ): Promise<ApplicationRecord> {
    const recorded = { ...operation, arguments: { ...operation.arguments, ...done } }
    const snapshots = systemSnapshot(version, savepoint, operation, this.#parts)
    return this.#stored.change(turn, application, { lineage }, [recorded], snapshots)
  }

  /** An update that takes no snapshot of its own goes on from the one before. */
  async #latestInstead({ application, savepoint }: Stopped, restoreType: unknown): Promise<SnapshotRecord | undefined> {
    if (restoreType !== undefined || savepoint !== undefined) return undefined
    return this.#parts.store.latestSnapshot(application.name, application.createdMs)
  }
}

function endingFor({ configuration }: ApplicationRecord, { name }: OperationRecord): Ending {
  if (configuration.snapshotsEnabled) return 'savepoint'
  return name === 'ScaleApplication' ? 'suspend' : 'cancel'
}

function lineageFrom(
  { application, savepoint }: Stopped,
  { id }: OperationRecord,
  restoredFrom: string | undefined,
): RunLineage {
  return { sinceEpoch: application.epoch + 1, restoredFrom, begunBy: id, savedBefore: savepoint?.folder }
}

/** What was saved last; an operation that came to nothing may have dropped that on purpose, and it is gone back to. */
function lineageOfRollback({ application, savepoint }: Stopped, { id, arguments: given }: OperationRecord) {
  const { epoch, lineage } = application
  if (savepoint !== undefined) return { sinceEpoch: epoch + 1, restoredFrom: savepoint.folder, begunBy: id }
  const isOther = lineage?.savedBefore !== undefined && lineage.restoredFrom !== lineage.savedBefore
  if (!isOther || lineage.begunBy !== given['undone']) return lineage
  return { sinceEpoch: epoch + 1, restoredFrom: lineage.savedBefore, begunBy: id }
}

/** What changes needn't restart the job. */
export function onlyLogLevelDiffers(a: ApplicationConfiguration, b: ApplicationConfiguration): boolean {
  const rest = ({ monitoring, properties, ...others }: ApplicationConfiguration): string =>
    JSON.stringify({
      ...others,
      monitoring: { ...monitoring, logLevel: undefined, configurationType: undefined },
      properties: withoutLoggerLevels(properties),
    })
  const levels = (configuration: ApplicationConfiguration): string => JSON.stringify(logLevelsOf(configuration))
  return levels(a) !== levels(b) && rest(a) === rest(b)
}

/** The version that runs until then, with what the application is now for the rest. Errors: `VERSION_MISSING` (bug). */
export async function oldVersion(
  { store }: LifecycleParts,
  application: ApplicationRecord,
  { versionFrom }: OperationRecord,
): Promise<ApplicationRecord> {
  const old = versionFrom === undefined ? undefined : await store.version(application.name, versionFrom)
  if (old === undefined) {
    throw new EngineError('VERSION_MISSING', {
      kind: 'bug',
      message: `Version ${versionFrom} of ${application.name} isn't in the store.`,
    })
  }
  const { configuration, versionId, runtimeEnvironment, serviceExecutionRole, currentParallelism } = old
  return { ...application, configuration, versionId, runtimeEnvironment, serviceExecutionRole, currentParallelism }
}
