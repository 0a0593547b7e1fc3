import { EngineError } from '@millrace/engine/spi'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { ApplicationRecord, OperationRecord, RunConfiguration, RunLineage } from './application-record.ts'
import { customSnapshot } from './restored-snapshot.ts'

/** What a new run begins with. */
export interface NewLineage {
  readonly lineage: RunLineage
  /** Its files must still be there when the lineage is stored: see `assertStillThere`. */
  readonly snapshot: SnapshotRecord | undefined
}

/** What a start goes on from, as its run configuration says. Errors: `SNAPSHOT_MISSING` (invalid). */
export async function lineageOfStart(
  store: ApplicationStore,
  application: ApplicationRecord,
  { id }: OperationRecord,
): Promise<NewLineage> {
  const { name, createdMs, epoch, lineage, runConfiguration } = application
  const begin = (snapshot: SnapshotRecord | undefined): NewLineage => ({
    lineage: { sinceEpoch: epoch + 1, restoredFrom: snapshot?.folder, begunBy: id },
    snapshot,
  })
  switch (runConfiguration?.restoreType ?? 'RESTORE_FROM_LATEST_SNAPSHOT') {
    case 'SKIP_RESTORE_FROM_SNAPSHOT':
      return begin(undefined)
    case 'RESTORE_FROM_CUSTOM_SNAPSHOT':
      return begin(await requiredSnapshot(store, application, runConfiguration))
    case 'RESTORE_FROM_LATEST_SNAPSHOT':
      // A run that failed goes on from its newest checkpoint: the older snapshot would repeat what was committed since.
      if (lineage !== undefined) return { lineage, snapshot: undefined }
      return begin(await store.latestSnapshot(name, createdMs))
  }
}

/** The snapshot of RESTORE_FROM_CUSTOM_SNAPSHOT. Errors: `SNAPSHOT_MISSING` (invalid). */
export async function requiredSnapshot(
  store: ApplicationStore,
  application: ApplicationRecord,
  run: Partial<RunConfiguration> | undefined,
): Promise<SnapshotRecord> {
  const snapshot = await customSnapshot(store, application.name, run)
  if (snapshot?.status !== 'READY') throw missing(run?.snapshotName ?? run?.snapshotArn ?? '')
  return snapshot
}

/**
 * A deletion stores DELETING before it looks at who needs the files; who is going to need them stores that before this
 * look: at least one of the two sees the other. Errors: `SNAPSHOT_MISSING` (invalid).
 */
export async function assertStillThere(store: ApplicationStore, snapshot: SnapshotRecord | undefined): Promise<void> {
  if (snapshot === undefined) return
  const now = await customSnapshot(store, snapshot.applicationName, nameOf(snapshot))
  if (now?.status !== 'READY' || now.folder !== snapshot.folder) throw missing(snapshot.name)
}

/** What began nothing leaves the run before it as the newest. */
export function lineageAfterFailure({
  name,
  arguments: given,
}: OperationRecord): Partial<Pick<ApplicationRecord, 'lineage'>> {
  if (name === 'StartApplication' && given['begun'] === true) {
    return { lineage: (given['lineageBefore'] as RunLineage | null) ?? undefined }
  }
  if (name === 'UpdateApplication' && given['stopped'] === true && given['restoreType'] !== undefined) {
    return { lineage: undefined }
  }
  return {}
}

function nameOf({ kind, name }: SnapshotRecord): Partial<RunConfiguration> {
  return kind === 'legacy' ? { snapshotName: name } : { snapshotArn: name }
}

function missing(name: string): EngineError {
  return new EngineError('SNAPSHOT_MISSING', {
    kind: 'invalid',
    message: `There is no snapshot ${name} that could be restored any more.`,
    hint: 'List the snapshots that are READY, and start from one of these.',
  })
}
