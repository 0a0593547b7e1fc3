import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as api from '@aws-sdk/client-kinesis-analytics-v2'
import { role, type ServedApplications } from './served-applications.ts'

type ErrorClass = abstract new (options: never) => api.KinesisAnalyticsV2ServiceException
type Refused = readonly [type: ErrorClass, call: (client: api.KinesisAnalyticsV2Client) => Promise<unknown>]

/**
 * Provokes every class of error that a caller can: the SDK raises that class, with status 400 and a message. What its model
 * doesn't have, as the refusal by a policy, is raised by its name with 403. `running`: the name of an application that runs.
 * Answers with how many classes there were.
 */
export async function provokeErrors(
  service: ServedApplications,
  client: api.KinesisAnalyticsV2Client,
  running: string,
): Promise<number> {
  await client.send(new api.CreateApplicationCommand(named('empty')))
  const names = refusals(running).map(async ([type, call]) => {
    const error = await call(client).then(
      () => assert.fail(`not refused: ${type.name}`),
      (thrown) => thrown,
    )
    assert.ok(error instanceof type, `${error}, not ${type.name}`)
    assert.deepEqual([error.name, error.$metadata.httpStatusCode], [type.name, 400])
    assert.ok(error.message.length > 10, error.message)
    return type.name
  })
  const classes = new Set(await Promise.all(names))
  await remove(client, 'empty')
  await denied(service, running)
  return classes.size + 1
}

function refusals(running: string): Refused[] {
  const { CreateApplicationCommand: Create, UpdateApplicationCommand: Update } = api
  const ofRunning = { ApplicationName: running }
  const withCode = (CodeContent: api.CodeContent, CodeContentType: 'PLAINTEXT' | 'ZIPFILE' = 'ZIPFILE') => ({
    ...named('other'),
    ApplicationConfiguration: { ApplicationCodeConfiguration: { CodeContentType, CodeContent } },
  })
  const tags = Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: 'v' }))
  const ParallelismConfiguration = { ConfigurationType: 'CUSTOM', Parallelism: 1000 } as const
  const sqlOnly = { ...ofRunning, CurrentApplicationVersionId: 1, OutputId: '1' }
  return [
    [api.CodeValidationException, (c) => c.send(new Create(withCode({ ZipFileContent: Buffer.from('no zip') })))],
    [api.CodeValidationException, (c) => c.send(new Create(withCode({ TextContent: 'SELECT 1' }, 'PLAINTEXT')))],
    [api.ConcurrentModificationException, (c) => c.send(new Update({ ...ofRunning, CurrentApplicationVersionId: 1 }))],
    [api.ConcurrentModificationException, (c) => c.send(new Update({ ...ofRunning, ConditionalToken: 'of-another' }))],
    [
      api.ConcurrentModificationException,
      (c) => c.send(new api.RollbackApplicationCommand({ ...ofRunning, CurrentApplicationVersionId: 1 })),
    ],
    [api.InvalidApplicationConfigurationException, (c) => c.send(new api.StartApplicationCommand(named('empty')))],
    [api.InvalidArgumentException, (c) => c.send(new Create(named('a b')))],
    [
      api.InvalidArgumentException,
      (c) => c.send(new Create({ ...named('other'), RuntimeEnvironment: 'FLINK-9' as never })),
    ],
    [
      api.InvalidArgumentException,
      (c) => c.send(new Create({ ...named('other'), ServiceExecutionRole: `${role}-of-nobody` })),
    ],
    [
      api.InvalidArgumentException,
      (c) => c.send(new api.CreateApplicationSnapshotCommand({ ...ofRunning, SnapshotName: 'SystemSnapshot' })),
    ],
    [
      api.InvalidArgumentException,
      (c) => c.send(new api.DeleteApplicationCommand({ ...ofRunning, CreateTimestamp: new Date(0) })),
    ],
    [api.InvalidRequestException, (c) => c.send(new Update(ofRunning))],
    [api.InvalidRequestException, (c) => c.send(new api.DeleteApplicationOutputCommand(sqlOnly))],
    [
      api.LimitExceededException,
      (c) =>
        c.send(
          new Create({
            ...named('other'),
            ApplicationConfiguration: { FlinkApplicationConfiguration: { ParallelismConfiguration } },
          }),
        ),
    ],
    [api.ResourceInUseException, (c) => c.send(new Create(named('empty')))],
    [api.ResourceInUseException, (c) => c.send(new api.StartApplicationCommand(ofRunning))],
    [
      api.ResourceInUseException,
      (c) => c.send(new api.CreateApplicationSnapshotCommand({ ApplicationName: 'empty', SnapshotName: 's' })),
    ],
    [api.ResourceNotFoundException, (c) => c.send(new api.DescribeApplicationCommand({ ApplicationName: 'nobody' }))],
    [
      api.ResourceNotFoundException,
      (c) => c.send(new api.DescribeApplicationSnapshotCommand({ ...ofRunning, SnapshotName: 'nobody' })),
    ],
    [
      api.ResourceNotFoundException,
      (c) => c.send(new api.DescribeApplicationVersionCommand({ ...ofRunning, ApplicationVersionId: 999 })),
    ],
    [api.TooManyTagsException, (c) => c.send(new Create({ ...named('other'), Tags: tags }))],
    [
      api.UnsupportedOperationException,
      (c) => c.send(new Create({ ...named('other'), RuntimeEnvironment: 'SQL-1_0' })),
    ],
    [
      api.UnsupportedOperationException,
      (c) => c.send(new Create({ ...named('other'), ApplicationMode: 'INTERACTIVE' })),
    ],
  ]
}

