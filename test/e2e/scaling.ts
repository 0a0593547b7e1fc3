import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { signedRequest } from '../../packages/service/src/monitoring/flink/signed-request-fixture.ts'
import { postgresBinaries, startPostgres } from '../../packages/service/src/storage/postgres-fixture.ts'
import { keepEnvironment } from './kept-environment.ts'
import { millrace } from './millrace-command.ts'
import { freePort } from './servers/free-port.ts'
import { type CountsSettings, type Printed, StreamCountsNode, waitFor } from './stream-counts-node.ts'
import { ZoneNode } from './zone-node.ts'

const application = fileURLToPath(new URL('./applications/stream-counts.ts', import.meta.url))
/** Records of a put, and the time between two: 400 a second. */
const BATCH = 20
const PUT_EVERY_MS = 50
const sleepers = ['sleeper', 'long-sleeper']
const fanOut = 'fan-out-only'

/**
 * Applications of a service of one node, over its streams: one is rescaled under load by Flink's REST API, another scales
 * by its backlog, a third is put to sleep when nothing comes, also over a restart of the service, and is woken by a
 * record. No record is lost, none counted twice.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-scaling-'))
  await millrace(['build', application, '--output', join(folder, 'counts.zip')], folder)
  const node = new StreamCountsNode(folder, readFileSync(join(folder, 'counts.zip')))
  try {
    await node.start()
    await Promise.all([rescaled(node, log), scaledByBacklog(node, log), ...sleepers.map((name) => asleep(node, name))])
    log('fell asleep after an idle minute: no process is left, the job is SUSPENDED, the application RUNNING')
    await woken(node, log)
  } catch (error) {
    for (const name of ['rescaled', 'behind', ...sleepers]) log(`${name}: ${lastWords(node, name)}`)
    throw error
  } finally {
    await node.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
  await overStreamsElsewhere(log)
}

/**
 * The same sleep over streams of another process, which is killed and started again meanwhile; and one that has no rights
 * to poll them.
 */
