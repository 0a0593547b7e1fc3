import type { Shapes } from '../model/shapes.ts'
import { accountScope, type S3Prefix } from '../snapshots/snapshot-record.ts'
import { ApiError } from '../wire/api-error.ts'
import type { Operation } from './operation.ts'
import { arnOfSnapshot, summarizeSnapshotOperation } from './snapshot-description.ts'

export const describeSnapshotOperation: Operation<'DescribeSnapshotOperation'> = async (input, context) => {
  const { SnapshotName: name, SnapshotOperationId: id } = input
  const operation = await context.store.snapshotOperation(name, id)
  if (operation === undefined) {
    throw new ApiError('ResourceNotFoundException', `Snapshot ${name} has no operation ${id}.`)
  }
  const source = (await context.store.snapshot(accountScope, name))?.importedFrom
  const { destination, applicationOperationId, applicationName, error } = operation
  return {
    SnapshotOperationInfoDetails: {
      ...summarizeSnapshotOperation(operation),
      SnapshotArn: arnOfSnapshot(context, name),
      SnapshotSourceLocationDescription: operation.name === 'ImportSnapshot' && source ? location(source) : undefined,
      SnapshotDestinationLocationDescription: destination && location(destination, id),
      ApplicationOperationDescription:
        applicationOperationId === undefined
          ? undefined
          : { ApplicationOperationId: applicationOperationId, ApplicationName: applicationName },
      SnapshotOperationFailureDetails: error === undefined ? undefined : { ErrorInfo: { ErrorString: error } },
    },
  }
}

function location(prefix: S3Prefix, folder?: string): Shapes['SnapshotOperationLocationDescription'] {
  const root = prefix.KeyPrefix.replace(/\/+$/, '')
  const ExportedPrefix = folder === undefined ? undefined : `${root === '' ? '' : `${root}/`}${folder}`
  return { LocationType: 'S3', S3PrefixLocation: { ...prefix, ExportedPrefix } }
}
