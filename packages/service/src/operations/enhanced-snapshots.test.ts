import {
  ListTagsForResourceCommand,
  StartApplicationCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { expect, test } from 'vitest'
import type { Operations } from '../model/shapes.ts'
import { client, create, failure, lifecycle, withCode } from './applications-endpoint-fixture.ts'
import { call } from './call-operation-fixture.ts'

const ApplicationName = 'a'
const enhanced = { SnapshotsEnabled: true, SnapshotMode: 'ENHANCED_SNAPSHOTS' } as const

async function running(): Promise<void> {
  const { ApplicationConfiguration } = withCode()
  const code = ApplicationConfiguration.ApplicationCodeConfiguration
  await create(ApplicationName, { ApplicationConfiguration: { ApplicationCodeConfiguration: code } })
  await call('UpdateApplication', {
    ApplicationName,
    CurrentApplicationVersionId: 1,
    ApplicationConfigurationUpdate: {
      ApplicationSnapshotConfigurationUpdate: {
        SnapshotsEnabledUpdate: enhanced.SnapshotsEnabled,
        SnapshotModeUpdate: enhanced.SnapshotMode,
      },
    },
  })
  await lifecycle.finish(ApplicationName)
  await client.send(new StartApplicationCommand({ ApplicationName }))
  await lifecycle.finish(ApplicationName)
}

const describeSnapshot = async (SnapshotName: string) =>
  (await call('DescribeSnapshot', { SnapshotName })).SnapshotInfoDetails

const ready = (name: string) => expect.poll(async () => (await describeSnapshot(name)).SnapshotStatus).toBe('READY')
const bucket = 'arn:aws:s3:::snapshots'

async function ended(SnapshotName: string, SnapshotOperationId: string) {
  const describe = async () =>
    (await call('DescribeSnapshotOperation', { SnapshotName, SnapshotOperationId })).SnapshotOperationInfoDetails
  await expect.poll(async () => (await describe()).SnapshotOperationStatus).not.toBe('IN_PROGRESS')
  return describe()
}

test('an enhanced snapshot is taken, tagged, described, listed and deleted', async () => {
  await running()
  const Tags = [{ Key: 'team', Value: 'fraud' }]
  const created = await call('CreateSnapshot', { ApplicationName, SnapshotName: 's', SnapshotDescription: 'd', Tags })
  expect(created.SnapshotArn).toBe('arn:aws:kinesisanalytics:us-east-1:000000000000:snapshot/s')
  await ready('s')
  const described = await describeSnapshot('s')
  expect(described).toMatchObject({
    SnapshotDescription: 'd',
    SnapshotSizeInBytes: 100,
    SnapshotInitiator: 'USER',
    SnapshotFormat: 'CANONICAL',
    SnapshotSourceDescription: { SourceApplicationDescription: { ApplicationName, ApplicationVersionId: 2 } },
  })
  const ResourceARN = created.SnapshotArn
  await client.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'more', Value: '' }] }))
  const tags = await client.send(new ListTagsForResourceCommand({ ResourceARN }))
  expect(tags.Tags!.map(({ Key }) => Key)).toEqual(['more', 'team'])
  const names = async (filter: Operations['ListSnapshots']['input']) =>
    (await call('ListSnapshots', filter)).SnapshotInfoList.map(({ SnapshotName }) => SnapshotName)
  expect(await names({ SourceApplicationName: ApplicationName })).toEqual(['s'])
  expect(await names({ SnapshotInitiator: 'SYSTEM' })).toEqual([])
  await expect(names({ SnapshotInitiator: 'USER', SnapshotStatus: 'READY' })).rejects.toMatchObject(
    failure('InvalidArgumentException', /one of the filters/),
  )
  const SnapshotCreationTimestamp = described.SnapshotCreationTimestamp
  const { SnapshotOperationId } = await call('DeleteSnapshot', { SnapshotName: 's', SnapshotCreationTimestamp })
  expect((await ended('s', SnapshotOperationId)).SnapshotOperationStatus).toBe('SUCCESSFUL')
  await expect(describeSnapshot('s')).rejects.toMatchObject(failure('ResourceNotFoundException'))
  const { SnapshotOperationInfoList } = await call('ListSnapshotOperations', { SnapshotName: 's' })
  expect(SnapshotOperationInfoList.map(({ SnapshotOperation }) => SnapshotOperation)).toEqual([
    'DeleteSnapshot',
    'CreateSnapshot',
  ])
})

test('an enhanced snapshot is exported below a prefix, and imported from there', async () => {
  await running()
  await call('CreateSnapshot', { ApplicationName, SnapshotName: 's' })
  await ready('s')
  const { SnapshotOperationId } = await call('ExportSnapshot', {
    SnapshotName: 's',
    ExportDestinationConfiguration: {
      DestinationType: 'S3',
      ExportRoleArn: 'arn:aws:iam::000000000000:role/millrace-application',
      DestinationS3PrefixLocation: { BucketARN: bucket, KeyPrefix: 'backup/' },
    },
  })
  const exported = await ended('s', SnapshotOperationId)
  const { ExportedPrefix } = exported.SnapshotDestinationLocationDescription!.S3PrefixLocation
  expect(ExportedPrefix).toBe(`backup/${SnapshotOperationId}`)
  expect(lifecycle.saved.get(`s3://snapshots/${ExportedPrefix}`)).toBe(100)
  const bring = (SnapshotName: string, KeyPrefix: string) =>
    call('ImportSnapshot', {
      SnapshotName,
      ImportSourceConfiguration: {
        SourceType: 'S3',
        ImportRoleArn: 'arn:aws:iam::000000000000:role/millrace-application',
        SourceS3PrefixLocation: { BucketARN: bucket, KeyPrefix },
      },
    })
  await bring('t', ExportedPrefix!)
  await ready('t')
  expect(await describeSnapshot('t')).toMatchObject({
    SnapshotInitiatorOperation: 'ImportSnapshot',
    SnapshotSourceDescription: { S3PrefixLocation: { BucketARN: bucket, KeyPrefix: ExportedPrefix } },
  })
  const failed = await bring('u', 'elsewhere')
  const told = await ended('u', failed.SnapshotOperationId)
  expect(told.SnapshotOperationStatus).toBe('FAILED')
  expect(told.SnapshotOperationFailureDetails!.ErrorInfo!.ErrorString).toMatch(/SAVEPOINT_NOT_FOUND/)
  expect((await describeSnapshot('u')).SnapshotStatus).toBe('FAILED')
  await expect(bring('t', 'x')).rejects.toMatchObject(failure('ResourceInUseException', /already/))
  await expect(bring('systemsnapshot-x', 'x')).rejects.toMatchObject(failure('InvalidArgumentException', /reserved/))
})

test('an application of the legacy mode has no enhanced snapshots', async () => {
  await create()
  await client.send(new StartApplicationCommand({ ApplicationName }))
  await lifecycle.finish(ApplicationName)
  await expect(call('CreateSnapshot', { ApplicationName, SnapshotName: 's' })).rejects.toMatchObject(
    failure('InvalidApplicationConfigurationException', /legacy/),
  )
  await expect(call('CreateSnapshot', { ApplicationName: 'none', SnapshotName: 's' })).rejects.toMatchObject(
    failure('InvalidArgumentException'),
  )
})
