import { ok, strictEqual } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  CreateApplicationCommand,
  CreateApplicationSnapshotCommand,
  DeleteApplicationCommand,
  DeleteApplicationSnapshotCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  DescribeApplicationSnapshotCommand,
  KinesisAnalyticsV2Client,
  ListApplicationSnapshotsCommand,
  RollbackApplicationCommand,
  StartApplicationCommand,
  StopApplicationCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { createLifecycle, type Endpoint, type Lifecycle, startEndpoint } from '@millrace/service'
import { detectIsolation } from '@millrace/service/launchers'
import { commandFile } from './millrace-command.ts'

const ApplicationName = 'counting'
const LIMIT_MS = 30_000
/** The bar of an update while running is 2 s on a machine of its own; tests share theirs. */
const GAP_LIMIT_MS = 10_000

let directory: string
let client: KinesisAnalyticsV2Client
let lifecycle: Lifecycle

/**
 * The history of one application with real jobs: snapshots on demand, an update with broken code that goes back by
 * itself, rescaling, a rollback, sleep, a start from a chosen snapshot, deletion. Each tick's count tells that no state was lost
 * and none doubled.
 */
export async function run(log: (line: string) => void): Promise<void> {
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'])
  directory = await mkdtemp(join(tmpdir(), 'millrace-e2e-history-'))
  const endpoint = await startService()
  try {
    await createAndStart()
    await takeSnapshot('first')
    const snapshotTick = await lastTick()
    log('a snapshot was taken while the job went on')
    await rolledBackByItself()
    log('an update with broken code went back to the version before, with its state')
    log(`scaled from 1 to 2 with its state, ${await scaled()} ms without a tick`)
    log(`rolled back by request, ${await rolledBack()} ms without a tick`)
    await slept()
    log('hibernated, and went on from there when it was woken')
    await restored(snapshotTick)
    log('started from the chosen snapshot')
    await deleted()
    log('snapshots and application deleted')
  } finally {
    client.destroy()
    await endpoint.close()
    await rm(directory, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function startService(): Promise<Endpoint> {
  const jobs = { commandFile, cores: 2, isolation: await detectIsolation(commandFile), allowUnisolated: true }
  const endpoint = await startEndpoint(
    { dataDirectory: join(directory, 'data') },
    {
      clock: systemClock,
      scheduler: systemScheduler,
      random: systemRandom,
      logger: silentLogger,
      applications: {
        createLifecycle: (surroundings) => {
          lifecycle = createLifecycle(jobs, surroundings)
          return lifecycle
        },
      },
    },
  )
  const { url, credentials } = endpoint
  client = new KinesisAnalyticsV2Client({ endpoint: url, credentials, region: 'us-east-1', maxAttempts: 1 })
  return endpoint
}

const properties = (map: Record<string, string>) => [
  { PropertyGroupId: 'counting', PropertyMap: { rate: '100', ...map } },
]

async function createAndStart(): Promise<void> {
  const bundle = join(directory, 'counting.zip')
  const source = resolve('packages/cli/src/testing/applications/counting.ts')
  await promisify(execFile)(process.execPath, [commandFile, 'build', source, '--output', bundle])
  await client.send(
    new CreateApplicationCommand({
      ApplicationName,
      RuntimeEnvironment: 'FLINK-1_20',
      ServiceExecutionRole: 'arn:aws:iam::000000000000:role/millrace-application',
      ApplicationConfiguration: {
        ApplicationCodeConfiguration: {
          CodeContentType: 'ZIPFILE',
          CodeContent: { ZipFileContent: await readFile(bundle) },
        },
        EnvironmentProperties: { PropertyGroups: properties({}) },
        ApplicationSystemRollbackConfiguration: { RollbackEnabled: true },
        FlinkApplicationConfiguration: {
          CheckpointConfiguration: {
            ConfigurationType: 'CUSTOM',
            CheckpointingEnabled: true,
            CheckpointInterval: 1000,
          },
        },
      },
    }),
  )
  await succeeds((await client.send(new StartApplicationCommand({ ApplicationName }))).OperationId)
  await goesOn()
}

async function takeSnapshot(SnapshotName: string): Promise<void> {
  await client.send(new CreateApplicationSnapshotCommand({ ApplicationName, SnapshotName }))
  const command = () => client.send(new DescribeApplicationSnapshotCommand({ ApplicationName, SnapshotName }))
  await waitFor(async () => (await command()).SnapshotDetails?.SnapshotStatus === 'READY', `snapshot ${SnapshotName}`)
}

async function rolledBackByItself(): Promise<void> {
  const failed = await ended(await update({ broken: 'for the test' }))
  strictEqual(failed.OperationStatus, 'FAILED')
  ok(/broken on purpose/.test(failed.OperationFailureDetails?.ErrorInfo?.ErrorString ?? ''))
  await succeeds(failed.OperationFailureDetails?.RollbackOperationId)
  const { ApplicationVersionId, ApplicationStatus, ...rest } = await described()
  strictEqual(ApplicationVersionId, 3)
  strictEqual(ApplicationStatus, 'RUNNING')
  strictEqual(rest.ApplicationVersionRolledBackFrom, 2)
  strictEqual(rest.ApplicationVersionRolledBackTo, 1)
  await goesOn()
}

async function scaled(): Promise<number> {
  const application = await record()
  const before = await lastTick()
  const { operation } = await lifecycle.scale(application, 2)
  await succeeds(operation.id)
  await goesOn()
  const flink = (await described()).ApplicationConfigurationDescription?.FlinkApplicationConfigurationDescription
  strictEqual(flink?.ParallelismConfigurationDescription?.CurrentParallelism, 2)
  strictEqual(flink?.ParallelismConfigurationDescription?.Parallelism, 1)
  return gapAfter(before)
}

async function rolledBack(): Promise<number> {
  await succeeds(await update({ prefix: 'two ' }))
  await goesOn()
  const before = await lastTick()
  const CurrentApplicationVersionId = (await described()).ApplicationVersionId
  const command = new RollbackApplicationCommand({ ApplicationName, CurrentApplicationVersionId })
  await succeeds((await client.send(command)).OperationId)
  await goesOn()
  ok((await lines()).at(-1)?.prefix === '', 'the older version prints without a prefix')
  return gapAfter(before)
}

async function slept(): Promise<void> {
  await lifecycle.hibernate(await record())
  strictEqual((await described()).ApplicationStatus, 'RUNNING')
  const before = await lastTick()
  await sleep(1000)
  strictEqual(await lastTick(), before)
  await lifecycle.wake(await record())
  await goesOn()
}

async function restored(snapshotTick: number): Promise<void> {
  await succeeds((await client.send(new StopApplicationCommand({ ApplicationName }))).OperationId)
  const before = (await lines()).length
  const command = new StartApplicationCommand({
    ApplicationName,
    RunConfiguration: {
      ApplicationRestoreConfiguration: {
        ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT',
        SnapshotName: 'first',
      },
    },
  })
  await succeeds((await client.send(command)).OperationId)
  await waitFor(async () => (await lines()).length > before + 20, 'ticks after the restore')
  const first = (await lines())[before]?.tick ?? Number.NaN
  ok(first > 0 && first <= snapshotTick + 1, `it goes on at tick ${first}, the snapshot was before ${snapshotTick}`)
  await consistent()
}

async function deleted(): Promise<void> {
  const listed = async () =>
    (await client.send(new ListApplicationSnapshotsCommand({ ApplicationName }))).SnapshotSummaries ?? []
  const snapshots = await listed()
  // On demand; of two updates, of the rescaling, of the rollback, of the stop.
  strictEqual(snapshots.length, 6)
  const oldest = snapshots.at(-1)
  strictEqual(oldest?.SnapshotName, 'first')
  const { SnapshotName, SnapshotCreationTimestamp } = oldest
  await waitFor(async () => {
    // Until a checkpoint of its own the run still needs it.
    const command = new DeleteApplicationSnapshotCommand({ ApplicationName, SnapshotName, SnapshotCreationTimestamp })
    return client.send(command).then(
      () => true,
      (error) => {
        strictEqual(error.name, 'ResourceInUseException')
        return false
      },
    )
  }, 'the deletion of a snapshot')
  await waitFor(async () => (await listed()).length === 5, 'the end of the snapshot')
  const { CreateTimestamp } = await described()
  await client.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }))
  await waitFor(
    () =>
      described().then(
        () => false,
        (error) => error.name === 'ResourceNotFoundException',
      ),
    'the end of the application',
  )
}

