import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { FraudRun } from '../examples/fraud-detection/src/start/fraud-run.ts'
import { type Report, say } from './figures.ts'
import { cpuSecondsOf, pssMbOf } from './process-usage.ts'

const BENCH = 'fraud'
const TRANSACTIONS_PER_SECOND = 2000
/** The producer leaves the first five out. */
const SECONDS = { 'fan-out': 40, polling: 15 } as const
const SAMPLE_MS = 1000
const START_SCRIPT = fileURLToPath(new URL('../scripts/start.mjs', import.meta.url))
const FIRST_ALERT_TIMEOUT_MS = 60_000

interface FraudFigures {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly peakPssMb: number | undefined
  readonly corePercent: number | undefined
}

/**
 * The fraud application with everything around it, at 2,000 transactions a second over 10,000 cards and a checkpoint a
 * second: how long from the stream's acknowledgement of a transaction to the alert for it, the memory of the
 * application's process, and how long from nothing to the first alert.
 */
export async function run(report: Report, runs: number): Promise<void> {
  const fanOut: FraudFigures[] = []
  const polling: FraudFigures[] = []
  const firstAlertSeconds: number[] = []
  for (let i = 1; i <= runs; i++) {
    fanOut.push(await measure('fan-out'))
    say(`${BENCH}: run ${i} of ${runs}: fan-out: ${JSON.stringify(fanOut.at(-1))}`)
    polling.push(await measure('polling'))
    say(`${BENCH}: run ${i} of ${runs}: polling: ${JSON.stringify(polling.at(-1))}`)
    firstAlertSeconds.push(await secondsToFirstAlert())
    say(`${BENCH}: run ${i} of ${runs}: first alert after ${firstAlertSeconds.at(-1)} s`)
  }
  const latency = (metric: string, values: readonly number[], bar?: number): void =>
    report({ bench: BENCH, metric, unit: 'ms', values, ...(bar === undefined ? {} : { bar }) })
  const known = (values: readonly (number | undefined)[]): number[] => values.filter((value) => value !== undefined)
  latency(
    'fan-out, acknowledgement to alert, p50',
    fanOut.map(({ p50 }) => p50),
    6,
  )
  latency(
    'fan-out, acknowledgement to alert, p99',
    fanOut.map(({ p99 }) => p99),
    40,
  )
  latency(
    'fan-out, acknowledgement to alert, p999',
    fanOut.map(({ p999 }) => p999),
  )
  latency(
    'polling, acknowledgement to alert, p50',
    polling.map(({ p50 }) => p50),
  )
  latency(
    'polling, acknowledgement to alert, p99',
    polling.map(({ p99 }) => p99),
  )
  const pss = known(fanOut.map(({ peakPssMb }) => peakPssMb))
  if (pss.length > 0) report({ bench: BENCH, metric: 'peak PSS of the application', unit: 'MB', values: pss, bar: 300 })
  const cores = known(fanOut.map(({ corePercent }) => corePercent))
  if (cores.length > 0) {
    report({ bench: BENCH, metric: 'processor of the application', unit: '% of a core', values: cores })
  }
  report({ bench: BENCH, metric: 'npm start to the first alert', unit: 's', values: firstAlertSeconds, bar: 5 })
}

async function measure(source: 'fan-out' | 'polling'): Promise<FraudFigures> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const fraud = new FraudRun({
    dir,
    source,
    transactions: TRANSACTIONS_PER_SECOND * SECONDS[source],
    rate: TRANSACTIONS_PER_SECOND,
    seed: 1,
    port: 0,
    parallelism: 2,
    threads: 2,
    checkpointIntervalMs: 1000,
    throttling: true,
    endpoint: undefined,
    output: undefined,
  })
  let peakPssMb: number | undefined
  let cpuSeconds: number | undefined
  const startedMs = performance.now()
  const sampling = setInterval(() => {
    const pid = fraud.application?.pid
    const pssMb = pssMbOf(pid)
    if (pssMb !== undefined) peakPssMb = Math.max(peakPssMb ?? 0, pssMb)
    cpuSeconds = cpuSecondsOf(pid) ?? cpuSeconds
  }, SAMPLE_MS)
  try {
    await Promise.race([fraud.start(), fraud.failure])
    await fraud.processed()
    clearInterval(sampling)
    const seconds = (performance.now() - startedMs) / 1000
    await fraud.stopApplication(true)
    const { latencyMs } = await fraud.finishProducer()
    return {
      p50: latencyMs.p50 ?? Number.NaN,
      p99: latencyMs.p99 ?? Number.NaN,
      p999: latencyMs.p999 ?? Number.NaN,
      peakPssMb,
      corePercent: cpuSeconds === undefined ? undefined : (100 * cpuSeconds) / seconds,
    }
  } finally {
    clearInterval(sampling)
    await fraud.close()
    rmSync(dir, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** `npm start` with an empty directory in a built checkout, without npm's own start-up. */
async function secondsToFirstAlert(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const startedMs = performance.now()
  const child = spawn(process.execPath, [START_SCRIPT, '--dir', dir, '--port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let told = ''
  try {
    return await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no alert came:\n${told}`)), FIRST_ALERT_TIMEOUT_MS)
      createInterface({ input: child.stderr }).on('line', (line) => {
        told += `${line}\n`
        if (!line.includes('first alert')) return
        clearTimeout(timer)
        resolve((performance.now() - startedMs) / 1000)
      })
      void exited.then(() => reject(new Error(`it ended before the first alert:\n${told}`)))
    })
  } finally {
    // Twice: at once, without a savepoint.
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGTERM'), 200)
    await exited
    rmSync(dir, { recursive: true, force: true, maxRetries: 10 })
  }
}
