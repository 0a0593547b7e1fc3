import type { ApplicationRecord, RunLineage } from '../applications/application-record.ts'
import type { SavedStates } from '../jobs/job-launcher.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { SnapshotRecord } from './snapshot-record.ts'

/**
 * The application that may still have to be restored from a snapshot's files: its run began with them and has completed no
 * checkpoint yet, or an operation in progress may go back to them. Undefined when there is none.
 */
export async function isNeeded(
  { folder }: SnapshotRecord,
  store: ApplicationStore,
  states: SavedStates,
): Promise<string | undefined> {
  if (folder === '') return undefined
  const inProgress = await store.operationsInProgress()
  for (const application of await store.allApplications()) {
    const given = inProgress.find(({ applicationName }) => applicationName === application.name)?.arguments
    const before = (given?.['lineageBefore'] ?? undefined) as RunLineage | undefined
    if (given !== undefined && (given['fallback'] === folder || before?.restoredFrom === folder))
      return application.name
    if (given !== undefined && application.lineage?.savedBefore === folder) return application.name
    if (await beginsWith(application, folder, states)) return application.name
  }
  return undefined
}

async function beginsWith(application: ApplicationRecord, folder: string, states: SavedStates): Promise<boolean> {
  const { lineage } = application
  if (lineage?.restoredFrom !== folder) return false
  return !(await states.hasCheckpoint(application, lineage.sinceEpoch))
}