async function update(map: Record<string, string>): Promise<string | undefined> {
  const CurrentApplicationVersionId = (await described()).ApplicationVersionId
  const command = new UpdateApplicationCommand({
    ApplicationName,
    CurrentApplicationVersionId,
    ApplicationConfigurationUpdate: { EnvironmentPropertyUpdates: { PropertyGroups: properties(map) } },
  })
  return (await client.send(command)).OperationId
}

async function described() {
  const { ApplicationDetail } = await client.send(new DescribeApplicationCommand({ ApplicationName }))
  if (ApplicationDetail === undefined) throw new Error('DescribeApplication answers without an application')
  return ApplicationDetail
}

/** As the lifecycle knows it. */
async function record(): Promise<Parameters<Lifecycle['scale']>[0]> {
  const { ApplicationStatus: status, ApplicationVersionId: versionId } = await described()
  const parallelismPerKpu = 1
  const configuration = { parallelism: { parallelismPerKpu } }
  return { name: ApplicationName, status, versionId, configuration } as Parameters<Lifecycle['scale']>[0]
}

async function ended(OperationId: string | undefined) {
  const describe = async () => {
    const command = new DescribeApplicationOperationCommand({ ApplicationName, OperationId })
    const { ApplicationOperationInfoDetails } = await client.send(command)
    if (ApplicationOperationInfoDetails === undefined) throw new Error(`no operation ${OperationId}`)
    return ApplicationOperationInfoDetails
  }
  await waitFor(async () => (await describe()).OperationStatus !== 'IN_PROGRESS', 'the end of an operation')
  return describe()
}

