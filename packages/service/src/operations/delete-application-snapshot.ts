import { existingLegacySnapshot } from './existing-snapshot.ts'
import type { Operation } from './operation.ts'
import { checkCreation } from './snapshot-description.ts'

export const deleteApplicationSnapshot: Operation<'DeleteApplicationSnapshot'> = async (input, context) => {
  const snapshot = await existingLegacySnapshot(context, input.ApplicationName, input.SnapshotName)
  checkCreation(snapshot, input.SnapshotCreationTimestamp)
  await context.lifecycle.snapshots.delete(snapshot)
  return {}
}
