import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateApplicationCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  KinesisAnalyticsV2Client,
  StartApplicationCommand,
  StopApplicationCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { countingBundle, startServiceProcess } from './service-process-fixture.ts'

let bundle: Uint8Array
let directory: string
let service: ChildProcess | undefined
let client: KinesisAnalyticsV2Client

beforeAll(() => {
  bundle = countingBundle()
})
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-jobs-'))
  await startService()
})
afterEach(async () => {
  await killService()
  await expect.poll(() => jobPids().length, { timeout: 10_000 }).toBe(0)
  rmSync(directory, { recursive: true, force: true })
})

async function startService(): Promise<void> {
  const started = await startServiceProcess(directory, { ...process.env, SERVICE_SECRET: 'x' })
  const { url, accessKeyId, secretAccessKey } = started
  const credentials = { accessKeyId, secretAccessKey }
  service = started.process
  client = new KinesisAnalyticsV2Client({ endpoint: url, credentials, region: 'us-east-1', maxAttempts: 1 })
}

async function endService(signal: NodeJS.Signals): Promise<void> {
  if (service === undefined || service.exitCode !== null || service.signalCode !== null) return
  const exit = once(service, 'exit')
  service.kill(signal)
  await exit
}

const killService = () => endService('SIGKILL')

const properties = (map: Record<string, string>) => [{ PropertyGroupId: 'counting', PropertyMap: map }]

async function create(map: Record<string, string> = { rate: '200' }): Promise<void> {
  await client.send(
    new CreateApplicationCommand({
      ApplicationName: 'a',
      RuntimeEnvironment: 'FLINK-1_20',
      ServiceExecutionRole: 'arn:aws:iam::000000000000:role/millrace-application',
      ApplicationConfiguration: {
        ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: bundle } },
        EnvironmentProperties: { PropertyGroups: properties(map) },
        FlinkApplicationConfiguration: {
          CheckpointConfiguration: {
            ConfigurationType: 'CUSTOM',
            CheckpointingEnabled: true,
            CheckpointInterval: 1000,
            MinPauseBetweenCheckpoints: 0,
          },
        },
      },
    }),
  )
}

async function describeA() {
  const { ApplicationDetail } = await client.send(new DescribeApplicationCommand({ ApplicationName: 'a' }))
  return ApplicationDetail!
}

async function start(): Promise<string> {
  const { OperationId } = await client.send(new StartApplicationCommand({ ApplicationName: 'a' }))
  return OperationId!
}

async function stop(Force = false): Promise<string> {
  const { OperationId } = await client.send(new StopApplicationCommand({ ApplicationName: 'a', Force }))
  return OperationId!
}

/** The operation's end. */
async function ended(OperationId: string) {
  const describe = async () =>
    (await client.send(new DescribeApplicationOperationCommand({ ApplicationName: 'a', OperationId })))
      .ApplicationOperationInfoDetails!
  const status = async () => (await describe()).OperationStatus
  await expect.poll(status, { timeout: 30_000, interval: 50 }).not.toBe('IN_PROGRESS')
  return describe()
}

