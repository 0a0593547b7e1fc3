import type { RunConfiguration } from '../applications/application-record.ts'
import { snapshotNameOf } from '../applications/restored-snapshot.ts'
import type { Shapes } from '../model/shapes.ts'
import { invalidArgument } from '../wire/api-error.ts'
import type { ApplicationContext } from './operation.ts'
import { arnOfSnapshot } from './snapshot-description.ts'
import type { SnapshotMode } from './snapshot-mode.ts'

/**
 * What to restore; nothing when it isn't said. A snapshot of the application's own goes by its name, an enhanced one by
 * its ARN. Errors: `InvalidArgumentException` (a snapshot too much, none, of the other mode or of elsewhere).
 */
export function restoreConfiguration(
  requested: Shapes['ApplicationRestoreConfiguration'] | undefined,
  mode: SnapshotMode,
  context: ApplicationContext,
): Pick<RunConfiguration, 'restoreType' | 'snapshotName' | 'snapshotArn'> | Record<never, never> {
  if (requested === undefined) return {}
  const { ApplicationRestoreType: restoreType, SnapshotName: snapshotName, SnapshotArn: snapshotArn } = requested
  if (restoreType !== 'RESTORE_FROM_CUSTOM_SNAPSHOT') {
    if (snapshotName === undefined && snapshotArn === undefined) return { restoreType }
    throw invalidArgument('SnapshotName and SnapshotArn are for RESTORE_FROM_CUSTOM_SNAPSHOT only.')
  }
  if ((snapshotName === undefined) === (snapshotArn === undefined)) {
    throw invalidArgument('RESTORE_FROM_CUSTOM_SNAPSHOT needs a SnapshotName or a SnapshotArn.')
  }
  if (snapshotArn === undefined) {
    if (mode === 'ENHANCED_SNAPSHOTS') throw otherMode('enhanced', 'by its SnapshotArn')
    return { restoreType, ...(snapshotName === undefined ? {} : { snapshotName }) }
  }
  if (mode !== 'ENHANCED_SNAPSHOTS') throw otherMode('legacy', 'by its SnapshotName')
  if (snapshotArn === arnOfSnapshot(context, snapshotNameOf(snapshotArn))) return { restoreType, snapshotArn }
  throw invalidArgument(
    `SnapshotArn ${snapshotArn.slice(0, 200)} is not that of a snapshot in this account and region.`,
  )
}

function otherMode(kind: string, how: string) {
  return invalidArgument(`The application takes ${kind} snapshots: it is restored from one ${how}.`)
}
