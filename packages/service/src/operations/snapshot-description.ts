import { toSeconds } from '../applications/describe-application.ts'
import type { Shapes } from '../model/shapes.ts'
import type { SnapshotOperationRecord, SnapshotRecord } from '../snapshots/snapshot-record.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApplicationContext } from './operation.ts'

type Runtime = Shapes['SnapshotDetails']['RuntimeEnvironment']

/** A legacy snapshot as the API describes it. */
export function describeLegacy(snapshot: SnapshotRecord): Shapes['SnapshotDetails'] {
  return {
    SnapshotName: snapshot.name,
    SnapshotStatus: snapshot.status,
    ApplicationVersionId: snapshot.applicationVersionId,
    SnapshotCreationTimestamp: toSeconds(snapshot.createdMs),
    RuntimeEnvironment: snapshot.runtimeEnvironment as Runtime,
    ApplicationEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
  }
}

/** An enhanced snapshot as lists show it. */
export function summarizeSnapshot(snapshot: SnapshotRecord, context: ApplicationContext): Shapes['SnapshotInfo'] {
  return {
    SnapshotName: snapshot.name,
    SnapshotArn: arnOfSnapshot(context, snapshot.name),
    SnapshotStatus: snapshot.status,
    SnapshotCreationTimestamp: toSeconds(snapshot.createdMs),
    SnapshotInitiator: snapshot.initiator === 'SystemCreateSnapshot' ? 'SYSTEM' : 'USER',
    SnapshotInitiatorOperation: snapshot.initiator,
    SourceApplicationName: snapshot.applicationName === '' ? undefined : snapshot.applicationName,
    SnapshotFormat: 'CANONICAL',
  }
}

/** An enhanced snapshot with all there is to say. */
export function describeSnapshotInfo(
  snapshot: SnapshotRecord,
  context: ApplicationContext,
): Shapes['SnapshotInfoDetails'] {
  const { SourceApplicationName: applicationName, ...summary } = summarizeSnapshot(snapshot, context)
  return {
    ...summary,
    SnapshotDescription: snapshot.description,
    RuntimeEnvironment: snapshot.runtimeEnvironment === '' ? undefined : (snapshot.runtimeEnvironment as Runtime),
    SnapshotSizeInBytes: snapshot.sizeBytes,
    SnapshotEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
    SnapshotSourceDescription: {
      S3PrefixLocation: snapshot.importedFrom,
      SourceApplicationDescription:
        applicationName === undefined
          ? undefined
          : {
              ApplicationName: applicationName,
              ApplicationCreationTimestamp: toSeconds(snapshot.applicationCreatedMs),
              ApplicationVersionId: snapshot.applicationVersionId,
            },
    },
  }
}

/** An operation on an enhanced snapshot as lists show it. */
export function summarizeSnapshotOperation(operation: SnapshotOperationRecord): Shapes['SnapshotOperationInfo'] {
  return {
    SnapshotOperationId: operation.id,
    SnapshotOperation: operation.name,
    SnapshotOperationStatus: operation.status,
    StartTime: toSeconds(operation.startedMs),
    EndTime: operation.endedMs === undefined ? undefined : toSeconds(operation.endedMs),
  }
}

export function arnOfSnapshot({ account }: ApplicationContext, name: string): string {
  return `arn:aws:kinesisanalytics:${account.region}:${account.accountId}:snapshot/${name}`
}

/** Errors: `InvalidArgumentException`: the time of creation is compared by whole seconds, as some clients lose the rest. */
export function checkCreation({ name, createdMs }: SnapshotRecord, givenSeconds: number): void {
  if (Math.floor(givenSeconds) === toSeconds(createdMs)) return
  throw invalidArgument(`SnapshotCreationTimestamp is ${givenSeconds}; that of ${name} is ${toSeconds(createdMs)}.`)
}

export function snapshotNotFound(name: string): ApiError {
  return new ApiError('ResourceNotFoundException', `There is no snapshot ${name}.`)
}
