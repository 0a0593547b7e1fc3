import { type Clock, type Random, randomUuid } from '@millrace/engine/spi'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { ApplicationRecord, OperationRecord } from './application-record.ts'
import type { Change } from './stored-application.ts'

/** What brings an application back to an older version's configuration, as a version of its own. */
export function changeBackTo(
  application: ApplicationRecord,
  old: ApplicationRecord,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Change {
  const { versionId, runConfiguration } = application
  return {
    versionId: versionId + 1,
    versionUpdatedFrom: old.versionUpdatedFrom,
    versionRolledBackFrom: versionId,
    versionRolledBackTo: old.versionId,
    versionCreatedMs: clock.now(),
    conditionalToken: randomUuid(random),
    configuration: old.configuration,
    runtimeEnvironment: old.runtimeEnvironment,
    serviceExecutionRole: old.serviceExecutionRole,
    loggingOptions: old.loggingOptions,
    currentParallelism: old.currentParallelism,
    runConfiguration: runConfiguration && {
      restoreType: 'RESTORE_FROM_LATEST_SNAPSHOT',
      allowNonRestoredState: false,
    },
  }
}

/** What undoes an operation: an update by the version before, a rescaling by the parallelism before. */
export async function changeThatUndoes(
  store: ApplicationStore,
  application: ApplicationRecord,
  operation: OperationRecord,
  parts: { readonly clock: Clock; readonly random: Random },
): Promise<Change | undefined> {
  if (operation.name === 'ScaleApplication') {
    return { currentParallelism: operation.arguments['parallelismBefore'] as number | undefined }
  }
  if (operation.name !== 'UpdateApplication' || operation.versionFrom === undefined) return undefined
  const old = await store.version(application.name, operation.versionFrom)
  return old && changeBackTo(application, old, parts)
}

/** The rollback of an update or a rescaling that failed: an operation of its own, accepted as the other one ends. */
export async function systemRollback(
  store: ApplicationStore,
  application: ApplicationRecord,
  failed: OperationRecord,
  parts: { readonly clock: Clock; readonly random: Random },
): Promise<{ readonly change: Change; readonly operation: OperationRecord } | undefined> {
  const { configuration, lineage, versionId } = application
  if (!configuration.rollbackEnabled || failed.statusBefore !== 'RUNNING') return undefined
  // It had ended the run before, and nothing was kept of it.
  if (lineage?.begunBy === failed.id && lineage.savedBefore === undefined) return undefined
  const change = await changeThatUndoes(store, application, failed, parts)
  if (change === undefined) return undefined
  const operation: OperationRecord = {
    id: randomUuid(parts.random),
    applicationName: application.name,
    name: 'RollbackApplication',
    status: 'IN_PROGRESS',
    startedMs: parts.clock.now(),
    endedMs: undefined,
    statusBefore: failed.statusBefore,
    versionFrom: versionId,
    versionTo: change.versionId ?? versionId,
    arguments: { wasRunning: true, undone: failed.id },
    error: undefined,
  }
  return { change, operation }
}
