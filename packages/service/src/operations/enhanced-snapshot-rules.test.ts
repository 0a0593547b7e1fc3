import {
  ListTagsForResourceCommand,
  StartApplicationCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Shapes } from '../model/shapes.ts'
import type { SnapshotRecord } from '../snapshots/snapshot-record.ts'
import { client, create, describeOf, failure, lifecycle, tags, withCode } from './applications-endpoint-fixture.ts'
import { call } from './call-operation-fixture.ts'

const ApplicationName = 'a'
const ExportRoleArn = 'arn:aws:iam::000000000000:role/millrace-application'
const arnOf = (name: string) => `arn:aws:kinesisanalytics:us-east-1:000000000000:snapshot/${name}`
const createSnapshot = (SnapshotName: string, more = {}) =>
  call('CreateSnapshot', { ApplicationName, SnapshotName, ...more })
const list = (input: Shapes['ListSnapshotsRequest'] = {}) => call('ListSnapshots', input)
const names = ({ SnapshotInfoList }: Shapes['ListSnapshotsResponse']) =>
  SnapshotInfoList.map(({ SnapshotName }) => SnapshotName)
const describeSnapshot = async (SnapshotName: string) =>
  (await call('DescribeSnapshot', { SnapshotName })).SnapshotInfoDetails
const exportTo = (SnapshotName: string, location: Shapes['S3PrefixLocation'], encryption?: object) =>
  call('ExportSnapshot', {
    SnapshotName,
    ExportDestinationConfiguration: {
      DestinationType: 'S3',
      ExportRoleArn,
      DestinationS3PrefixLocation: location,
      DestinationEncryptionConfiguration: encryption,
    },
  })
const backup = { BucketARN: 'arn:aws:s3:::backup', KeyPrefix: 'x/' }

function withMode(SnapshotMode: string, SnapshotsEnabled = true) {
  const { ApplicationConfiguration } = withCode()
  const bytes = ApplicationConfiguration.ApplicationCodeConfiguration.CodeContent.ZipFileContent
  const CodeContent = { ZipFileContent: Buffer.from(bytes).toString('base64') }
  return {
    ApplicationConfiguration: {
      ApplicationCodeConfiguration: { CodeContent, CodeContentType: 'ZIPFILE' },
      ApplicationSnapshotConfiguration: { SnapshotsEnabled, SnapshotMode },
    },
  }
}

const createWith = (name: string, more: object, RuntimeEnvironment = 'FLINK-1_20') =>
  call('CreateApplication', {
    ApplicationName: name,
    RuntimeEnvironment,
    ServiceExecutionRole: ExportRoleArn,
    ...more,
  })

async function started(name = ApplicationName): Promise<void> {
  await client.send(new StartApplicationCommand({ ApplicationName: name }))
  await lifecycle.finish(name)
}

async function taken(name: string, more = {}): Promise<void> {
  await createSnapshot(name, more)
  await expect.poll(async () => (await describeSnapshot(name)).SnapshotStatus).toBe('READY')
}

/** As a supervisor or another node would have left it. */
async function put(name: string, change: Partial<SnapshotRecord>): Promise<void> {
  const application = (await lifecycle.surroundings.store.application(ApplicationName))!
  const snapshot: SnapshotRecord = {
    name,
    kind: 'enhanced',
    applicationName: ApplicationName,
    applicationCreatedMs: application.createdMs,
    applicationVersionId: 1,
    runtimeEnvironment: 'FLINK-1_20',
    status: 'READY',
    createdMs: application.createdMs,
    initiator: 'CreateSnapshot',
    folder: `/savepoints/${name}`,
    sizeBytes: 100,
    failure: undefined,
    ...change,
  }
  expect(await lifecycle.surroundings.store.putSnapshot(undefined, snapshot, [])).toBe(true)
}

