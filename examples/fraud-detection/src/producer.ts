import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { BLOCK, generate } from './generator.ts'
import { AlertReceiver } from './producer/alert-receiver.ts'
import { type HttpProtocol, isFatal, StreamClient, TopicClient } from './producer/aws.ts'
import { Journal } from './producer/journal.ts'
import { Bounded, Latencies } from './producer/latencies.ts'
import { PutPipeline } from './producer/put-pipeline.ts'

/*
 * Puts transactions into a stream and receives the alerts for them, on one clock. A process of its own: what it is told
 * and tells is described in README.md beside.
 */

const { values: options } = parseArgs({
  options: {
    stream: { type: 'string', default: 'transactions' },
    topic: { type: 'string' },
    endpoint: { type: 'string' },
    'http-protocol': { type: 'string', default: 'http2' },
    transactions: { type: 'string' },
    rate: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    journal: { type: 'string' },
    listen: { type: 'string', default: '127.0.0.1:0' },
    control: { type: 'boolean', default: false },
  },
})

interface Command {
  readonly command: 'start' | 'stop' | 'finish'
  /** With `finish`: how many distinct alerts to wait for, and how long. */
  readonly alerts?: number
  readonly timeoutMs?: number
}

const WARM_UP_MS = 5000
const PROGRESS_MS = 1000
const CONFIRMATION_MS = 10_000

const now = () => performance.now()
const tell = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function whole(name: 'transactions' | 'rate' | 'seed' | 'first'): number {
  const value = Number(options[name])
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} must be a whole number`)
  return value
}

function httpProtocol(): HttpProtocol {
  const protocol = options['http-protocol']
  if (protocol !== 'http1.1' && protocol !== 'http2') throw new Error('--http-protocol must be http2 or http1.1')
  return protocol
}

const address = {
  ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  region: process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
}
if (whole('rate') === 0) throw new Error('--rate must be 1 or more')
const first = Math.ceil(whole('first') / BLOCK) * BLOCK
const latencies = new Latencies()
const alertIds = new Bounded<true>(200_000)
const positions: Record<string, string> = {}
let alerts = 0
let repeatedAlerts = 0
let planted = 0
let next = first

const journal = options.journal === undefined ? undefined : new Journal(options.journal)
const stream = new StreamClient(options.stream, address, httpProtocol())
const pipeline = new PutPipeline(
  {
    records: generate({
      seed: whole('seed'),
      first,
      ...(options.transactions === undefined ? {} : { transactions: whole('transactions') }),
    }),
    put: (records) => stream.put(records),
    isFatal,
    onAcknowledged: (acknowledgement) => {
      const { record, shard, sequenceNumber, atMs } = acknowledgement
      journal?.add(acknowledgement)
      latencies.acknowledged(`${shard}:${sequenceNumber}`, atMs)
      if (BigInt(sequenceNumber) > BigInt(positions[shard] ?? 0)) positions[shard] = sequenceNumber
      if (record.plants !== undefined) planted++
      next = Math.max(next, record.index + 1)
    },
    clock: systemClock,
    scheduler: systemScheduler,
    random: systemRandom,
  },
  whole('rate'),
)

const topic = options.topic === undefined ? undefined : new TopicClient(options.topic, address)
const receiver = new AlertReceiver({
  now,
  onAlert: ({ id, atMs }) => {
    if (alertIds.has(id)) {
      repeatedAlerts++
      return
    }
    alertIds.set(id, true)
    alerts++
    if (alerts === 1) tell({ type: 'first-alert' })
    latencies.alerted(id, atMs)
  },
  onConfirmation: (topicArn, token) => {
    topic?.confirm(topicArn, token).catch((error: unknown) => fail(error))
  },
})

function figures(fromMs: number) {
  const { sent, acknowledged, throttled, repeated } = pipeline
  const { samples, ...latencyMs } = latencies.percentiles(fromMs)
  return { sent, acknowledged, throttled, repeated, alerts, repeatedAlerts, planted, latencyMs, samples }
}

function fail(error: unknown): never {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  tell({ type: 'failed', error: `${name}: ${message}` })
  process.exit(1)
}

/** Commands in the order they come; the end of input means that the parent is gone. */
async function* commandsOf(input: NodeJS.ReadableStream): AsyncGenerator<Command, void> {
  for await (const line of createInterface({ input })) if (line !== '') yield JSON.parse(line) as Command
}

async function waitForAlerts(wanted: number, timeoutMs: number): Promise<void> {
  const untilMs = now() + timeoutMs
  while (alerts < wanted && now() < untilMs) await sleep(20)
}

async function main(): Promise<void> {
  const [host = '127.0.0.1', port = '0'] = options.listen.split(':')
  const url = await receiver.listen(host, Number(port))
  if (topic !== undefined) {
    const late = setTimeout(() => fail(new Error(`SNS didn't ask ${url} to confirm its subscription`)), CONFIRMATION_MS)
    await topic.subscribe(url)
    clearTimeout(late)
  }

  let start = () => {}
  let finish: (command: Command) => void = () => {}
  const started = new Promise<void>((resolve) => {
    start = resolve
  })
  const finished = new Promise<Command>((resolve) => {
    finish = resolve
  })
  if (options.control) void obey(start, finish)
  else start()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => pipeline.stop())
  tell({ type: 'ready', url, first })

  await started
  const startedMs = now()
  const progress = setInterval(() => tell({ type: 'progress', ...figures(now() - WARM_UP_MS) }), PROGRESS_MS)
  await pipeline.run()
  tell({ type: 'acknowledged', sent: pipeline.sent, acknowledged: pipeline.acknowledged, positions })

  const { alerts: wanted = 0, timeoutMs = 10_000 } = options.control
    ? await finished
    : { alerts: undefined, timeoutMs: 0 }
  if (options.control) await waitForAlerts(wanted, timeoutMs)
  else await sleep(2000)
  clearInterval(progress)
  await journal?.close()
  await topic?.close().catch(() => {})
  await receiver.close()
  stream.close()
  const warm = figures(startedMs + WARM_UP_MS)
  const summary = warm.samples > 0 ? warm : figures(startedMs)
  const seconds = Math.round((now() - startedMs) / 100) / 10
  tell({ type: 'summary', ...summary, positions, next: Math.ceil(next / BLOCK) * BLOCK, seconds })
}

async function obey(start: () => void, finish: (command: Command) => void): Promise<void> {
  let isFinishing = false
  for await (const command of commandsOf(process.stdin)) {
    if (command.command === 'start') start()
    else if (command.command === 'stop') pipeline.stop()
    else {
      isFinishing = true
      pipeline.stop()
      start()
      finish(command)
    }
  }
  if (!isFinishing) process.exit(1)
}

main().then(() => process.exit(0), fail)
