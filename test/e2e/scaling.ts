import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { signedRequest } from '../../packages/service/src/monitoring/flink/signed-request-fixture.ts'
import { millrace } from './millrace-command.ts'
import { type Printed, StreamCountsNode, waitFor } from './stream-counts-node.ts'

const application = fileURLToPath(new URL('./applications/stream-counts.ts', import.meta.url))
/** Records of a put, and the time between two: 400 a second. */
const BATCH = 20
const PUT_EVERY_MS = 50
const sleepers = ['sleeper', 'long-sleeper']

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
  await node.deploy(name, { scaling: { 'hibernate.after-minutes': '1' } })
  await node.put(name, 0, 100)
  await allProcessed(node, name, 100)
  await waitFor(() => said(node, name, 'hibernates') === 1, 'it to fall asleep', 200)
  await sleeps(node, name)
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
