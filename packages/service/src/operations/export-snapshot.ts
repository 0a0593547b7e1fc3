import type { Shapes } from '../model/shapes.ts'
import { existingSnapshot } from './existing-snapshot.ts'
import { type Operation, unsupported } from './operation.ts'

/** Copies its files below a prefix, into a folder of the operation's id. */
export const exportSnapshot: Operation<'ExportSnapshot'> = async (input, context) => {
  const { ExportRoleArn, ...to } = input.ExportDestinationConfiguration
  refuseOwnKeys(to.DestinationEncryptionConfiguration)
  const snapshot = await existingSnapshot(context, input.SnapshotName)
  const { id } = await context.lifecycle.snapshots.export(snapshot, to.DestinationS3PrefixLocation, ExportRoleArn)
  return { SnapshotOperationId: id, SnapshotOperationStatus: 'IN_PROGRESS' }
}

/** Errors: `UnsupportedOperationException`. */
export function refuseOwnKeys(...encryption: readonly (Shapes['SnapshotEncryptionConfiguration'] | undefined)[]): void {
  if (encryption.some((one) => one?.KeyType === 'CUSTOMER_MANAGED_KEY')) {
    throw unsupported('KeyType CUSTOMER_MANAGED_KEY is not offered here.')
  }
}
