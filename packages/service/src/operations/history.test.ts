import {
  AddApplicationCloudWatchLoggingOptionCommand,
  AddApplicationVpcConfigurationCommand,
  CreateApplicationSnapshotCommand,
  DeleteApplicationCloudWatchLoggingOptionCommand,
  DeleteApplicationSnapshotCommand,
  DeleteApplicationVpcConfigurationCommand,
  DescribeApplicationOperationCommand,
  DescribeApplicationSnapshotCommand,
  DescribeApplicationVersionCommand,
  ListApplicationSnapshotsCommand,
  ListApplicationVersionsCommand,
  RollbackApplicationCommand,
  StartApplicationCommand,
  UpdateApplicationCommand,
  UpdateApplicationMaintenanceConfigurationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { describe, expect, test } from 'vitest'
import {
  client,
  configured,
  create,
  describeOf,
  failure,
  lifecycle,
  withCode,
} from './applications-endpoint-fixture.ts'

const ApplicationName = 'a'
const snapshot = (SnapshotName: string) =>
  client.send(new CreateApplicationSnapshotCommand({ ApplicationName, SnapshotName }))
const snapshots = async (more = {}) => client.send(new ListApplicationSnapshotsCommand({ ApplicationName, ...more }))

async function describeSnapshot(SnapshotName: string) {
  const command = new DescribeApplicationSnapshotCommand({ ApplicationName, SnapshotName })
  return (await client.send(command)).SnapshotDetails!
}

async function running(): Promise<void> {
  await create()
  await client.send(new StartApplicationCommand({ ApplicationName }))
  await lifecycle.finish(ApplicationName)
}

const taken = (name: string) => expect.poll(async () => (await describeSnapshot(name)).SnapshotStatus).toBe('READY')

describe('snapshots of an application', () => {
  test('are taken while it runs, described, listed newest first, page by page, and deleted', async () => {
    await running()
    for (const name of ['s1', 's2', 's3']) {
      await snapshot(name)
      await taken(name)
    }
    const described = await describeSnapshot('s1')
    expect(described).toMatchObject({ SnapshotName: 's1', ApplicationVersionId: 1, RuntimeEnvironment: 'FLINK-1_20' })
    expect(described.SnapshotCreationTimestamp!.getMilliseconds()).toBe(0)
    const first = await snapshots({ Limit: 2 })
    expect(first.SnapshotSummaries!.map(({ SnapshotName }) => SnapshotName)).toEqual(['s3', 's2'])
    const { SnapshotSummaries, NextToken } = await snapshots({ Limit: 2, NextToken: first.NextToken })
    expect([SnapshotSummaries!.map(({ SnapshotName }) => SnapshotName), NextToken]).toEqual([['s1'], undefined])
    const time = described.SnapshotCreationTimestamp!
    const remove = (SnapshotCreationTimestamp: Date) =>
      client.send(
        new DeleteApplicationSnapshotCommand({ ApplicationName, SnapshotName: 's1', SnapshotCreationTimestamp }),
      )
    await expect(remove(new Date(time.getTime() + 1000))).rejects.toMatchObject(failure('InvalidArgumentException'))
    await remove(time)
    await expect.poll(async () => (await snapshots()).SnapshotSummaries!.length).toBe(2)
    await expect(describeSnapshot('s1')).rejects.toMatchObject(failure('ResourceNotFoundException'))
    expect([...lifecycle.saved.keys()]).toEqual(['/savepoints/s2', '/savepoints/s3'])
  })

  test('are refused of one that does not run, with snapshots off, by a name that is taken or reserved', async () => {
    await create()
    await expect(snapshot('s')).rejects.toMatchObject(failure('ResourceInUseException', /READY/))
    await client.send(new StartApplicationCommand({ ApplicationName }))
    await lifecycle.finish(ApplicationName)
    await snapshot('s')
    await expect(snapshot('s')).rejects.toMatchObject(failure('ResourceInUseException', /already/))
    await expect(snapshot('SystemSnapshot1')).rejects.toMatchObject(failure('InvalidArgumentException', /reserved/))
    const off = configured({ ApplicationSnapshotConfiguration: { SnapshotsEnabled: false } }).ApplicationConfiguration
    await create('b', { ApplicationConfiguration: { ...withCode().ApplicationConfiguration, ...off } })
    await client.send(new StartApplicationCommand({ ApplicationName: 'b' }))
    await lifecycle.finish('b')
    const ofB = client.send(new CreateApplicationSnapshotCommand({ ApplicationName: 'b', SnapshotName: 's' }))
    await expect(ofB).rejects.toMatchObject(failure('InvalidApplicationConfigurationException', /disabled/))
    const ofNone = client.send(new CreateApplicationSnapshotCommand({ ApplicationName: 'none', SnapshotName: 's' }))
    await expect(ofNone).rejects.toMatchObject(failure('ResourceNotFoundException'))
  })
})

describe('versions', () => {
  const update = (CurrentApplicationVersionId: number, Parallelism: number) =>
    client.send(
      new UpdateApplicationCommand({
        ApplicationName,
        CurrentApplicationVersionId,
        ApplicationConfigurationUpdate: {
          FlinkApplicationConfigurationUpdate: {
            ParallelismConfigurationUpdate: { ConfigurationTypeUpdate: 'CUSTOM', ParallelismUpdate: Parallelism },
          },
        },
      }),
    )

  test('are listed newest first and described, each with its configuration', async () => {
    await create()
    for (const [version, parallelism] of [
      [1, 2],
      [2, 3],
    ] as const) {
      await update(version, parallelism)
      await lifecycle.finish(ApplicationName)
    }
    const { ApplicationVersionSummaries } = await client.send(new ListApplicationVersionsCommand({ ApplicationName }))
    expect(ApplicationVersionSummaries!.map((version) => version.ApplicationVersionId)).toEqual([3, 2, 1])
    const command = new DescribeApplicationVersionCommand({ ApplicationName, ApplicationVersionId: 2 })
    const { ApplicationVersionDetail: described } = await client.send(command)
    expect(described).toMatchObject({ ApplicationVersionId: 2, ApplicationVersionUpdatedFrom: 1 })
    expect(
      described!.ApplicationConfigurationDescription!.FlinkApplicationConfigurationDescription!
        .ParallelismConfigurationDescription!.Parallelism,
    ).toBe(2)
    await expect(
      client.send(new DescribeApplicationVersionCommand({ ApplicationName, ApplicationVersionId: 9 })),
    ).rejects.toMatchObject(failure('ResourceNotFoundException'))
  })

  test('are rolled back by whoever knows the present one', async () => {
    await running()
    await update(1, 2)
    await lifecycle.finish(ApplicationName)
    const rollback = (CurrentApplicationVersionId: number) =>
      client.send(new RollbackApplicationCommand({ ApplicationName, CurrentApplicationVersionId }))
    await expect(rollback(1)).rejects.toMatchObject(failure('ConcurrentModificationException'))
    const { ApplicationDetail, OperationId } = await rollback(2)
    expect(ApplicationDetail).toMatchObject({
      ApplicationStatus: 'ROLLING_BACK',
      ApplicationVersionRolledBackFrom: 2,
      ApplicationVersionRolledBackTo: 1,
    })
    const command = new DescribeApplicationOperationCommand({ ApplicationName, OperationId })
    const { ApplicationOperationInfoDetails } = await client.send(command)
    expect(ApplicationOperationInfoDetails!.Operation).toBe('RollbackApplication')
  })
})

describe('what needs no restart', () => {
  const LogStreamARN = 'arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s'

  test('log streams are added, described, changed and deleted, each a version', async () => {
    await running()
    const added = await client.send(
      new AddApplicationCloudWatchLoggingOptionCommand({
        ApplicationName,
        CurrentApplicationVersionId: 1,
        CloudWatchLoggingOption: { LogStreamARN },
      }),
    )
    expect(added).toMatchObject({
      ApplicationVersionId: 2,
      CloudWatchLoggingOptionDescriptions: [{ CloudWatchLoggingOptionId: '2.1', LogStreamARN }],
    })
    const described = await describeOf(ApplicationName)
    expect(described.CloudWatchLoggingOptionDescriptions).toEqual(added.CloudWatchLoggingOptionDescriptions)
    expect(described.ApplicationStatus).toBe('RUNNING')
    const remove = (CurrentApplicationVersionId: number, CloudWatchLoggingOptionId: string) =>
      client.send(
        new DeleteApplicationCloudWatchLoggingOptionCommand({
          ApplicationName,
          CurrentApplicationVersionId,
          CloudWatchLoggingOptionId,
        }),
      )
    await expect(remove(1, '2.1')).rejects.toMatchObject(failure('ConcurrentModificationException'))
    await expect(remove(2, '9.1')).rejects.toMatchObject(failure('ResourceNotFoundException'))
    expect((await remove(2, '2.1')).CloudWatchLoggingOptionDescriptions).toBeUndefined()
    expect((await describeOf(ApplicationName)).ApplicationVersionId).toBe(3)
  })

  test('VPC configurations are described, those of the creation too', async () => {
    const vpc = { SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: ['sg-1'] }
    const created = await create('b', configured({ VpcConfigurations: [vpc] }))
    const [description] = created.ApplicationConfigurationDescription!.VpcConfigurationDescriptions!
    expect(description).toMatchObject({ VpcConfigurationId: '1.1', ...vpc })
    const { VpcConfigurationDescription, ApplicationVersionId } = await client.send(
      new AddApplicationVpcConfigurationCommand({
        ApplicationName: 'b',
        ConditionalToken: created.ConditionalToken,
        VpcConfiguration: { SubnetIds: ['subnet-3'], SecurityGroupIds: ['sg-2'] },
      }),
    )
    expect([VpcConfigurationDescription!.VpcConfigurationId, ApplicationVersionId]).toEqual(['2.1', 2])
    await client.send(
      new DeleteApplicationVpcConfigurationCommand({
        ApplicationName: 'b',
        CurrentApplicationVersionId: 2,
        VpcConfigurationId: '1.1',
      }),
    )
    const left = (await describeOf('b')).ApplicationConfigurationDescription!.VpcConfigurationDescriptions!
    expect(left.map(({ VpcConfigurationId }) => VpcConfigurationId)).toEqual(['2.1'])
  })

  test('the maintenance window is described, and is no version', async () => {
    await create()
    const { ApplicationMaintenanceConfigurationDescription: window } = await client.send(
      new UpdateApplicationMaintenanceConfigurationCommand({
        ApplicationName,
        ApplicationMaintenanceConfigurationUpdate: { ApplicationMaintenanceWindowStartTimeUpdate: '20:30' },
      }),
    )
    expect(window).toEqual({
      ApplicationMaintenanceWindowStartTime: '20:30',
      ApplicationMaintenanceWindowEndTime: '04:30',
    })
    const described = await describeOf(ApplicationName)
    expect(described.ApplicationMaintenanceConfigurationDescription).toEqual(window)
    expect(described.ApplicationVersionId).toBe(1)
  })
})
