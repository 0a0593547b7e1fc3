import { type Clock, type Random, randomUuid } from '@millrace/engine/spi'
import type { SavedState } from '../jobs/job-launcher.ts'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { SnapshotsOfChange } from '../storage/snapshot-store.ts'
import type { ApplicationRecord, OperationRecord } from './application-record.ts'

/** What goes before the names of snapshots that the service takes by itself; no other name may begin so. */
export const systemSnapshotPrefix = 'SYSTEMSNAPSHOT'

/**
 * The snapshot of a stop, an update or a rescaling, for the transaction that stores what these have done: of the version
 * that ran, legacy or enhanced as its configuration says. Nothing without a savepoint.
 */
export function systemSnapshot(
  version: ApplicationRecord,
  saved: SavedState | undefined,
  operation: OperationRecord,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): SnapshotsOfChange | undefined {
  if (saved === undefined) return undefined
  const { name: applicationName, createdMs, versionId, runtimeEnvironment, configuration } = version
  const nowMs = clock.now()
  const snapshot: SnapshotRecord = {
    // An enhanced one's is at most 100 characters.
    name: `${systemSnapshotPrefix}-${applicationName.slice(0, 60)}-v${versionId}-${randomUuid(random).slice(0, 8)}`,
    kind: configuration.snapshotMode === 'ENHANCED_SNAPSHOTS' ? 'enhanced' : 'legacy',
    applicationName,
    applicationCreatedMs: createdMs,
    applicationVersionId: versionId,
    runtimeEnvironment,
    status: 'READY',
    createdMs: Math.floor(nowMs / 1000) * 1000,
    initiator: 'SystemCreateSnapshot',
    folder: saved.folder,
    sizeBytes: saved.sizeBytes,
    failure: undefined,
  }
  if (snapshot.kind === 'legacy') return { snapshots: [snapshot], operations: [] }
  const taken = {
    id: randomUuid(random),
    snapshotName: snapshot.name,
    name: 'SystemCreateSnapshot',
    status: 'SUCCESSFUL',
    startedMs: nowMs,
    endedMs: nowMs,
    applicationName,
    applicationOperationId: operation.id,
    error: undefined,
  } as const
  return { snapshots: [snapshot], operations: [taken] }
}
