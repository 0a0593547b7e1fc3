import type { ApplicationRecord, OperationRecord } from '../applications/application-record.ts'
import { defaultConfiguration } from '../applications/configuration.ts'
import type { SnapshotOperationRecord, SnapshotRecord } from '../snapshots/snapshot-record.ts'

/** An application of a test as it is after its creation, but for `more`. */
export function anApplication(name: string, more: Partial<ApplicationRecord> = {}): ApplicationRecord {
  return {
    name,
    arn: `arn:aws:kinesisanalytics:us-east-1:000000000000:application/${name}`,
    description: undefined,
    runtimeEnvironment: 'FLINK-2_2',
    serviceExecutionRole: 'arn:aws:iam::000000000000:role/r',
    mode: 'STREAMING',
    status: 'READY',
    versionId: 1,
    createdMs: 1000,
    lastUpdatedMs: 1000,
    conditionalToken: 't1',
    configuration: { ...defaultConfiguration, properties: { group: { 'a"b': 'ä' } } },
    runConfiguration: undefined,
    versionUpdatedFrom: undefined,
    epoch: 0,
    lineage: undefined,
    ...more,
  }
}

/** An operation of a test that has ended, but for `more`. */
export function anOperation(applicationName: string, id: string, more: Partial<OperationRecord> = {}): OperationRecord {
  return {
    id,
    applicationName,
    name: 'CreateApplication',
    status: 'SUCCESSFUL',
    startedMs: 1,
    endedMs: 2,
    statusBefore: 'READY',
    versionFrom: undefined,
    versionTo: undefined,
    arguments: {},
    error: undefined,
    ...more,
  }
}

/** A snapshot of a test that is there, of an application as `anApplication` makes it, but for `more`. */
export function aSnapshot(applicationName: string, name: string, more: Partial<SnapshotRecord> = {}): SnapshotRecord {
  return {
    name,
    kind: 'legacy',
    applicationName,
    applicationCreatedMs: 1000,
    applicationVersionId: 1,
    runtimeEnvironment: 'FLINK-2_2',
    status: 'READY',
    createdMs: 2000,
    initiator: 'CreateSnapshot',
    folder: `/savepoints/${name}`,
    sizeBytes: 10,
    failure: undefined,
    ...more,
  }
}

/** An operation on a snapshot of a test that has ended, but for `more`. */
export function aSnapshotOperation(
  snapshotName: string,
  id: string,
  more: Partial<SnapshotOperationRecord> = {},
): SnapshotOperationRecord {
  return {
    id,
    snapshotName,
    name: 'CreateSnapshot',
    status: 'SUCCESSFUL',
    startedMs: 1,
    endedMs: 2,
    error: undefined,
    ...more,
  }
}
