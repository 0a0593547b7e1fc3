import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateApplicationCommand,
  DescribeApplicationCommand,
  KinesisAnalyticsV2Client,
  StartApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { countingBundle, startServiceProcess } from '../../jobs/service-process-fixture.ts'
import { shapeProblems } from './shape-fixture.ts'
import { shapes } from './shapes-fixture.ts'
import { type Signer, signedRequest } from './signed-request-fixture.ts'

let bundle: Uint8Array
let directory: string
let service: ChildProcess
let signer: Signer
let client: KinesisAnalyticsV2Client

beforeAll(() => {
  bundle = countingBundle()
})
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-flink-'))
  const started = await startServiceProcess(directory)
  const { url: endpoint, accessKeyId, secretAccessKey } = started
  const credentials = { accessKeyId, secretAccessKey }
  service = started.process
  signer = { url: endpoint, ...credentials }
  client = new KinesisAnalyticsV2Client({ endpoint, credentials, region: 'us-east-1', maxAttempts: 1 })
})
afterEach(async () => {
  client.destroy()
  const exit = once(service, 'exit')
  service.kill('SIGTERM')
  await exit
  rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
})

const flink = (method: string, path: string, body?: object) =>
  signedRequest(signer, method, `/apps/a/flink${path}`, body === undefined ? '' : JSON.stringify(body))
const get = async (path: string) => (await flink('GET', path)).json

async function start(map: Record<string, string>): Promise<string> {
  await client.send(
    new CreateApplicationCommand({
      ApplicationName: 'a',
      RuntimeEnvironment: 'FLINK-1_20',
      ServiceExecutionRole: 'arn:aws:iam::000000000000:role/millrace-application',
      ApplicationConfiguration: {
        ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: bundle } },
        EnvironmentProperties: { PropertyGroups: [{ PropertyGroupId: 'counting', PropertyMap: map }] },
        FlinkApplicationConfiguration: {
          CheckpointConfiguration: {
            ConfigurationType: 'CUSTOM',
            CheckpointingEnabled: true,
            CheckpointInterval: 1000,
            MinPauseBetweenCheckpoints: 0,
          },
          MonitoringConfiguration: { ConfigurationType: 'CUSTOM', LogLevel: 'DEBUG', MetricsLevel: 'APPLICATION' },
          ParallelismConfiguration: { ConfigurationType: 'CUSTOM', Parallelism: 2, ParallelismPerKPU: 1 },
        },
      },
    }),
  )
  await client.send(new StartApplicationCommand({ ApplicationName: 'a' }))
  await expect.poll(async () => (await get('/jobs')).jobs[0]?.status, { timeout: 30_000 }).toBe('RUNNING')
  return (await get('/jobs')).jobs[0].id
}

async function describeA(IncludeAdditionalDetails = false) {
  const command = new DescribeApplicationCommand({ ApplicationName: 'a', IncludeAdditionalDetails })
  return (await client.send(command)).ApplicationDetail!
}

/** The checkpoints that the job has told, from its log. */
function toldCheckpoints(): { id: number; bytes: number; durationMs: number }[] {
  const file = join(directory, 'apps/a/logs/application.log')
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('checkpoint complete'))
  return lines.map((line) => {
    const { fields, ...rest } = JSON.parse(line)
    return { ...rest, ...fields }
  })
}