describe('an application of enhanced snapshots', () => {
  beforeEach(async () => {
    await createWith(ApplicationName, withMode('ENHANCED_SNAPSHOTS'))
    await started()
  })

  test('is told to be one, for good', async () => {
    const { ApplicationDetail } = await call('DescribeApplication', { ApplicationName })
    expect(ApplicationDetail.ApplicationConfigurationDescription!.ApplicationSnapshotConfigurationDescription).toEqual({
      SnapshotsEnabled: true,
      SnapshotMode: 'ENHANCED_SNAPSHOTS',
    })
    const update = (more: object) =>
      call('UpdateApplication', { ApplicationName, CurrentApplicationVersionId: 1, ...more })
    const SnapshotModeUpdate = 'APPLICATION_SNAPSHOTS_LEGACY'
    const back = { ApplicationSnapshotConfigurationUpdate: { SnapshotsEnabledUpdate: true, SnapshotModeUpdate } }
    await expect(update({ ApplicationConfigurationUpdate: back })).rejects.toMatchObject(
      failure('InvalidArgumentException', /can't be APPLICATION_SNAPSHOTS_LEGACY any more/),
    )
    await expect(update({ RuntimeEnvironmentUpdate: 'FLINK-1_19' })).rejects.toMatchObject(
      failure('InvalidArgumentException', /needs FLINK-1_20 or later/),
    )
    expect((await describeOf(ApplicationName)).ApplicationVersionId).toBe(1)
    await update({ RuntimeEnvironmentUpdate: 'FLINK-2_2' })
  })

  test('has no snapshots of its own', async () => {
    await expect(call('CreateApplicationSnapshot', { ApplicationName, SnapshotName: 's' })).rejects.toMatchObject(
      failure('InvalidApplicationConfigurationException', /takes enhanced snapshots/),
    )
  })

  test('is restored from a snapshot by its ARN, at a start and at an update', async () => {
    await taken('s')
    const restore = (more: object) => ({
      ApplicationRestoreConfiguration: { ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT', ...more },
    })
    const update = (more: object) =>
      call('UpdateApplication', {
        ApplicationName,
        CurrentApplicationVersionId: 1,
        RunConfigurationUpdate: restore(more),
      })
    for (const [more, told] of [
      [{ SnapshotName: 's' }, /by its SnapshotArn/],
      [{ SnapshotArn: arnOf('s'), SnapshotName: 's' }, /needs a SnapshotName or a SnapshotArn/],
      [{ SnapshotArn: arnOf('s').replace('us-east-1', 'eu-west-1') }, /this account and region/],
      [{ SnapshotArn: arnOf('s').replace('000000000000', '111111111111') }, /this account and region/],
      [{ SnapshotArn: 's' }, /this account and region/],
    ] as const) {
      await expect(update(more)).rejects.toMatchObject(failure('InvalidArgumentException', told))
    }
    const run = async () =>
      (await call('DescribeApplication', { ApplicationName })).ApplicationDetail.ApplicationConfigurationDescription!
        .RunConfigurationDescription!.ApplicationRestoreConfigurationDescription
    const restored = { ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT', SnapshotArn: arnOf('s') }
    await update({ SnapshotArn: arnOf('s') })
    expect(await run()).toEqual(restored)
    await lifecycle.finish(ApplicationName)
    await createWith('b', withMode('ENHANCED_SNAPSHOTS'))
    await call('StartApplication', { ApplicationName: 'b', RunConfiguration: restore({ SnapshotArn: arnOf('s') }) })
    const { runConfiguration } = (await lifecycle.surroundings.store.application('b'))!
    expect(runConfiguration).toMatchObject({ snapshotArn: arnOf('s') })
  })

  test('is snapshotted also with the snapshots of the service disabled', async () => {
    await createWith('b', withMode('ENHANCED_SNAPSHOTS', false))
    await started('b')
    expect(await call('CreateSnapshot', { ApplicationName: 'b', SnapshotName: 'ofB' })).toMatchObject({
      SnapshotStatus: 'CREATING',
    })
  })

  test('has one snapshot taken at a time', async () => {
    await put('slow', { status: 'CREATING', folder: '', sizeBytes: undefined })
    await expect(createSnapshot('s')).rejects.toMatchObject(failure('LimitExceededException', /being taken already/))
    const { SnapshotCreationTimestamp } = await describeSnapshot('slow')
    await expect(call('DeleteSnapshot', { SnapshotName: 'slow', SnapshotCreationTimestamp })).rejects.toMatchObject(
      failure('ResourceInUseException', /CREATING/),
    )
    await expect(exportTo('slow', backup)).rejects.toMatchObject(failure('ResourceInUseException', /not READY/))
  })

  test.each([
    { it: 'reserved', name: 'SYSTEMSNAPSHOT1', told: /reserved/ },
    { it: 'reserved in any case', name: 'systemSnapshot-x', told: /reserved/ },
    { it: 'of 101 characters', name: 'x'.repeat(101), told: /less than or equal to 100/ },
    { it: 'with a blank', name: 'a b', told: /pattern/ },
    { it: 'of no folder', name: '..', told: /can't be the name/ },
  ])('has no snapshot whose name is $it', async ({ name, told }) => {
    await expect(createSnapshot(name)).rejects.toMatchObject(failure('InvalidArgumentException', told))
    expect((await list()).SnapshotInfoList).toEqual([])
  })

  test.each(['READY', 'FAILED', 'DELETING'] as const)('has a name taken by a snapshot that is %s', async (status) => {
    await put('s', { status })
    await expect(createSnapshot('s')).rejects.toMatchObject(failure('ResourceInUseException', /already/))
  })

  test('is not snapshotted while it does not run', async () => {
    await createWith('b', withMode('ENHANCED_SNAPSHOTS'))
    await expect(call('CreateSnapshot', { ApplicationName: 'b', SnapshotName: 's' })).rejects.toMatchObject(
      failure('ResourceInUseException', /READY/),
    )
  })

  test('has snapshots listed page by page, by one filter at most', async () => {
    for (const name of ['s1', 's2', 's3']) await taken(name)
    await put('SYSTEMSNAPSHOT-a', { initiator: 'SystemCreateSnapshot' })
    await put('brought', { initiator: 'ImportSnapshot', applicationName: '' })
    await put('broken', { status: 'FAILED' })
    const first = await list({ Limit: 4 })
    expect(names(first)).toEqual(['broken', 'brought', 'SYSTEMSNAPSHOT-a', 's3'])
    const { NextToken } = first
    const second = await list({ Limit: 4, NextToken })
    expect([names(second), second.NextToken]).toEqual([['s2', 's1'], undefined])
    expect(names(await list({ SnapshotInitiator: 'SYSTEM' }))).toEqual(['SYSTEMSNAPSHOT-a'])
    expect(names(await list({ SnapshotInitiator: 'USER', Limit: 2 }))).toEqual(['broken', 'brought'])
    expect(names(await list({ SnapshotInitiatorOperation: 'ImportSnapshot' }))).toEqual(['brought'])
    expect(names(await list({ SnapshotStatus: 'FAILED' }))).toEqual(['broken'])
    expect(names(await list({ SourceApplicationName: 'a' }))).toEqual(['broken', 'SYSTEMSNAPSHOT-a', 's3', 's2', 's1'])
    expect(names(await list({ SourceApplicationName: 'b' }))).toEqual([])
    expect(first.SnapshotInfoList[2]).toMatchObject({
      SnapshotInitiator: 'SYSTEM',
      SourceApplicationName: ApplicationName,
    })
    for (const two of [
      { SourceApplicationName: 'a', SnapshotInitiator: 'USER' },
      { SnapshotInitiator: 'USER', SnapshotInitiatorOperation: 'CreateSnapshot' },
      { SnapshotInitiatorOperation: 'CreateSnapshot', SnapshotStatus: 'READY' },
    ] as const) {
      await expect(list(two)).rejects.toMatchObject(failure('InvalidArgumentException', /one of the filters/))
    }
    await expect(list({ Limit: 51 })).rejects.toMatchObject(failure('InvalidArgumentException', /limit/))
    await expect(list({ NextToken: 'mine' })).rejects.toMatchObject(failure('InvalidArgumentException', /NextToken/))
  })

  test('has operations on its snapshots listed page by page, by name and status', async () => {
    await taken('s')
    for (const KeyPrefix of ['x', 'y']) {
      const { SnapshotOperationId } = await exportTo('s', { ...backup, KeyPrefix })
      const describe = { SnapshotName: 's', SnapshotOperationId }
      await expect
        .poll(async () => {
          const { SnapshotOperationInfoDetails: details } = await call('DescribeSnapshotOperation', describe)
          return details.SnapshotOperationStatus
        })
        .toBe('SUCCESSFUL')
    }
    const listed = (more: object = {}) => call('ListSnapshotOperations', { SnapshotName: 's', ...more })
    const first = await listed({ Limit: 2 })
    const second = await listed({ Limit: 2, NextToken: first.NextToken })
    const all = [...first.SnapshotOperationInfoList, ...second.SnapshotOperationInfoList]
    expect(all.map((one) => one.SnapshotOperation)).toEqual(['ExportSnapshot', 'ExportSnapshot', 'CreateSnapshot'])
    expect(second.NextToken).toBeUndefined()
    const created = await listed({ SnapshotOperation: 'CreateSnapshot', SnapshotOperationStatus: 'SUCCESSFUL' })
    expect(created.SnapshotOperationInfoList).toMatchObject([{ SnapshotOperation: 'CreateSnapshot' }])
    expect((await listed({ SnapshotOperationStatus: 'FAILED' })).SnapshotOperationInfoList).toEqual([])
    await expect(listed({ NextToken: 'mine' })).rejects.toMatchObject(failure('InvalidArgumentException', /NextToken/))
  })

  test('has a snapshot exported once at a time, which is not deleted meanwhile', async () => {
    await taken('s')
    let goOn = () => {}
    const copied = new Promise<void>((resolve) => {
      goOn = resolve
    })
    Object.assign(lifecycle.states, { copy: () => copied.then(() => 100) })
    const { SnapshotOperationId } = await exportTo('s', backup)
    await expect(exportTo('s', backup)).rejects.toMatchObject(failure('LimitExceededException', /exported already/))
    const { SnapshotCreationTimestamp } = await describeSnapshot('s')
    const remove = (at: number) => call('DeleteSnapshot', { SnapshotName: 's', SnapshotCreationTimestamp: at })
    await expect(remove(SnapshotCreationTimestamp)).rejects.toMatchObject(
      failure('ResourceInUseException', /being exported/),
    )
    goOn()
    const describe = { SnapshotName: 's', SnapshotOperationId }
    await expect
      .poll(async () => {
        const { SnapshotOperationInfoDetails: details } = await call('DescribeSnapshotOperation', describe)
        return details.SnapshotOperationStatus
      })
      .toBe('SUCCESSFUL')
    await expect(remove(SnapshotCreationTimestamp + 1)).rejects.toMatchObject(
      failure('InvalidArgumentException', /SnapshotCreationTimestamp/),
    )
    expect(await remove(SnapshotCreationTimestamp + 0.9)).toMatchObject({ SnapshotStatus: 'DELETING' })
  })

  test('has a snapshot exported to buckets only, and with no key of its own', async () => {
    await taken('s')
    const BucketARN = 'arn:aws:sqs:us-east-1:000000000000:queue'
    await expect(exportTo('s', { ...backup, BucketARN })).rejects.toMatchObject(
      failure('InvalidArgumentException', /not that of a bucket/),
    )
    const key = { KeyType: 'CUSTOMER_MANAGED_KEY', KeyId: 'arn:aws:kms:us-east-1:000000000000:key/k' }
    await expect(exportTo('s', backup, key)).rejects.toMatchObject(
      failure('UnsupportedOperationException', /CUSTOMER_MANAGED_KEY/),
    )
  })

  test('has the tags of a snapshot kept with it', async () => {
    await expect(createSnapshot('s', { Tags: tags(51) })).rejects.toMatchObject(failure('TooManyTagsException'))
    await taken('s', { Tags: tags(49) })
    const ResourceARN = arnOf('s')
    const tag = (...keys: string[]) =>
      client.send(new TagResourceCommand({ ResourceARN, Tags: keys.map((Key) => ({ Key, Value: 'v' })) }))
    await expect(tag('x', 'y')).rejects.toMatchObject(failure('TooManyTagsException'))
    await tag('x')
    await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: tags(49).map(({ Key }) => Key) }))
    const listed = () => client.send(new ListTagsForResourceCommand({ ResourceARN }))
    expect((await listed()).Tags).toEqual([{ Key: 'x', Value: 'v' }])
    const { SnapshotCreationTimestamp } = await describeSnapshot('s')
    await call('DeleteSnapshot', { SnapshotName: 's', SnapshotCreationTimestamp })
    await expect.poll(async () => names(await list())).toEqual([])
    await expect(listed()).rejects.toMatchObject(failure('ResourceNotFoundException'))
    await taken('s')
    expect((await listed()).Tags).toEqual([])
  })
})

describe('an application of the legacy mode', () => {
  test('is restored by a name, not by an ARN', async () => {
    await create()
    const byArn = { ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT', SnapshotArn: arnOf('s') }
    const RunConfiguration = { ApplicationRestoreConfiguration: byArn }
    await expect(call('StartApplication', { ApplicationName, RunConfiguration })).rejects.toMatchObject(
      failure('InvalidArgumentException', /by its SnapshotName/),
    )
  })

  test('of Flink 1.19 gets enhanced snapshots after its runtime', async () => {
    await expect(createWith('b', withMode('ENHANCED_SNAPSHOTS'), 'FLINK-1_19')).rejects.toMatchObject(
      failure('InvalidArgumentException', /needs FLINK-1_20 or later/),
    )
    await createWith(ApplicationName, withMode('APPLICATION_SNAPSHOTS_LEGACY'), 'FLINK-1_19')
    const update = (CurrentApplicationVersionId: number, more: object) =>
      call('UpdateApplication', { ApplicationName, CurrentApplicationVersionId, ...more })
    const enhanced = {
      ApplicationConfigurationUpdate: {
        ApplicationSnapshotConfigurationUpdate: {
          SnapshotsEnabledUpdate: true,
          SnapshotModeUpdate: 'ENHANCED_SNAPSHOTS',
        },
      },
    }
    const runtime = { RuntimeEnvironmentUpdate: 'FLINK-1_20' }
    await expect(update(1, { ...enhanced, ...runtime })).rejects.toMatchObject(
      failure('InvalidArgumentException', /RuntimeEnvironment is FLINK-1_19/),
    )
    await update(1, runtime)
    await lifecycle.finish(ApplicationName)
    const { ApplicationDetail } = await update(2, enhanced)
    expect(ApplicationDetail.ApplicationConfigurationDescription!.ApplicationSnapshotConfigurationDescription).toEqual({
      SnapshotsEnabled: true,
      SnapshotMode: 'ENHANCED_SNAPSHOTS',
    })
  })
})

test('a snapshot that is not there is not found', async () => {
  const SnapshotName = 'none'
  for (const called of [
    () => describeSnapshot(SnapshotName),
    () => call('DeleteSnapshot', { SnapshotName, SnapshotCreationTimestamp: 1 }),
    () => exportTo(SnapshotName, backup),
    () => call('ListSnapshotOperations', { SnapshotName }),
    () => call('DescribeSnapshotOperation', { SnapshotName, SnapshotOperationId: 'o' }),
    () => client.send(new TagResourceCommand({ ResourceARN: arnOf(SnapshotName), Tags: [{ Key: 'k' }] })),
  ]) {
    await expect(called()).rejects.toMatchObject(failure('ResourceNotFoundException'))
  }
})
