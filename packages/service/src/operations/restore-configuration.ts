import type { RunConfiguration } from '../applications/application-record.ts'
import type { Shapes } from '../model/shapes.ts'
import { invalidArgument } from '../wire/api-error.ts'

/** What to restore; nothing when it isn't said. Errors: `InvalidArgumentException` (a snapshot too much, or none). */
export function restoreConfiguration(
  requested: Shapes['ApplicationRestoreConfiguration'] | undefined,
): Pick<RunConfiguration, 'restoreType' | 'snapshotName' | 'snapshotArn'> | Record<never, never> {
  if (requested === undefined) return {}
  const { ApplicationRestoreType: restoreType, SnapshotName: snapshotName, SnapshotArn: snapshotArn } = requested
  const named = [snapshotName, snapshotArn].filter((name) => name !== undefined).length
  if (restoreType !== 'RESTORE_FROM_CUSTOM_SNAPSHOT') {
    if (named === 0) return { restoreType }
    throw invalidArgument('SnapshotName and SnapshotArn are for RESTORE_FROM_CUSTOM_SNAPSHOT only.')
  }
  if (named !== 1) throw invalidArgument('RESTORE_FROM_CUSTOM_SNAPSHOT needs a SnapshotName or a SnapshotArn.')
  return snapshotArn === undefined
    ? { restoreType, ...(snapshotName === undefined ? {} : { snapshotName }) }
    : { restoreType, snapshotArn }
}
