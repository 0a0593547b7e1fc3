import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { seededRandom } from '@millrace/engine/spi'
import { FraudRun } from '../../examples/fraud-detection/src/start/fraud-run.ts'
import { isGood, runResult } from '../../examples/fraud-detection/src/start/result.ts'

/*
 * Kills real processes and threads under the fraud application, at seeded random moments, and compares what came of it.
 *
 *   npm run chaos -- --kills 20 --transactions 200000 [--rate 2000] [--seed 7] [--dir DIR] [--json]
 */
const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    transactions: { type: 'string', default: '200000' },
    rate: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    source: { type: 'string', default: 'fan-out' },
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

type Victim = 'application' | 'thread' | 'endpoint'
const victims: readonly Victim[] = ['application', 'thread', 'endpoint']
const threadOrders = ['exit', 'throw', 'heap'] as const

const kills = Number(options.kills)
const seed = options.seed === undefined ? Date.now() % 1_000_000 : Number(options.seed)
const random = seededRandom(seed)
const transactions = Number(options.transactions)
const rate = Number(options.rate)
const threads = 2
/** The kills are spread over the time of the run, with room for recovery. */
const longestPauseMs = Math.max(500, (transactions / rate / Math.max(kills, 1)) * 1000)
const RECOVERY_TIMEOUT_MS = 120_000

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

function directory(): string {
  if (options.dir !== undefined) return resolve(options.dir)
  mkdirSync('.millrace/runs', { recursive: true, mode: 0o700 })
  return mkdtempSync(join(resolve('.millrace/runs'), 'chaos-'))
}

const dir = directory()
let checkpointsSinceKill = 0
let runningSinceKill = true
let progress = 'nothing yet'
const run = new FraudRun(
  {
    dir,
    transactions,
    rate,
    seed,
    port: 0,
    source: options.source === 'polling' ? 'polling' : 'fan-out',
    parallelism: 2,
    threads,
    checkpointIntervalMs: 1000,
    throttling: true,
    endpoint: undefined,
    output: undefined,
    application: fileURLToPath(new URL('./disturbed-application.ts', import.meta.url)),
    nodeArguments: ['--max-old-space-size=160'],
  },
  {
    onRunning: () => {
      runningSinceKill = true
    },
    onCheckpoint: () => {
      if (runningSinceKill) checkpointsSinceKill++
    },
    onProgress: ({ acknowledged, alerts }) => {
      progress = `${acknowledged} acknowledged, ${alerts} alerts, ${run.checkpoints} checkpoints, ${run.restarts} restarts`
    },
    onNote: say,
  },
)

/** The application runs and has completed a checkpoint since the last kill. */
async function recovered(): Promise<void> {
  const untilMs = performance.now() + RECOVERY_TIMEOUT_MS
  while (checkpointsSinceKill === 0) {
    if (performance.now() > untilMs) throw new Error(`no checkpoint within ${RECOVERY_TIMEOUT_MS} ms of the last kill`)
    await Promise.race([sleep(20), run.failure])
  }
}

function kill(victim: Victim): string {
  checkpointsSinceKill = 0
  if (victim === 'endpoint') {
    run.killEndpoint()
    return victim
  }
  runningSinceKill = false
  if (victim === 'application') {
    run.application?.kill()
    return victim
  }
  const order = threadOrders[random.int(0, threadOrders.length - 1)] as string
  const file = join(dir, `chaos-thread-${random.int(0, threads - 1)}`)
  writeFileSync(`${file}.new`, order)
  renameSync(`${file}.new`, file)
  return `${victim} (${order})`
}

async function main(): Promise<void> {
  const killsBy: Record<Victim, number> = { application: 0, thread: 0, endpoint: 0 }
  say(`seed ${seed}: ${kills} kills under ${transactions} transactions at ${rate}/s, in ${dir}`)
  const startedMs = performance.now()
  await run.start()
  for (let i = 1; i <= kills; i++) {
    await recovered()
    await Promise.race([sleep(random.next() * longestPauseMs * 0.6), run.failure])
    const victim = victims[random.int(0, victims.length - 1)] as Victim
    killsBy[victim]++
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    say(`${seconds} s: kill ${i} of ${kills}: ${kill(victim)}; ${progress}`)
  }
  await recovered()
  await run.processed()
  await run.stopApplication(true)
  const producer = await run.finishProducer(30_000)
  const result = { ...runResult(run, producer, await run.oracle()), kills, killsBy, seed }
  const good = isGood(result) && result.acknowledged === transactions && result.alerts === result.flagged
  process.exitCode = good ? 0 : 1
  process.stdout.write(`${JSON.stringify(result, null, options.json ? 0 : 2)}\n`)
}

main()
  .catch((error: Error) => {
    say(error.message)
    process.exitCode = 1
  })
  .finally(() => run.close().finally(() => process.exit()))
