import { existingSnapshot } from './existing-snapshot.ts'
import type { Operation } from './operation.ts'
import { arnOfSnapshot, checkCreation } from './snapshot-description.ts'

export const deleteSnapshot: Operation<'DeleteSnapshot'> = async (input, context) => {
  const found = await existingSnapshot(context, input.SnapshotName)
  checkCreation(found, input.SnapshotCreationTimestamp)
  const { snapshot, operation } = await context.lifecycle.snapshots.delete(found)
  return {
    SnapshotArn: arnOfSnapshot(context, snapshot.name),
    SnapshotStatus: snapshot.status,
    SnapshotOperationId: operation?.id ?? '',
    SnapshotOperationStatus: 'IN_PROGRESS',
  }
}
