import {
  DeleteApplicationCommand,
  DescribeApplicationOperationCommand,
  KinesisAnalyticsV2Client,
  ListApplicationsCommand,
  ListTagsForResourceCommand,
  StartApplicationCommand,
  StopApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { describe, expect, test } from 'vitest'
import { serviceModel } from './model/service-model.ts'
import {
  arnOf,
  client,
  create,
  describeOf,
  endpoint,
  failure,
  lifecycle,
  start,
  stop,
  withCode,
} from './operations/applications-endpoint-fixture.ts'
import { applicationOperations } from './operations/index.ts'

describe('the life of an application', () => {
  test('goes from its creation over start and stop to its end', async () => {
    const created = await create()
    expect(created).toMatchObject({ ApplicationARN: arnOf('a'), ApplicationStatus: 'READY', ApplicationVersionId: 1 })
    const ApplicationName = 'a'
    const { OperationId } = await client.send(new StartApplicationCommand({ ApplicationName }))
    expect((await describeOf('a')).ApplicationStatus).toBe('STARTING')
    await expect(client.send(new StartApplicationCommand({ ApplicationName }))).rejects.toMatchObject(
      failure('ResourceInUseException'),
    )
    await lifecycle.finish('a')
    expect((await describeOf('a')).ApplicationStatus).toBe('RUNNING')
    const { ApplicationOperationInfoDetails } = await client.send(
      new DescribeApplicationOperationCommand({ ApplicationName, OperationId }),
    )
    expect(ApplicationOperationInfoDetails).toMatchObject({
      Operation: 'StartApplication',
      OperationStatus: 'SUCCESSFUL',
    })
    await client.send(new StopApplicationCommand({ ApplicationName }))
    expect((await describeOf('a')).ApplicationStatus).toBe('STOPPING')
    await lifecycle.finish('a')
    const { CreateTimestamp } = await describeOf('a')
    expect(CreateTimestamp!.getTime() % 1000).toBe(0)
    await client.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }))
    expect((await describeOf('a')).ApplicationStatus).toBe('DELETING')
    await lifecycle.finish('a')
    await expect(describeOf('a')).rejects.toMatchObject(failure('ResourceNotFoundException'))
  })

  test('goes on after a restart of the service', async () => {
    await create('a', { ...withCode(), Tags: [{ Key: 'team', Value: 'fraud' }] })
    const before = await describeOf('a')
    await stop()
    expect(lifecycle.closed).toBe(1)
    await start()
    expect([lifecycle.recovered, lifecycle.surroundings.url()]).toEqual([1, endpoint.url])
    expect({ ...(await describeOf('a')), $metadata: 0 }).toEqual({ ...before, $metadata: 0 })
    const { Tags } = await client.send(new ListTagsForResourceCommand({ ResourceARN: arnOf('a') }))
    expect(Tags).toEqual([{ Key: 'team', Value: 'fraud' }])
  })
})

const placeOf = (name: string) => applicationOperations[name as keyof typeof applicationOperations]

describe('an operation that nothing carries out', () => {
  /** Any operation by its name, with an empty body: newer ones than the client knows too. */
  async function call(operation: string, body = '{}') {
    const command = new ListApplicationsCommand({})
    command.middlewareStack.add(
      (next) => (args) => {
        const sent = args.request as { headers: Record<string, string>; body: unknown }
        sent.headers['x-amz-target'] = `KinesisAnalytics_20180523.${operation}`
        sent.headers['content-length'] = String(body.length)
        sent.body = body
        return next(args)
      },
      { step: 'build', priority: 'low' },
    )
    return client.send(command)
  }

  test.each(Object.keys(serviceModel.operations).filter((name) => typeof placeOf(name) === 'string'))(
    '%s is refused by a plain word',
    async (name) => {
      const place = placeOf(name) as string
      const isLater = place === 'not offered yet'
      await expect(call(name)).rejects.toMatchObject(
        isLater
          ? failure(
              'UnsupportedOperationException',
              new RegExp(`^${name} is not offered by this version of Millrace yet`),
            )
          : failure(place, /SQL-1_0 applications, which Amazon has ended/),
      )
    },
  )

  test('an unknown one is an UnknownOperationException', async () => {
    await expect(call('NoOperation')).rejects.toMatchObject(failure('UnknownOperationException'))
    await expect(call('NoOperation', '{')).rejects.toMatchObject(failure('UnknownOperationException'))
  })

  test('what is no JSON, or of other types, is a SerializationException', async () => {
    for (const body of ['{', '[]', '{"Limit":"1"}']) {
      await expect(call('ListApplications', body)).rejects.toMatchObject(failure('SerializationException'))
    }
  })

  test('a member that is not known is refused', async () => {
    await expect(call('ListApplications', '{"DryRun":true}')).rejects.toMatchObject(
      failure('InvalidArgumentException', /'dryRun' is not a member/),
    )
  })
})

test('a scope of another service is refused', async () => {
  const other = new KinesisAnalyticsV2Client({
    endpoint: endpoint.url,
    credentials: endpoint.credentials,
    region: 'us-east-1',
    maxAttempts: 1,
    signingName: 'kinesis',
  } as object)
  await expect(other.send(new ListApplicationsCommand({}))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 403 },
  })
  other.destroy()
})
