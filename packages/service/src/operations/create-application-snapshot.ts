import { checkSnapshotName } from './existing-snapshot.ts'
import { existingApplication, type Operation } from './operation.ts'

/** Of a running application, which goes on. */
export const createApplicationSnapshot: Operation<'CreateApplicationSnapshot'> = async (input, context) => {
  checkSnapshotName(input.SnapshotName)
  const application = await existingApplication(context, input.ApplicationName)
  await context.lifecycle.snapshots.create(application, { name: input.SnapshotName, kind: 'legacy' })
  return {}
}
