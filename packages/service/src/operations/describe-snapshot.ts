import { existingSnapshot } from './existing-snapshot.ts'
import type { Operation } from './operation.ts'
import { describeSnapshotInfo } from './snapshot-description.ts'

export const describeSnapshot: Operation<'DescribeSnapshot'> = async ({ SnapshotName }, context) => ({
  SnapshotInfoDetails: describeSnapshotInfo(await existingSnapshot(context, SnapshotName), context),
})
