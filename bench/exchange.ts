/**
 * The exchange alone: what it costs to send transactions (7 fields, 3 of them strings) to another thread, and how long
 * they are under way when two subtasks on two threads shuffle 50,000 a second by key.
 */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { allocateDoorbells } from '../packages/engine/src/runtime/exchange/doorbell.ts'
import { allocateLink } from '../packages/engine/src/runtime/exchange/thread-link.ts'
import type { ExchangeTask, ExchangeThread, ShuffleLatencies } from './exchange-worker.ts'
import type { Report } from './figures.ts'

const BENCH = 'exchange'

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

  report(report: Report, metric: string, bars: { readonly p50?: number; readonly p99?: number }): void {
    for (const p of ['p50', 'p99', 'p999'] as const) {
      const bar = p === 'p999' ? undefined : bars[p]
      const values = this.#runs.map((each) => each[p])
      report({ bench: BENCH, metric: `${metric} ${p}`, unit: 'ms', values, ...(bar === undefined ? {} : { bar }) })
    }
  }
}

function percentile(sorted: Float64Array, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] as number
}

const RECORDS = 3_000_000

/** Throughput first, then latency. */
export async function run(report: Report, runs: number): Promise<void> {
  const script = await bundleWorker()
  const acrossMs: number[] = []
  const withinMs: number[] = []
  for (let i = 0; i <= runs; i++) {
    const kind = 'throughput'
    const across = await runThreads(script, [
      { kind, role: 'produce', records: RECORDS },
      { kind, role: 'consume', records: RECORDS },
    ])
    const within = await runThreads(script, [{ kind, role: 'both', records: RECORDS }])
    if (i === 0) continue
    acrossMs.push(across.cpuMs)
    withinMs.push(within.cpuMs)
  }
  const perSecond = (cpuMs: number): number => RECORDS / 1000 / cpuMs
  report({ bench: BENCH, metric: 'across threads', unit: 'M records/CPU-s', values: acrossMs.map(perSecond) })
  report({ bench: BENCH, metric: 'within a thread', unit: 'M records/CPU-s', values: withinMs.map(perSecond) })
  const extraNs = acrossMs.map((cpuMs, i) => ((cpuMs - (withinMs[i] as number)) / RECORDS) * 1e6)
  report({ bench: BENCH, metric: 'extra of crossing', unit: 'ns/record', values: extraNs })

  const cpuPercents: number[] = []
  const sinceDue = new LatencyFigures()
  const sinceEmitted = new LatencyFigures()
  for (let i = 0; i < runs; i++) {
    const seconds = 8
    const task: ExchangeTask = { kind: 'latency', recordsPerSecond: 25_000, seconds, warmUpSeconds: 2 }
    const { results, cpuMs } = await runThreads<ShuffleLatencies>(script, [task, task])
    sinceDue.add(results.flatMap((result) => result.sinceDueMs))
    sinceEmitted.add(results.flatMap((result) => result.sinceEmittedMs))
    cpuPercents.push((cpuMs / 1000 / seconds) * 100)
  }
  sinceDue.report(report, 'keyed 2x2 at 50,000/s, due to read,', { p50: 1, p99: 3 })
  sinceEmitted.report(report, 'keyed 2x2 at 50,000/s, emitted to read,', {})
  report({ bench: BENCH, metric: 'keyed 2x2 at 50,000/s, processor', unit: '% of a core', values: cpuPercents })
}