async function succeeds(OperationId: string | undefined): Promise<void> {
  const { Operation, OperationStatus, OperationFailureDetails } = await ended(OperationId)
  strictEqual(OperationStatus, 'SUCCESSFUL', `${Operation}: ${OperationFailureDetails?.ErrorInfo?.ErrorString}`)
}

interface Tick {
  readonly tick: number
  readonly count: number
  readonly prefix: string
  readonly atMs: number
}

async function lines(): Promise<readonly Tick[]> {
  const text = await readFile(lifecycle.logFile(ApplicationName), 'utf8')
  return text
    .split('\n')
    .filter((line) => line.includes('"logger":"stdout"'))
    .flatMap((line) => {
      const { message, timestamp, ...rest } = JSON.parse(line) as Record<string, string>
      const found = /^(?:\d+> )?([a-z]* ?)(\d+):(\d+)$/.exec(message ?? '')
      const at = timestamp ?? rest['time'] ?? rest['@timestamp'] ?? ''
      const [, prefix = '', tick, count] = found ?? []
      return found === null ? [] : [{ tick: Number(tick), count: Number(count), prefix, atMs: Date.parse(at) }]
    })
}

const lastTick = async () => Math.max(-1, ...(await lines()).map(({ tick }) => tick))

/** Waits for more ticks; every count so far is right. */
async function goesOn(): Promise<void> {
  const before = await lastTick()
  await waitFor(async () => (await lastTick()) > before + 20, 'more ticks')
  await consistent()
}

/** Every second tick is of the same key: tick i is number floor(i / 2) + 1 of it, over all processes. */
async function consistent(): Promise<void> {
  for (const { tick, count } of await lines()) strictEqual(count, Math.floor(tick / 2) + 1, `the count at tick ${tick}`)
}

/** The longest time without a tick since then, ms. */
async function gapAfter(tick: number): Promise<number> {
  const since = (await lines()).filter((line) => line.tick >= tick)
  const gaps = since.slice(1).map(({ atMs }, i) => atMs - (since[i]?.atMs ?? atMs))
  const gapMs = Math.max(...gaps)
  ok(gapMs < GAP_LIMIT_MS, `${gapMs} ms without a tick`)
  return gapMs
}

async function waitFor(condition: () => Promise<boolean>, what: string): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
    await sleep(50)
  }
}
