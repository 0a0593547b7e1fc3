import { existingLegacySnapshot } from './existing-snapshot.ts'
import type { Operation } from './operation.ts'
import { describeLegacy } from './snapshot-description.ts'

export const describeApplicationSnapshot: Operation<'DescribeApplicationSnapshot'> = async (input, context) => ({
  SnapshotDetails: describeLegacy(await existingLegacySnapshot(context, input.ApplicationName, input.SnapshotName)),
})
