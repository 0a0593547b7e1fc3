import {
  type ApplicationRestoreType,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  ListApplicationOperationsCommand,
  type ListApplicationOperationsCommandInput,
  ListApplicationsCommand,
  ListTagsForResourceCommand,
  StartApplicationCommand,
  type StartApplicationCommandInput,
  StopApplicationCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { describe, expect, test } from 'vitest'
import { arnOf, client, create, describeOf, failure, lifecycle, tags } from './applications-endpoint-fixture.ts'

describe('describing', () => {
  test('gives the plan of the running job when asked for it', async () => {
    await create()
    const more = await client.send(
      new DescribeApplicationCommand({ ApplicationName: 'a', IncludeAdditionalDetails: true }),
    )
    const flink = more.ApplicationDetail!.ApplicationConfigurationDescription!.FlinkApplicationConfigurationDescription
    expect(flink!.JobPlanDescription).toBe('{"plan":"a"}')
    const plain = (await describeOf('a')).ApplicationConfigurationDescription!
    expect(plain.FlinkApplicationConfigurationDescription!.JobPlanDescription).toBeUndefined()
  })

  test('of what is not there is refused', async () => {
    const ApplicationName = 'none'
    const CreateTimestamp = new Date()
    for (const command of [
      new DescribeApplicationCommand({ ApplicationName }),
      new StartApplicationCommand({ ApplicationName }),
      new StopApplicationCommand({ ApplicationName }),
      new UpdateApplicationCommand({ ApplicationName, CurrentApplicationVersionId: 1 }),
      new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }),
      new ListApplicationOperationsCommand({ ApplicationName }),
      new DescribeApplicationOperationCommand({ ApplicationName, OperationId: 'o' }),
      new ListTagsForResourceCommand({ ResourceARN: arnOf('none') }),
      new TagResourceCommand({ ResourceARN: arnOf('none'), Tags: [{ Key: 'k' }] }),
      new UntagResourceCommand({ ResourceARN: 'arn:aws:kinesis:us-east-1:0:stream/s', TagKeys: ['k'] }),
    ]) {
      await expect(client.send(command as never)).rejects.toMatchObject(failure('ResourceNotFoundException'))
    }
  })
})

describe('listing', () => {
  test('goes page by page', async () => {
    for (const name of ['c', 'a', 'b']) await create(name, {})
    const first = await client.send(new ListApplicationsCommand({ Limit: 2 }))
    expect(first.ApplicationSummaries!.map((one) => one.ApplicationName)).toEqual(['a', 'b'])
    const second = await client.send(new ListApplicationsCommand({ Limit: 2, NextToken: first.NextToken }))
    expect(second.ApplicationSummaries).toMatchObject([{ ApplicationName: 'c', ApplicationStatus: 'READY' }])
    expect(second.NextToken).toBeUndefined()
  })
})

describe('starting and stopping', () => {
  const ApplicationName = 'a'

  test('describes how the application runs, from its first start on', async () => {
    await create()
    expect((await describeOf('a')).ApplicationConfigurationDescription!.RunConfigurationDescription).toBeUndefined()
    await client.send(new StartApplicationCommand({ ApplicationName }))
    const described = (await describeOf('a')).ApplicationConfigurationDescription!
    expect(described.RunConfigurationDescription).toEqual({
      ApplicationRestoreConfigurationDescription: { ApplicationRestoreType: 'RESTORE_FROM_LATEST_SNAPSHOT' },
      FlinkRunConfigurationDescription: { AllowNonRestoredState: false },
    })
  })

  test('takes what it is told about state', async () => {
    await create()
    const RunConfiguration = {
      FlinkRunConfiguration: { AllowNonRestoredState: true },
      ApplicationRestoreConfiguration: { ApplicationRestoreType: 'SKIP_RESTORE_FROM_SNAPSHOT' },
    } as const
    await client.send(new StartApplicationCommand({ ApplicationName, RunConfiguration }))
    const { runConfiguration } = (await lifecycle.surroundings.store.application('a'))!
    expect(runConfiguration).toEqual({ allowNonRestoredState: true, restoreType: 'SKIP_RESTORE_FROM_SNAPSHOT' })
  })

  test('is refused without code, with a snapshot too much or none, and in the wrong state', async () => {
    await create('bare', {})
    await create()
    const start = (name: string, RunConfiguration?: StartApplicationCommandInput['RunConfiguration']) =>
      client.send(new StartApplicationCommand({ ApplicationName: name, RunConfiguration }))
    await expect(start('bare')).rejects.toMatchObject(failure('InvalidApplicationConfigurationException', /no code/))
    const type = (ApplicationRestoreType: ApplicationRestoreType, SnapshotName?: string) => ({
      ApplicationRestoreConfiguration: { ApplicationRestoreType, SnapshotName },
    })
    await expect(start('a', type('RESTORE_FROM_CUSTOM_SNAPSHOT'))).rejects.toMatchObject(
      failure('InvalidArgumentException', /needs a SnapshotName/),
    )
    await expect(start('a', type('SKIP_RESTORE_FROM_SNAPSHOT', 's'))).rejects.toMatchObject(
      failure('InvalidArgumentException', /SnapshotName/),
    )
    await expect(
      start('a', { SqlRunConfigurations: [{ InputId: '1', InputStartingPositionConfiguration: {} }] }),
    ).rejects.toMatchObject(failure('InvalidArgumentException', /SQL-1_0/))
    await expect(client.send(new StopApplicationCommand({ ApplicationName }))).rejects.toMatchObject(
      failure('ResourceInUseException'),
    )
  })

  test('by force works from a state in between', async () => {
    await create()
    await client.send(new StartApplicationCommand({ ApplicationName }))
    await expect(client.send(new StopApplicationCommand({ ApplicationName }))).rejects.toMatchObject(
      failure('ResourceInUseException'),
    )
    const { OperationId } = await client.send(new StopApplicationCommand({ ApplicationName, Force: true }))
    expect(OperationId).toMatch(/./)
    expect((await describeOf('a')).ApplicationStatus).toBe('FORCE_STOPPING')
  })
})