const logLines = () =>
  readFileSync(join(directory, 'apps/a/logs/application.log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown> & { message: string; logger: string })

/** What the job has printed, as [tick, count]. */
const printed = (): [number, number][] =>
  logLines()
    .filter(({ logger }) => logger === 'stdout')
    .map(
      ({ message }) =>
        message
          .replace(/^\d+> /, '')
          .replace(/^[a-z]+ /, '')
          .split(':')
          .map(Number) as [number, number],
    )

/** Waits until `more` ticks above all so far were printed. */
async function progress(more = 20): Promise<void> {
  const highest = () => Math.max(-1, ...printed().map(([tick]) => tick))
  const before = highest()
  await expect.poll(highest, { timeout: 30_000, interval: 50 }).toBeGreaterThan(before + more)
}

const checkpointed = async (): Promise<void> => {
  const folder = join(directory, 'apps/a/checkpoints')
  const list = () => execFileSync('find', [folder, '-name', '_metadata'], { encoding: 'utf8' })
  const before = existsSync(folder) ? list() : ''
  await expect.poll(() => (existsSync(folder) ? list() : ''), { timeout: 30_000, interval: 100 }).not.toBe(before)
}

/** Every second tick is of the same key: tick i is number floor(i / 2) + 1 of it, over all processes. */
function expectStateKept(): void {
  const wrong = printed().filter(([tick, number]) => number !== Math.floor(tick / 2) + 1)
  expect(wrong).toEqual([])
}

function jobPids(): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n')
  // Not the programs around it that isolate it.
  const isJob = new RegExp(`^ *\\d+ ${process.execPath} .*millrace.mjs run`)
  return lines.filter((line) => isJob.test(line) && line.includes(directory)).map((line) => Number.parseInt(line, 10))
}

test('an application starts, stops with a snapshot, goes on from it, is updated while it runs, and is deleted', async () => {
  await create()
  expect(await ended(await start())).toMatchObject({ OperationStatus: 'SUCCESSFUL' })
  expect((await describeA()).ApplicationStatus).toBe('RUNNING')
  await progress()
  expect(await ended(await stop())).toMatchObject({ OperationStatus: 'SUCCESSFUL' })
  expect((await describeA()).ApplicationStatus).toBe('READY')
  expect(jobPids()).toEqual([])
  const first = printed().map(([tick]) => tick)
  await ended(await start())
  await progress()
  const { OperationId } = await client.send(
    new UpdateApplicationCommand({
      ApplicationName: 'a',
      CurrentApplicationVersionId: 1,
      ApplicationConfigurationUpdate: {
        EnvironmentPropertyUpdates: { PropertyGroups: properties({ rate: '200', prefix: 'new ' }) },
      },
    }),
  )
  expect(await ended(OperationId!)).toMatchObject({ OperationStatus: 'SUCCESSFUL' })
  await progress()
  expect(logLines().some(({ message }) => message.includes('new '))).toBe(true)
  const ticks = printed().map(([tick]) => tick)
  expect(new Set(ticks).size).toBe(ticks.length)
  expect(ticks.length).toBeGreaterThan(first.length)
  expectStateKept()
  const { CreateTimestamp, ApplicationStatus, ApplicationVersionId } = await describeA()
  expect({ ApplicationStatus, ApplicationVersionId }).toEqual({ ApplicationStatus: 'RUNNING', ApplicationVersionId: 2 })
  expect(logLines().at(-1)).toMatchObject({
    applicationARN: expect.stringContaining('application/a'),
    applicationVersionId: '2',
    messageSchemaVersion: '1',
    messageType: 'INFO',
    threadName: expect.any(String),
    locationInformation: expect.any(String),
  })
  await client.send(new DeleteApplicationCommand({ ApplicationName: 'a', CreateTimestamp }))
  await expect
    .poll(
      () =>
        describeA().then(
          () => 'there',
          (error: Error) => error.name,
        ),
      { timeout: 20_000 },
    )
    .toBe('ResourceNotFoundException')
  expect(existsSync(join(directory, 'apps/a'))).toBe(false)
  expect(jobPids()).toEqual([])
})

test('a killed job goes on from its newest checkpoint', async () => {
  await create()
  await ended(await start())
  await progress()
  await checkpointed()
  const [pid] = jobPids()
  process.kill(pid!, 'SIGKILL')
  await progress()
  expect(jobPids()).not.toContain(pid)
  expect((await describeA()).ApplicationStatus).toBe('RUNNING')
  expectStateKept()
})

test('a killed service takes its applications up again, an operation in progress too', async () => {
  await create()
  await ended(await start())
  await progress()
  await checkpointed()
  await killService()
  await startService()
  expect((await describeA()).ApplicationStatus).toBe('RUNNING')
  await progress()
  const stopping = await stop()
  await killService()
  await startService()
  expect(await ended(stopping)).toMatchObject({ OperationStatus: 'SUCCESSFUL' })
  expect((await describeA()).ApplicationStatus).toBe('READY')
  expect(await ended(await start())).toMatchObject({ OperationStatus: 'SUCCESSFUL' })
  await progress()
  expectStateKept()
})

test('a service that is stopped in good order loses nothing and repeats nothing', async () => {
  await create()
  await ended(await start())
  await progress()
  await endService('SIGTERM')
  expect(jobPids()).toEqual([])
  await startService()
  await progress()
  const ticks = printed().map(([tick]) => tick)
  expect(new Set(ticks).size).toBe(ticks.length)
  expectStateKept()
})

test('a start that fails tells why and leaves the application ready', async () => {
  await create({ broken: 'so it is' })
  const { OperationStatus, OperationFailureDetails } = await ended(await start())
  expect(OperationStatus).toBe('FAILED')
  expect(OperationFailureDetails?.ErrorInfo?.ErrorString).toContain('broken on purpose: so it is')
  expect((await describeA()).ApplicationStatus).toBe('READY')
})

test('a start that skips state does not find it again when its job dies before its first checkpoint', async () => {
  await create()
  await ended(await start())
  await checkpointed()
  await progress(100)
  await ended(await stop())
  const before = printed().length
  const { OperationId } = await client.send(
    new StartApplicationCommand({
      ApplicationName: 'a',
      RunConfiguration: { ApplicationRestoreConfiguration: { ApplicationRestoreType: 'SKIP_RESTORE_FROM_SNAPSHOT' } },
    }),
  )
  await ended(OperationId!)
  const [pid] = jobPids()
  process.kill(pid!, 'SIGKILL')
  await expect.poll(() => jobPids().filter((other) => other !== pid).length, { timeout: 20_000 }).toBe(1)
  await expect.poll(() => printed().length, { timeout: 20_000 }).toBeGreaterThan(before + 10)
  const again = printed().slice(before)
  // Both processes began with tick 0: had the second found the old checkpoints, it would be far ahead.
  expect(Math.max(...again.map(([tick]) => tick))).toBeLessThan(again.length)
  expectStateKept()
})

test('a log level changes while the job runs on', async () => {
  await create()
  await ended(await start())
  const pids = jobPids()
  const { OperationId } = await client.send(
    new UpdateApplicationCommand({
      ApplicationName: 'a',
      CurrentApplicationVersionId: 1,
      ApplicationConfigurationUpdate: {
        FlinkApplicationConfigurationUpdate: {
          MonitoringConfigurationUpdate: { ConfigurationTypeUpdate: 'CUSTOM', LogLevelUpdate: 'DEBUG' },
        },
      },
    }),
  )
  expect(await ended(OperationId!)).toMatchObject({ OperationStatus: 'SUCCESSFUL' })
  expect(jobPids()).toEqual(pids)
  const debugLines = () => logLines().filter(({ messageType }) => messageType === 'DEBUG').length
  await expect.poll(debugLines, { timeout: 20_000 }).toBeGreaterThan(0)
})

test("a logger's own level changes while the job runs on, and holds when it is started again", async () => {
  await create()
  await ended(await start())
  const pids = jobPids()
  await checkpointed()
  const complete = () => logLines().filter(({ logger }) => logger === 'checkpoints').length
  expect(complete()).toBe(0)
  const update = async (level: string, CurrentApplicationVersionId: number) => {
    const groups = [
      ...properties({ rate: '200' }),
      { PropertyGroupId: 'millrace', PropertyMap: { 'log.level.checkpoints': level } },
    ]
    const { OperationId } = await client.send(
      new UpdateApplicationCommand({
        ApplicationName: 'a',
        CurrentApplicationVersionId,
        ApplicationConfigurationUpdate: { EnvironmentPropertyUpdates: { PropertyGroups: groups } },
      }),
    )
    return ended(OperationId!)
  }
  await expect(update('loud', 1)).rejects.toThrow("log.level.checkpoints is 'loud'")
  expect(await update('debug', 1)).toMatchObject({ OperationStatus: 'SUCCESSFUL' })
  expect(jobPids()).toEqual(pids)
  await expect.poll(complete, { timeout: 20_000 }).toBeGreaterThan(0)
  process.kill(pids[0]!, 'SIGKILL')
  await expect.poll(() => jobPids().filter((pid) => pid !== pids[0]).length, { timeout: 20_000 }).toBe(1)
  const before = complete()
  await expect.poll(complete, { timeout: 20_000 }).toBeGreaterThan(before)
})

test('a forced stop needs no snapshot and ends what is under way', async () => {
  await create()
  const starting = await start()
  expect(await ended(await stop(true))).toMatchObject({ Operation: 'StopApplication', OperationStatus: 'SUCCESSFUL' })
  expect(await ended(starting)).toMatchObject({ OperationStatus: 'CANCELLED' })
  expect((await describeA()).ApplicationStatus).toBe('READY')
  expect(jobPids()).toEqual([])
  expect(readdirSync(join(directory, 'apps/a/savepoints'))).toEqual([])
})

test('an application that always fails is started again and stays RUNNING, and its log tells why', async () => {
  await create({ rate: '200', failing: '60' })
  await ended(await start())
  const failures = () => logLines().filter(({ message }) => message.includes('tick 60 is refused'))
  await expect.poll(() => failures().length, { timeout: 30_000 }).toBeGreaterThan(1)
  expect((await describeA()).ApplicationStatus).toBe('RUNNING')
  expect(failures()[0]).toMatchObject({
    messageType: 'ERROR',
    locationInformation: expect.stringContaining('counting.ts'),
  })
})

test.runIf(process.platform === 'linux')(
  "a job's environment has the endpoint and no secret of the service",
  async () => {
    await create()
    await ended(await start())
    const [pid] = jobPids()
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .map((entry) => entry.split('=')[0])
    expect(variables).toEqual(
      expect.arrayContaining(['AWS_ENDPOINT_URL_KINESIS', 'AWS_SHARED_CREDENTIALS_FILE', 'MILLRACE_PROPERTIES_FILE']),
    )
    expect(variables).not.toContain('SERVICE_SECRET')
  },
)

test('a job has the name of its managed application, not the one that all made of its bundle share', async () => {
  await create()
  await ended(await start())
  const request = new DescribeApplicationCommand({ ApplicationName: 'a', IncludeAdditionalDetails: true })
  const { ApplicationDetail } = await client.send(request)
  const flink = ApplicationDetail?.ApplicationConfigurationDescription?.FlinkApplicationConfigurationDescription
  expect(JSON.parse(flink?.JobPlanDescription ?? '{}')).toMatchObject({ name: 'a' })
})