test('a real job: its plan, its tasks, its checkpoints as it told them, and how it is stopped', async () => {
  const id = await start({ rate: '500' })
  const job = `/jobs/${id}`
  await expect
    .poll(async () => (await get(`${job}/checkpoints`)).counts.completed, { timeout: 30_000 })
    .toBeGreaterThan(1)
  const { vertices, plan, name } = await get(job)
  expect(name).toBe('a')
  expect(plan.nodes.map((node: { id: string }) => node.id)).toEqual(vertices.map((one: { id: string }) => one.id))
  expect(
    JSON.parse(
      (await describeA(true)).ApplicationConfigurationDescription!.FlinkApplicationConfigurationDescription!
        .JobPlanDescription!,
    ),
  ).toEqual(plan)
  for (const [path, shape] of Object.entries(shapes)) {
    const asked = path
      .replace(':jobid', id)
      .replace(':vertexid', vertices[0].id)
      .replace(':subtaskindex', '0')
      .replace(':checkpointid', 'latest')
    const { status, json } = await flink('GET', asked)
    expect({ path, status, problems: shapeProblems(json, shape) }).toEqual({ path, status: 200, problems: [] })
  }
  const { metrics } = vertices.at(-1)
  expect(metrics['read-records']).toBeGreaterThan(0)
  expect(metrics['read-records-complete']).toBe(true)

  const { json: asked } = await flink('POST', `${job}/checkpoints`)
  const checkpoint = () => get(`${job}/checkpoints/${asked['request-id']}`)
  await expect.poll(async () => (await checkpoint()).status.id, { timeout: 30_000 }).toBe('COMPLETED')
  const { checkpointId } = (await checkpoint()).operation
  const details = await get(`${job}/checkpoints/details/${checkpointId}`)
  expect(details).toMatchObject({ status: 'COMPLETED', checkpoint_type: 'CHECKPOINT' })
  const ofTasks = Object.values(details.tasks as Record<string, { state_size: number }>)
  expect(ofTasks.reduce((sum, { state_size }) => sum + state_size, 0)).toBe(details.state_size)

  const { json: savepoint } = await flink('POST', `${job}/savepoints`)
  const saved = () => get(`${job}/savepoints/${savepoint['request-id']}`)
  await expect.poll(async () => (await saved()).status.id, { timeout: 30_000 }).toBe('COMPLETED')
  expect(existsSync(join((await saved()).operation.location, '_metadata'))).toBe(true)

  const { status, json: stop } = await flink('POST', `${job}/stop`, {})
  expect(status).toBe(202)
  const stopped = () => get(`${job}/savepoints/${stop['request-id']}`)
  await expect.poll(async () => (await stopped()).status.id, { timeout: 30_000 }).toBe('COMPLETED')
  expect(existsSync(join((await stopped()).operation.location, '_metadata'))).toBe(true)
  expect((await describeA()).ApplicationStatus).toBe('READY')
  const ended = await get(job)
  expect(ended).toMatchObject({ state: 'FINISHED', 'end-time': expect.any(Number) })
  expect(ended['status-counts']).toMatchObject({ FINISHED: vertices.length, RUNNING: 0 })
  const { history, counts } = await get(`${job}/checkpoints`)
  expect(history[0]).toMatchObject({ checkpoint_type: 'SYNC_SAVEPOINT', status: 'COMPLETED' })
  const told = toldCheckpoints()
  expect(counts.completed).toBe(told.length)
  const completed = (history as { id: number; status: string; state_size: number; end_to_end_duration: number }[])
    .filter((one) => one.status === 'COMPLETED')
    .map((one) => ({ id: one.id, bytes: one.state_size, durationMs: one.end_to_end_duration }))
  const toldOfThose = told.slice(-completed.length).reverse()
  expect(completed).toEqual(toldOfThose.map(({ id, bytes, durationMs }) => ({ id, bytes, durationMs })))
}, 120_000)

test('a job that fails again and again: why, where, and that it was restarted', async () => {
  const id = await start({ rate: '200', failing: '100' })
  const entries = async () => (await get(`/jobs/${id}/exceptions`)).exceptionHistory.entries
  await expect.poll(async () => (await entries()).length, { timeout: 30_000, interval: 50 }).toBeGreaterThan(1)
  const [newest] = await entries()
  expect(newest).toMatchObject({ exceptionName: 'APPLICATION_ERROR', taskName: expect.stringMatching(/ \(\d\/\d\)$/) })
  expect(newest.stacktrace).toContain('tick 100 is refused')
  expect(newest.stacktrace).toContain('counting.ts')
  const page = await signedRequest(signer, 'GET', '/apps/a/flink/')
  expect(page.status).toBe(200)
  expect(page.text).toContain('tick 100 is refused')
  const { json } = await flink('GET', `/jobs/${id}/metrics?get=numRestarts`)
  expect(Number(json[0].value)).toBeGreaterThan(0)
  expect(await flink('PATCH', `/jobs/${id}?mode=cancel`)).toMatchObject({ status: 202, json: {} })
  await expect.poll(async () => (await describeA()).ApplicationStatus, { timeout: 30_000 }).toBe('READY')
  expect(await get('/jobs')).toEqual({ jobs: [{ id, status: 'CANCELED' }] })
  expect((await entries()).length).toBeGreaterThan(1)
}, 120_000)

test('an unsigned request is refused, in the form of Flink', async () => {
  const response = await fetch(`${signer.url}/apps/a/flink/jobs`)
  expect(response.status).toBe(403)
  expect(await response.json()).toEqual({ errors: [expect.any(String)] })
})