function named(ApplicationName: string) {
  return { ApplicationName, RuntimeEnvironment: 'FLINK-1_20', ServiceExecutionRole: role } as const
}

async function remove(client: api.KinesisAnalyticsV2Client, ApplicationName: string): Promise<void> {
  const { ApplicationDetail } = await client.send(new api.DescribeApplicationCommand({ ApplicationName }))
  const { CreateTimestamp } = ApplicationDetail as api.ApplicationDetail
  await client.send(new api.DeleteApplicationCommand({ ApplicationName, CreateTimestamp }))
}

/** A user who may describe applications, and nothing else. */
async function denied(service: ServedApplications, running: string): Promise<void> {
  const credentials = await readerKey(service)
  const client = new api.KinesisAnalyticsV2Client({ endpoint: service.url, region: 'us-east-1', credentials })
  await client.send(new api.DescribeApplicationCommand({ ApplicationName: running }))
  const error = await client
    .send(new api.StopApplicationCommand({ ApplicationName: running }))
    .catch((thrown) => thrown)
  assert.ok(error instanceof api.KinesisAnalyticsV2ServiceException)
  assert.deepEqual([error.name, error.$metadata.httpStatusCode], ['AccessDeniedException', 403])
  assert.match(error.message, /kinesisanalytics:StopApplication/)
  client.destroy()
}

/** The key of a new user who may describe applications, and nothing else. */
export async function readerKey(service: ServedApplications) {
  const policy = join(service.folder, 'reader.json')
  const Statement = { Effect: 'Allow', Action: 'kinesisanalytics:Describe*', Resource: '*' }
  writeFileSync(policy, JSON.stringify({ Version: '2012-10-17', Statement }))
  await service.millrace('access', 'users', 'create', 'reader')
  await service.millrace('access', 'policies', 'put', 'read', policy, '--user', 'reader')
  const file = await service.millrace('access', 'keys', 'create', 'reader')
  return {
    accessKeyId: /aws_access_key_id = (\S+)/.exec(file)?.[1] as string,
    secretAccessKey: /aws_secret_access_key = (\S+)/.exec(file)?.[1] as string,
  }
}
