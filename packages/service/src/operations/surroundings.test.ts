import {
  AddApplicationCloudWatchLoggingOptionCommand,
  type AddApplicationCloudWatchLoggingOptionCommandInput,
  AddApplicationVpcConfigurationCommand,
  type AddApplicationVpcConfigurationCommandInput,
  type ApplicationDetail,
  DeleteApplicationCloudWatchLoggingOptionCommand,
  DeleteApplicationVpcConfigurationCommand,
  DescribeApplicationOperationCommand,
  DescribeApplicationVersionCommand,
  ListApplicationOperationsCommand,
  StartApplicationCommand,
  UpdateApplicationCommand,
  type UpdateApplicationCommandInput,
  UpdateApplicationMaintenanceConfigurationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { describe, expect, test } from 'vitest'
import { client, create, describeOf, failure, lifecycle, withCode } from './applications-endpoint-fixture.ts'

const ApplicationName = 'a'
const streamArn = (name: string) => `arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:${name}`
const option = (id: string, name: string) => ({ CloudWatchLoggingOptionId: id, LogStreamARN: streamArn(name) })
const vpc = (subnet: string) => ({ SubnetIds: [subnet], SecurityGroupIds: ['sg-1'] })
const logsOf = ({ CloudWatchLoggingOptionDescriptions }: ApplicationDetail) => CloudWatchLoggingOptionDescriptions
const vpcsOf = (detail: ApplicationDetail) => detail.ApplicationConfigurationDescription!.VpcConfigurationDescriptions

const addLog = (input: Partial<AddApplicationCloudWatchLoggingOptionCommandInput> = {}) =>
  client.send(
    new AddApplicationCloudWatchLoggingOptionCommand({
      ApplicationName,
      CloudWatchLoggingOption: { LogStreamARN: streamArn('more') },
      ...input,
    }),
  )
const removeLog = (CloudWatchLoggingOptionId: string, CurrentApplicationVersionId: number | undefined) =>
  client.send(
    new DeleteApplicationCloudWatchLoggingOptionCommand({
      ApplicationName,
      CloudWatchLoggingOptionId,
      CurrentApplicationVersionId,
    }),
  )
const addVpc = (input: Partial<AddApplicationVpcConfigurationCommandInput> = {}) =>
  client.send(
    new AddApplicationVpcConfigurationCommand({ ApplicationName, VpcConfiguration: vpc('subnet-9'), ...input }),
  )
const removeVpc = (VpcConfigurationId: string, CurrentApplicationVersionId: number | undefined) =>
  client.send(
    new DeleteApplicationVpcConfigurationCommand({ ApplicationName, VpcConfigurationId, CurrentApplicationVersionId }),
  )
const window = (ApplicationMaintenanceWindowStartTimeUpdate: string) =>
  client.send(
    new UpdateApplicationMaintenanceConfigurationCommand({
      ApplicationName,
      ApplicationMaintenanceConfigurationUpdate: { ApplicationMaintenanceWindowStartTimeUpdate },
    }),
  )
const update = (input: Partial<UpdateApplicationCommandInput>) =>
  client.send(new UpdateApplicationCommand({ ApplicationName, CurrentApplicationVersionId: 1, ...input }))

/** Each call that changes what needs no restart, of version 1. */
const changes = [
  { it: 'AddApplicationCloudWatchLoggingOption', change: () => addLog({ CurrentApplicationVersionId: 1 }) },
  { it: 'DeleteApplicationCloudWatchLoggingOption', change: () => removeLog('1.1', 1) },
  { it: 'AddApplicationVpcConfiguration', change: () => addVpc({ CurrentApplicationVersionId: 1 }) },
  { it: 'DeleteApplicationVpcConfiguration', change: () => removeVpc('1.1', 1) },
]

/** With a log stream and a VPC, and code. */
function createWithBoth() {
  return create(ApplicationName, {
    CloudWatchLoggingOptions: [{ LogStreamARN: streamArn('s') }],
    ApplicationConfiguration: { ...withCode().ApplicationConfiguration, VpcConfigurations: [vpc('subnet-1')] },
  })
}

describe('log streams', () => {
  test('of a new application are described by version and number', async () => {
    const created = await create(ApplicationName, {
      CloudWatchLoggingOptions: [{ LogStreamARN: streamArn('s') }, { LogStreamARN: streamArn('t') }],
    })
    expect(logsOf(created)).toEqual([option('1.1', 's'), option('1.2', 't')])
    expect(logsOf(await describeOf(ApplicationName))).toEqual([option('1.1', 's'), option('1.2', 't')])
  })

  test('are changed by an update, each one that it names', async () => {
    await create(ApplicationName, {
      CloudWatchLoggingOptions: [{ LogStreamARN: streamArn('s') }, { LogStreamARN: streamArn('t') }],
    })
    const { ApplicationDetail: changed } = await update({
      CloudWatchLoggingOptionUpdates: [
        { CloudWatchLoggingOptionId: '1.2', LogStreamARNUpdate: streamArn('u') },
        { CloudWatchLoggingOptionId: '1.1' },
      ],
    })
    expect(logsOf(changed!)).toEqual([option('1.1', 's'), option('1.2', 'u')])
    await lifecycle.finish(ApplicationName)
    await expect(
      update({
        CurrentApplicationVersionId: 2,
        CloudWatchLoggingOptionUpdates: [{ CloudWatchLoggingOptionId: '9.9', LogStreamARNUpdate: streamArn('x') }],
      }),
    ).rejects.toMatchObject(failure('InvalidArgumentException', /no CloudWatch logging option 9.9/))
    expect((await describeOf(ApplicationName)).ApplicationVersionId).toBe(2)
  })

  test('stay with an update of something else', async () => {
    await createWithBoth()
    const { ApplicationDetail: changed } = await update({ RuntimeEnvironmentUpdate: 'FLINK-2_2' })
    expect(logsOf(changed!)).toEqual([option('1.1', 's')])
    expect(vpcsOf(changed!)).toMatchObject([{ VpcConfigurationId: '1.1' }])
  })

  test('are ten at most', async () => {
    const CloudWatchLoggingOptions = Array.from({ length: 11 }, (_, i) => ({ LogStreamARN: streamArn(`s${i}`) }))
    await expect(create(ApplicationName, { CloudWatchLoggingOptions })).rejects.toMatchObject(
      failure('InvalidArgumentException', /at most 10/),
    )
    await create(ApplicationName, { CloudWatchLoggingOptions: CloudWatchLoggingOptions.slice(1) })
    await expect(addLog({ CurrentApplicationVersionId: 1 })).rejects.toMatchObject(
      failure('InvalidArgumentException', /at most 10/),
    )
  })
})

describe('VPC configurations', () => {
  test('are changed by an update; what it leaves out stays', async () => {
    await createWithBoth()
    const { ApplicationDetail: changed } = await update({
      ApplicationConfigurationUpdate: {
        VpcConfigurationUpdates: [{ VpcConfigurationId: '1.1', SubnetIdUpdates: ['subnet-2', 'subnet-3'] }],
      },
    })
    expect(vpcsOf(changed!)).toEqual([
      {
        VpcConfigurationId: '1.1',
        VpcId: expect.stringMatching(/^vpc-/),
        SubnetIds: ['subnet-2', 'subnet-3'],
        SecurityGroupIds: ['sg-1'],
      },
    ])
    await lifecycle.finish(ApplicationName)
    await expect(
      update({
        CurrentApplicationVersionId: 2,
        ApplicationConfigurationUpdate: { VpcConfigurationUpdates: [{ VpcConfigurationId: '9.9' }] },
      }),
    ).rejects.toMatchObject(failure('InvalidArgumentException', /no VPC configuration 9.9/))
  })

  test('are described no more when the last is deleted', async () => {
    await createWithBoth()
    const { ApplicationVersionId } = await removeVpc('1.1', 1)
    expect(ApplicationVersionId).toBe(2)
    expect(vpcsOf(await describeOf(ApplicationName))).toBeUndefined()
    const { VpcConfigurationDescription } = await addVpc({ CurrentApplicationVersionId: 2 })
    expect(VpcConfigurationDescription).toMatchObject({ VpcConfigurationId: '3.1', SubnetIds: ['subnet-9'] })
  })

  test('have subnets and security groups within the bounds', async () => {
    await create()
    const none = { SubnetIds: [], SecurityGroupIds: ['sg'] }
    const many = { SubnetIds: ['s'], SecurityGroupIds: ['1', '2', '3', '4', '5', '6'] }
    for (const VpcConfiguration of [none, many]) {
      await expect(addVpc({ CurrentApplicationVersionId: 1, VpcConfiguration })).rejects.toMatchObject(
        failure('InvalidArgumentException'),
      )
    }
  })
})

describe.each(changes)('$it', ({ it, change }) => {
  test('makes a version and an operation that has ended, and lets the job run', async () => {
    await createWithBoth()
    await client.send(new StartApplicationCommand({ ApplicationName }))
    await lifecycle.finish(ApplicationName)
    const { ApplicationVersionId, ApplicationARN, OperationId } = await change()
    expect([ApplicationVersionId, ApplicationARN]).toEqual([
      2,
      'arn:aws:kinesisanalytics:us-east-1:000000000000:application/a',
    ])
    const described = await describeOf(ApplicationName)
    expect(described).toMatchObject({
      ApplicationStatus: 'RUNNING',
      ApplicationVersionId: 2,
      ApplicationVersionUpdatedFrom: 1,
    })
    const { ApplicationOperationInfoDetails: operation } = await client.send(
      new DescribeApplicationOperationCommand({ ApplicationName, OperationId }),
    )
    expect(operation).toMatchObject({ Operation: it, OperationStatus: 'SUCCESSFUL' })
    const { ApplicationVersionDetail: before } = await client.send(
      new DescribeApplicationVersionCommand({ ApplicationName, ApplicationVersionId: 1 }),
    )
    expect(logsOf(before!)).toEqual([option('1.1', 's')])
    expect(vpcsOf(before!)).toMatchObject([{ VpcConfigurationId: '1.1', SubnetIds: ['subnet-1'] }])
  })

  test('is refused of an older version, and while the application is in between', async () => {
    await createWithBoth()
    await client.send(new StartApplicationCommand({ ApplicationName }))
    await expect(change()).rejects.toMatchObject(failure('ResourceInUseException', /STARTING/))
    await lifecycle.finish(ApplicationName)
    await change()
    await expect(change()).rejects.toMatchObject(failure('ConcurrentModificationException', /at version 2/))
    expect((await describeOf(ApplicationName)).ApplicationVersionId).toBe(2)
  })

  test('is refused of an application that is not there', async () => {
    await expect(change()).rejects.toMatchObject(failure('ResourceNotFoundException', /no application a/))
  })
})

test('a change names the version or the token that it is meant for', async () => {
  const { ConditionalToken } = await createWithBoth()
  for (const change of [addLog, () => removeLog('1.1', undefined)]) {
    await expect(change()).rejects.toMatchObject(failure('InvalidRequestException', /must be given/))
  }
  for (const change of [addVpc, () => removeVpc('1.1', undefined)]) {
    await expect(change()).rejects.toMatchObject(failure('InvalidArgumentException', /must be given/))
  }
  await expect(addLog({ ConditionalToken: 'other' })).rejects.toMatchObject(failure('ConcurrentModificationException'))
  expect(await addLog({ ConditionalToken })).toMatchObject({ ApplicationVersionId: 2 })
})

describe('the maintenance window', () => {
  test.each([
    { start: '00:00', end: '08:00' },
    { start: '15:59', end: '23:59' },
    { start: '16:00', end: '00:00' },
    { start: '23:59', end: '07:59' },
  ])('from $start ends at $end', async ({ start, end }) => {
    await create()
    const { ApplicationMaintenanceConfigurationDescription, ApplicationARN } = await window(start)
    expect(ApplicationARN).toMatch(/application\/a$/)
    expect(ApplicationMaintenanceConfigurationDescription).toEqual({
      ApplicationMaintenanceWindowStartTime: start,
      ApplicationMaintenanceWindowEndTime: end,
    })
  })

  test('is changed of an application that is READY or RUNNING, without an operation', async () => {
    await create()
    await client.send(new StartApplicationCommand({ ApplicationName }))
    await expect(window('01:00')).rejects.toMatchObject(failure('ResourceInUseException', /STARTING/))
    await lifecycle.finish(ApplicationName)
    await window('01:00')
    const described = await describeOf(ApplicationName)
    expect([described.ApplicationStatus, described.ApplicationVersionId]).toEqual(['RUNNING', 1])
    const { ApplicationOperationInfoList } = await client.send(
      new ListApplicationOperationsCommand({ ApplicationName }),
    )
    expect(ApplicationOperationInfoList!.map(({ Operation }) => Operation)).toEqual([
      'StartApplication',
      'CreateApplication',
    ])
  })

  test.each(['24:00', '1:00', '01:60', '01.00'])('does not start at %s', async (start) => {
    await create()
    await expect(window(start)).rejects.toMatchObject(failure('InvalidArgumentException'))
  })

  test('of an application that is not there is not found', async () => {
    await expect(window('01:00')).rejects.toMatchObject(failure('ResourceNotFoundException'))
  })
})
