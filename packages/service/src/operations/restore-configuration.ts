import type { RunConfiguration } from '../applications/application-record.ts'
import type { Shapes } from '../model/shapes.ts'
import { invalidArgument } from '../wire/api-error.ts'
import { unsupported } from './operation.ts'

/** Errors: `InvalidArgumentException` (a snapshot with another type), `UnsupportedOperationException` (custom ones). */
export function restoreType(
  requested: Shapes['ApplicationRestoreConfiguration'] | undefined,
): RunConfiguration['restoreType'] | undefined {
  const type = requested?.ApplicationRestoreType
  if (type === 'RESTORE_FROM_CUSTOM_SNAPSHOT') {
    throw unsupported('RESTORE_FROM_CUSTOM_SNAPSHOT is not offered here yet: restore the latest, or skip restoring.')
  }
  if (requested?.SnapshotName !== undefined || requested?.SnapshotArn !== undefined) {
    throw invalidArgument('SnapshotName and SnapshotArn are for RESTORE_FROM_CUSTOM_SNAPSHOT only.')
  }
  return type
}
