import { snapshotTags } from './create-snapshot.ts'
import { checkSnapshotName } from './existing-snapshot.ts'
import { refuseOwnKeys } from './export-snapshot.ts'
import type { Operation } from './operation.ts'
import { arnOfSnapshot } from './snapshot-description.ts'

/** Makes an enhanced snapshot of a savepoint's folder. It's FAILED when that holds none of this engine. */
export const importSnapshot: Operation<'ImportSnapshot'> = async (input, context) => {
  const { SnapshotName: name, SnapshotDescription: description, ImportSourceConfiguration: source, Tags = [] } = input
  checkSnapshotName(name)
  refuseOwnKeys(source.SourceEncryptionConfiguration, input.DestinationEncryptionConfiguration)
  const asked = { name, kind: 'enhanced', description, tags: snapshotTags(Tags) } as const
  const { snapshots } = context.lifecycle
  const { snapshot, operation } = await snapshots.import(asked, source.SourceS3PrefixLocation, source.ImportRoleArn)
  return {
    SnapshotArn: arnOfSnapshot(context, name),
    SnapshotStatus: snapshot.status,
    SnapshotOperationId: operation?.id ?? '',
    SnapshotOperationStatus: 'IN_PROGRESS',
  }
}
