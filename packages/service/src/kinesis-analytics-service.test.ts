import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateApplicationCommand,
  type CreateApplicationCommandInput,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  KinesisAnalyticsV2Client,
  ListApplicationOperationsCommand,
  ListApplicationsCommand,
  ListTagsForResourceCommand,
  StartApplicationCommand,
  StopApplicationCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { type Clock, silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { zipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ScriptedLifecycle } from './applications/scripted-lifecycle-fixture.ts'
import { type Endpoint, startEndpoint } from './endpoint.ts'

let directory: string
let endpoint: Endpoint
let client: KinesisAnalyticsV2Client
let lifecycle: ScriptedLifecycle
/** What S3 holds, by path. */
let objects: Map<string, Uint8Array>

/** Half a second past a whole one: what answers whole seconds has to cut. */
const clock: Clock = {
  now: () => Math.floor(systemClock.now() / 1000) * 1000 + 500,
  monotonicMs: () => systemClock.monotonicMs(),
}

async function start(): Promise<void> {
  endpoint = await startEndpoint(
    { dataDirectory: directory },
    {
      clock,
      scheduler: systemScheduler,
      random: systemRandom,
      logger: silentLogger,
      applications: {
        createLifecycle: (surroundings) => {
          lifecycle = new ScriptedLifecycle(surroundings)
          return lifecycle
        },
        readObject: async (bucketArn, key) => {
          const found = objects.get(`${bucketArn}/${key}`)
          if (found === undefined) throw new Error('no such key')
          return found
        },
      },
    },
  )
  const { url, credentials } = endpoint
  client = new KinesisAnalyticsV2Client({ endpoint: url, credentials, region: 'us-east-1', maxAttempts: 1 })
}

beforeEach(async () => {
  objects = new Map()
  directory = await mkdtemp(join(tmpdir(), 'millrace-applications-'))
  await start()
})

afterEach(async () => {
  client.destroy()
  await endpoint.close()
  await rm(directory, { recursive: true })
})

const bundle = zipOf({ 'app.mjs': 'export default 1\n', 'package.json': '{"type":"module","main":"app.mjs"}' })
const bucket = 'arn:aws:s3:::code'
const arnOf = (name: string) => `arn:aws:kinesisanalytics:us-east-1:000000000000:application/${name}`

function zipOf(files: Readonly<Record<string, string>>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])))
}

function request(ApplicationName: string, more: Partial<CreateApplicationCommandInput> = {}) {
  return {
    ApplicationName,
    RuntimeEnvironment: 'FLINK-1_20',
    ServiceExecutionRole: 'arn:aws:iam::000000000000:role/fraud',
    ...more,
  } satisfies CreateApplicationCommandInput
}

const withCode = (zip: Uint8Array = bundle) => ({
  ApplicationConfiguration: {
    ApplicationCodeConfiguration: { CodeContent: { ZipFileContent: zip }, CodeContentType: 'ZIPFILE' as const },
  },
})

async function create(name = 'a', more: Partial<CreateApplicationCommandInput> = withCode()) {
  return (await client.send(new CreateApplicationCommand(request(name, more)))).ApplicationDetail!
}

async function describeOf(ApplicationName: string) {
  return (await client.send(new DescribeApplicationCommand({ ApplicationName }))).ApplicationDetail!
}

function failure(name: string, message?: string | RegExp) {
  const told = message === undefined ? {} : { message: expect.stringMatching(message) }
  return { name, ...told, $metadata: { httpStatusCode: 400 } }
}

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
    client.destroy()
    await endpoint.close()
    expect(lifecycle.closed).toBe(1)
    await start()
    expect([lifecycle.recovered, lifecycle.surroundings.url()]).toEqual([1, endpoint.url])
    expect({ ...(await describeOf('a')), $metadata: 0 }).toEqual({ ...before, $metadata: 0 })
    const { Tags } = await client.send(new ListTagsForResourceCommand({ ResourceARN: arnOf('a') }))
    expect(Tags).toEqual([{ Key: 'team', Value: 'fraud' }])
  })
})

describe('creating', () => {
  test('describes the defaults of what was not given', async () => {
    const detail = await create('a', {})
    expect(detail).toEqual({
      ApplicationARN: arnOf('a'),
      ApplicationName: 'a',
      RuntimeEnvironment: 'FLINK-1_20',
      ServiceExecutionRole: 'arn:aws:iam::000000000000:role/fraud',
      ApplicationStatus: 'READY',
      ApplicationVersionId: 1,
      ApplicationMode: 'STREAMING',
      CreateTimestamp: expect.any(Date),
      LastUpdateTimestamp: expect.any(Date),
      ConditionalToken: expect.stringMatching(/^[a-zA-Z0-9-]{36}$/),
      ApplicationConfigurationDescription: {
        FlinkApplicationConfigurationDescription: {
          CheckpointConfigurationDescription: {
            ConfigurationType: 'DEFAULT',
            CheckpointingEnabled: true,
            CheckpointInterval: 60_000,
            MinPauseBetweenCheckpoints: 5_000,
          },
          MonitoringConfigurationDescription: {
            ConfigurationType: 'DEFAULT',
            MetricsLevel: 'APPLICATION',
            LogLevel: 'INFO',
          },
          ParallelismConfigurationDescription: {
            ConfigurationType: 'DEFAULT',
            Parallelism: 1,
            ParallelismPerKPU: 1,
            CurrentParallelism: 1,
            AutoScalingEnabled: true,
          },
        },
        ApplicationSnapshotConfigurationDescription: { SnapshotsEnabled: true },
        ApplicationSystemRollbackConfigurationDescription: { RollbackEnabled: false },
        ApplicationEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
      },
    })
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