async function overStreamsElsewhere(log: (line: string) => void): Promise<void> {
  if (postgresBinaries() === undefined) return log("streams elsewhere: not run: needs PostgreSQL's binaries")
  const folder = mkdtempSync(join(tmpdir(), 'millrace-scaling-elsewhere-'))
  const restoreEnvironment = keepEnvironment()
  const postgres = await startPostgres()
  const streams = new ZoneNode(folder, 'streams', ['--role', 'streams', '--port', String(await freePort())])
  let node: StreamCountsNode | undefined
  try {
    const MILLRACE_STORE = await postgres.database()
    Object.assign(process.env, { MILLRACE_STORE, MILLRACE_ACCESS_KEY: randomBytes(32).toString('hex') })
    await streams.start()
    await millrace(['build', application, '--output', join(folder, 'counts.zip')], folder)
    const { url, dataDirectory } = streams
    const options = ['--state', join(folder, 'state'), '--streams-url', url, '--allow-unisolated']
    node = new StreamCountsNode(folder, readFileSync(join(folder, 'counts.zip')), options, { url, dataDirectory })
    await node.start()
    const served = node
    await Promise.all([...sleepers.map((name) => asleep(served, name)), mayNotPoll(served, folder)])
    log('fell asleep over streams of another process; woke and stayed awake without the right to poll them')
    const [first, second] = sleepers as [string, string]
    log(`woken by a record: processed after ${await wakeMs(node, first)} ms`)
    await allProcessed(node, first, 101)
    await streams.kill()
    await sleep(3_000)
    await sleeps(node, second)
    await streams.start()
    log(`the streams were killed and started: it still sleeps; processed after ${await wakeMs(node, second)} ms`)
    await allProcessed(node, second, 101)
  } catch (error) {
    for (const name of [...sleepers, fanOut]) log(`${name}: ${node === undefined ? '' : lastWords(node, name)}`)
    throw error
  } finally {
    await node?.end('SIGKILL')
    await streams.kill()
    restoreEnvironment()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** Live, 1 → 2 → 1. */
async function rescaled(node: StreamCountsNode, log: (line: string) => void): Promise<void> {
  await node.deploy('rescaled', { autoScaling: false })
  const load = new Load(node, 'rescaled')
  for (const parallelism of [2, 1]) {
    await sleep(4_000)
    const fromMs = Date.now()
    await putParallelism(node, 'rescaled', parallelism)
    await waitFor(async () => (await node.described('rescaled')).status === 'RUNNING', 'it to run again', 10)
    assert.equal((await node.described('rescaled')).parallelism, parallelism)
    await sleep(2_000)
    log(`rescaled to ${parallelism} under load: gap ${longestGapMs(node.printed('rescaled'), fromMs)} ms`)
  }
  const sent = await load.end()
  await allProcessed(node, 'rescaled', sent)
  const { vertices } = await flink(node, 'rescaled', 'GET', `/jobs/${await jobId(node, 'rescaled')}`)
  assert.ok(vertices.every((vertex: { parallelism: number }) => vertex.parallelism === 1))
}

/** A subtask can do 250 a second, and 400 come. */
async function scaledByBacklog(node: StreamCountsNode, log: (line: string) => void): Promise<void> {
  const scaling = {
    'scaling.policy': 'backlog',
    'scaling.max-parallelism': '2',
    'scaling.max-backlog-seconds': '2',
    'scaling.cooldown-seconds': '10',
  }
  await node.deploy('behind', { scaling, holdMs: 4 })
  const beganMs = performance.now()
  const load = new Load(node, 'behind')
  await waitFor(async () => (await node.described('behind')).parallelism === 2, 'the rise', 200)
  log(`scaled up by its backlog after ${((performance.now() - beganMs) / 1000).toFixed(0)} s of load`)
  await waitFor(async () => (await node.described('behind')).status === 'RUNNING', 'it to run again')
  const told = await node.millrace('logs', 'behind', '--search', 'parallelism changes')
  assert.match(told, /parallelism changes/)
  await allProcessed(node, 'behind', await load.end())
}

async function asleep(node: StreamCountsNode, name: string): Promise<void> {
  await fallsAsleep(node, name)
  await sleeps(node, name)
}

async function fallsAsleep(node: StreamCountsNode, name: string, settings: CountsSettings = {}): Promise<void> {
  await node.deploy(name, { ...settings, scaling: { 'hibernate.after-minutes': '1' } })
  await node.put(name, 0, 100)
  await allProcessed(node, name, 100)
  await waitFor(() => said(node, name, 'hibernates') === 1, 'it to fall asleep', 200)
}

/** Fan-out needs no right to GetRecords: what only it may use wakes, stays awake and says why. */
async function mayNotPoll(node: StreamCountsNode, folder: string): Promise<void> {
  const actions = ['kinesis:Describe*', 'kinesis:List*', 'kinesis:*Consumer', 'kinesis:SubscribeToShard']
  const policy = join(folder, 'fan-out.json')
  const statement = { Effect: 'Allow', Action: actions, Resource: '*' }
  writeFileSync(policy, JSON.stringify({ Version: '2012-10-17', Statement: [statement] }))
  await node.millrace('access', 'roles', 'create', fanOut)
  await node.millrace('access', 'policies', 'put', 'read', policy, '--role', fanOut)
  // The process with the streams hears of it within a second.
  await sleep(2_000)
  await fallsAsleep(node, fanOut, { role: fanOut, reader: 'fan-out' })
  await waitFor(() => said(node, fanOut, 'not hibernated') === 1, 'it to be refused', 200)
  await node.put(fanOut, 100, 10)
  await allProcessed(node, fanOut, 110)
  assert.match(await node.millrace('logs', fanOut, '--search', 'not hibernated'), /AccessDenied/)
}

async function sleeps(node: StreamCountsNode, name: string): Promise<void> {
  assert.deepEqual(node.processesOf(name), [])
  assert.equal((await node.described(name)).status, 'RUNNING')
  assert.equal((await flink(node, name, 'GET', '/jobs')).jobs[0].status, 'SUSPENDED')
}

/** One by a record, the other by a record after the service was killed and started again. */
async function woken(node: StreamCountsNode, log: (line: string) => void): Promise<void> {
  const [first, second] = sleepers as [string, string]
  log(`woken by a record: processed after ${await wakeMs(node, first)} ms`)
  await allProcessed(node, first, 101)
  await node.end('SIGKILL')
  await node.start()
  await sleep(5_000)
  await sleeps(node, second)
  log(`the service was killed and started: it still sleeps; processed after ${await wakeMs(node, second)} ms`)
  await allProcessed(node, second, 101)
}

/** From the put of record 100 to its line in the log. */
async function wakeMs(node: StreamCountsNode, name: string): Promise<number> {
  const putMs = Date.now()
  await node.put(name, 100, 1)
  const line = (): Printed | undefined => node.printed(name).find(({ number }) => number === 100)
  await waitFor(() => line() !== undefined, 'the record', 20)
  return (line() as Printed).atMs - putMs
}

/** Each record once, the counts of each key without a gap. */
async function allProcessed(node: StreamCountsNode, name: string, sent: number): Promise<void> {
  await waitFor(() => node.printed(name).length >= sent, `${name} to process all`, 200)
  const counts = new Map<string, number[]>()
  for (const { key, count } of node.printed(name)) counts.set(key, [...(counts.get(key) ?? []), count])
  for (const [key, list] of counts) {
    assert.deepEqual(
      list,
      Array.from({ length: list.length }, (_, i) => i + 1),
      `${name}: ${key}`,
    )
  }
  const numbers = node.printed(name).map(({ number }) => number)
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    Array.from({ length: sent }, (_, i) => i),
    name,
  )
}

function longestGapMs(printed: readonly Printed[], fromMs: number): number {
  const times = printed.map(({ atMs }) => atMs)
  return Math.max(...times.map((atMs, i) => (atMs < fromMs ? 0 : atMs - (times[i - 1] ?? atMs))))
}

async function putParallelism(node: StreamCountsNode, name: string, upperBound: number): Promise<void> {
  const path = `/jobs/${await jobId(node, name)}/resource-requirements`
  const requirements = await flink(node, name, 'GET', path)
  const body = Object.keys(requirements).map((id) => [id, { parallelism: { lowerBound: 1, upperBound } }])
  await flink(node, name, 'PUT', path, Object.fromEntries(body))
}

async function jobId(node: StreamCountsNode, name: string): Promise<string> {
  return (await flink(node, name, 'GET', '/jobs')).jobs[0].id
}

async function flink(node: StreamCountsNode, name: string, method: string, path: string, body?: object) {
  const signer = { url: node.url, ...node.credentials }
  const text = body === undefined ? '' : JSON.stringify(body)
  const answer = await signedRequest(signer, method, `/apps/${name}/flink${path}`, text)
  assert.equal(answer.status, 200, answer.text)
  return answer.json
}

function lastWords(node: StreamCountsNode, name: string): string {
  const lines = node.logOf(name).filter(({ logger }) => logger !== 'stdout')
  return lines.map(({ timestamp, message }) => `\n  ${timestamp} ${message}`).join('')
}

function said(node: StreamCountsNode, name: string, what: string): number {
  return node.logOf(name).filter(({ logger, message }) => logger === 'service' && message.startsWith(what)).length
}

/** Puts numbered records evenly. */
class Load {
  #sent = 0
  #isOver = false
  readonly #putting: Promise<void>

  constructor(node: StreamCountsNode, stream: string) {
    this.#putting = this.#put(node, stream)
    this.#putting.catch(() => {})
  }

  /** Ends it and answers with how many were put. */
  async end(): Promise<number> {
    this.#isOver = true
    await this.#putting
    return this.#sent
  }

  async #put(node: StreamCountsNode, stream: string): Promise<void> {
    for (let dueMs = performance.now(); !this.#isOver; dueMs += PUT_EVERY_MS) {
      await sleep(Math.max(0, dueMs - performance.now()))
      await node.put(stream, this.#sent, BATCH)
      this.#sent += BATCH
    }
  }
}
