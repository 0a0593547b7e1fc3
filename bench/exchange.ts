/**
 * The exchange alone: what it costs to send transactions (7 fields, 3 of them strings) to another thread, and how long
 * they are under way when two subtasks on two threads shuffle 50,000 a second by key. One JSON line a figure.
 *
 * npx tsx --conditions=millrace-source bench/exchange.ts
 */
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { allocateDoorbells } from '../packages/engine/src/runtime/exchange/doorbell.ts'
import { allocateLink } from '../packages/engine/src/runtime/exchange/thread-link.ts'
import type { ExchangeTask, ExchangeThread, ShuffleLatencies } from './exchange-worker.ts'

const runs = 3

interface Figure {
  readonly metric: string
  readonly unit: string
  /** One value a run. */
  readonly values: readonly number[]
  /** The value must be below. */
  readonly bar?: number
}

function print({ metric, unit, values, bar }: Figure): void {
  const sorted = [...values].sort((a, b) => a - b)
  const value = round(sorted[sorted.length >> 1] as number)
  const spread = [round(sorted[0] as number), round(sorted.at(-1) as number)]
  const meets = bar === undefined || value < bar
  const load = round(loadavg()[0] as number)
  console.log(JSON.stringify({ bench: 'exchange', metric, unit, value, bar: bar ?? null, meets, spread, load }))
}

const round = (value: number): number => Number(value.toPrecision(3))

async function bundleWorker(): Promise<URL> {
  const entry = fileURLToPath(new URL('exchange-worker.ts', import.meta.url))
  const bundle = await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', write: false })
  return new URL(`data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0]!.contents).toString('base64')}`)
}

/** Runs the tasks side by side, linked with each other; answers what each found and the processor time of all, in ms. */
async function runThreads<R>(script: URL, tasks: readonly ExchangeTask[]): Promise<{ results: R[]; cpuMs: number }> {
  const doorbells = allocateDoorbells(2)
  const links = [0, 1].map(() => allocateLink({ ringBytes: 256 * 1024, creditBytes: 256 * 1024, channelIds: [0] }))
  const workers = tasks.map((task, me) => {
    const workerData: ExchangeThread = {
      me: me as 0 | 1,
      doorbells,
      outgoing: links[me]!,
      incoming: links[1 - me]!,
      task,
    }
    return new Worker(script, { workerData })
  })
  const next = (worker: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  await Promise.all(workers.map(next))
  const before = process.cpuUsage()
  const results = workers.map(next)
  for (const worker of workers) worker.postMessage('go')
  const done = (await Promise.all(results)) as R[]
  const { user, system } = process.cpuUsage(before)
  await Promise.all(workers.map((worker) => worker.terminate()))
  return { results: done, cpuMs: (user + system) / 1000 }
}

class LatencyFigures {
  readonly #runs: { readonly p50: number; readonly p99: number; readonly p999: number }[] = []

  add(latenciesMs: readonly number[]): void {
    const sorted = new Float64Array(latenciesMs).sort()
    this.#runs.push({ p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), p999: percentile(sorted, 0.999) })
  }

  print(metric: string, bars: { readonly p50?: number; readonly p99?: number; readonly p999?: number }): void {
    for (const p of ['p50', 'p99', 'p999'] as const) {
      const bar = bars[p]
      const values = this.#runs.map((each) => each[p])
      print({ metric: `${metric} ${p}`, unit: 'ms', values, ...(bar === undefined ? {} : { bar }) })
    }
  }
}

function percentile(sorted: Float64Array, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] as number
}

const script = await bundleWorker()
const records = 3_000_000
const acrossMs: number[] = []
const withinMs: number[] = []
for (let run = 0; run <= runs; run++) {
  const kind = 'throughput'
  const across = await runThreads(script, [
    { kind, role: 'produce', records },
    { kind, role: 'consume', records },
  ])
  const within = await runThreads(script, [{ kind, role: 'both', records }])
  if (run === 0) continue
  acrossMs.push(across.cpuMs)
  withinMs.push(within.cpuMs)
}
const perSecond = (cpuMs: number): number => records / 1000 / cpuMs
print({ metric: 'across threads', unit: 'M records/CPU-s', values: acrossMs.map(perSecond) })
print({ metric: 'within a thread', unit: 'M records/CPU-s', values: withinMs.map(perSecond) })
const extraNs = acrossMs.map((cpuMs, i) => ((cpuMs - (withinMs[i] as number)) / records) * 1e6)
print({ metric: 'extra of crossing', unit: 'ns/record', values: extraNs })

const cpuPercents: number[] = []
const sinceDue = new LatencyFigures()
const sinceEmitted = new LatencyFigures()
for (let run = 0; run < runs; run++) {
  const seconds = 8
  const task: ExchangeTask = { kind: 'latency', recordsPerSecond: 25_000, seconds, warmUpSeconds: 2 }
  const { results, cpuMs } = await runThreads<ShuffleLatencies>(script, [task, task])
  sinceDue.add(results.flatMap((result) => result.sinceDueMs))
  sinceEmitted.add(results.flatMap((result) => result.sinceEmittedMs))
  cpuPercents.push((cpuMs / 1000 / seconds) * 100)
}
sinceDue.print('keyed 2x2 at 50,000/s, due to read,', { p50: 1, p99: 3 })
sinceEmitted.print('keyed 2x2 at 50,000/s, emitted to read,', {})
print({ metric: 'keyed 2x2 at 50,000/s, processor', unit: '% of a core', values: cpuPercents })