describe('deleting', () => {
  test('needs the time of creation, to the second', async () => {
    const { CreateTimestamp } = await create()
    const remove = (time: number) =>
      client.send(new DeleteApplicationCommand({ ApplicationName: 'a', CreateTimestamp: new Date(time) }))
    await expect(remove(CreateTimestamp!.getTime() + 1_000)).rejects.toMatchObject(
      failure('InvalidArgumentException', /CreateTimestamp/),
    )
    await remove(CreateTimestamp!.getTime() + 999)
    expect((await describeOf('a')).ApplicationStatus).toBe('DELETING')
  })
})

describe('operations', () => {
  const ApplicationName = 'a'
  const list = (input: Partial<ListApplicationOperationsCommandInput> = {}) =>
    client.send(new ListApplicationOperationsCommand({ ApplicationName, ...input }))

  test('are listed newest first, filtered, page by page, and tell why they failed', async () => {
    await create()
    const { OperationId } = await client.send(new StartApplicationCommand({ ApplicationName }))
    const [running] = (await list()).ApplicationOperationInfoList!
    expect(running).toMatchObject({ Operation: 'StartApplication', OperationStatus: 'IN_PROGRESS', OperationId })
    expect(running!.EndTime).toBeUndefined()
    await lifecycle.fail('a', 'x'.repeat(600))
    await client.send(new StartApplicationCommand({ ApplicationName }))
    await lifecycle.finish('a')
    const all = (await list()).ApplicationOperationInfoList!
    expect(all.map((one) => [one.Operation, one.OperationStatus])).toEqual([
      ['StartApplication', 'SUCCESSFUL'],
      ['StartApplication', 'FAILED'],
      ['CreateApplication', 'SUCCESSFUL'],
    ])
    const failed = await list({ OperationStatus: 'FAILED', Operation: 'StartApplication' })
    expect(failed.ApplicationOperationInfoList).toMatchObject([{ OperationId }])
    const first = await list({ Limit: 2 })
    const second = await list({ Limit: 2, NextToken: first.NextToken })
    expect([first.ApplicationOperationInfoList!.length, second.ApplicationOperationInfoList!.length]).toEqual([2, 1])
    expect(second.NextToken).toBeUndefined()
    const { ApplicationOperationInfoDetails: details } = await client.send(
      new DescribeApplicationOperationCommand({ ApplicationName, OperationId }),
    )
    expect(details!.OperationFailureDetails!.ErrorInfo!.ErrorString).toBe('x'.repeat(512))
  })

  test('of another application, or by a foreign token, are refused', async () => {
    await create()
    await create('b')
    const [operation] = (await list()).ApplicationOperationInfoList!
    const { OperationId } = operation!
    await expect(
      client.send(new DescribeApplicationOperationCommand({ ApplicationName: 'b', OperationId })),
    ).rejects.toMatchObject(failure('ResourceNotFoundException'))
    await expect(list({ NextToken: 'mine' })).rejects.toMatchObject(failure('InvalidArgumentException', /NextToken/))
    await expect(list({ Limit: 51 })).rejects.toMatchObject(failure('InvalidArgumentException', /'limit' failed/))
  })
})

describe('tags', () => {
  const ResourceARN = arnOf('a')
  const list = async () => (await client.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags

  test('are set, replaced and removed', async () => {
    await create('a', { Tags: [{ Key: 'team', Value: 'fraud' }, { Key: 'empty' }] })
    await client.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'team', Value: 'risk' }, { Key: 'x' }] }))
    await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['empty', 'none'] }))
    expect(await list()).toEqual([
      { Key: 'team', Value: 'risk' },
      { Key: 'x', Value: '' },
    ])
    await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['team', 'x'] }))
    expect(await list()).toEqual([])
    expect((await describeOf('a')).ApplicationVersionId).toBe(1)
  })

  test('are fifty at most', async () => {
    await create('a', { Tags: tags(49) })
    const tag = (...keys: string[]) =>
      client.send(new TagResourceCommand({ ResourceARN, Tags: keys.map((Key) => ({ Key })) }))
    await expect(tag('a', 'b')).rejects.toMatchObject(failure('TooManyTagsException'))
    await tag('a', 'key1')
    expect(await list()).toHaveLength(50)
    await expect(tag('aws:x')).rejects.toMatchObject(failure('InvalidArgumentException', /reserved/))
    await expect(tag('b', 'b')).rejects.toMatchObject(failure('InvalidArgumentException', /same Key/))
  })
})
