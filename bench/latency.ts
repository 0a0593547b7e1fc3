import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, type Report, say } from './figures.ts'
import { findFlinkPeer, type PeerLatency } from './flink-peer.ts'
import type { LatencyBuckets } from './latency-application.ts'
import { runApplication } from './run-application.ts'

const BENCH = 'latency'
const EVENTS_PER_SECOND = 50_000
const WARM_UP_SECONDS = 5
const MEASURED_SECONDS = 10
/** The engine's own bars in ms. */
const BARS = { p50: 1, p99: 3 } as const
/** Flink's network buffer time-outs that are compared with, in ms; 100 is its default. */
const FLINK_BUFFER_TIMEOUTS_MS = [100, 1, 0] as const

interface OwnRun extends PeerLatency {
  /** Measured ones. */
  readonly records: number
  readonly cpuSeconds: number
}

/**
 * How long a record takes through a keyed exchange, from its emission by the source to the sink, at default settings:
 * 50,000 Nexmark events a second, two threads. Where Java and the peer are found, real Flink does the same in turns.
 */
export async function run(report: Report, runs: number): Promise<void> {
  const events = EVENTS_PER_SECOND * (WARM_UP_SECONDS + MEASURED_SECONDS)
  const flink = findFlinkPeer()
  if (typeof flink === 'string') say(`${BENCH}: without Flink: ${flink}`)
  const own: OwnRun[] = []
  const peers = new Map<number, PeerLatency[]>(FLINK_BUFFER_TIMEOUTS_MS.map((timeoutMs) => [timeoutMs, []]))
  for (let i = 1; i <= runs; i++) {
    own.push(await runOwn(events))
    say(`${BENCH}: run ${i} of ${runs}: p50 ${own.at(-1)!.p50} ms, p99 ${own.at(-1)!.p99} ms`)
    if (typeof flink === 'string') continue
    for (const [timeoutMs, measured] of peers) {
      measured.push(await flink.latency({ eventsPerSecond: EVENTS_PER_SECOND, events, bufferTimeoutMs: timeoutMs }))
      say(`${BENCH}: Flink at ${timeoutMs} ms: p50 ${measured.at(-1)!.p50} ms, p99 ${measured.at(-1)!.p99} ms`)
    }
  }
  for (const p of ['p50', 'p99', 'p999'] as const) {
    const bar = p === 'p999' ? {} : { bar: BARS[p] }
    const details = { recordsPerSecond: Math.round(median(own.map(({ records }) => records)) / MEASURED_SECONDS) }
    report({
      bench: BENCH,
      metric: `keyed exchange ${p}`,
      unit: 'ms',
      values: own.map((each) => each[p]),
      ...bar,
      details,
    })
  }
  const cores = own.map(({ cpuSeconds }) => (100 * cpuSeconds) / (WARM_UP_SECONDS + MEASURED_SECONDS))
  report({ bench: BENCH, metric: 'processor, with start-up', unit: '% of a core', values: cores })
  if (typeof flink === 'string') return
  for (const [timeoutMs, measured] of peers) {
    for (const p of ['p50', 'p99', 'p999'] as const) {
      const metric = `Flink, buffer time-out ${timeoutMs} ms, ${p}`
      report({ bench: BENCH, metric, unit: 'ms', values: measured.map((each) => each[p]) })
    }
  }
  for (const p of ['p50', 'p99'] as const) {
    const flinkMs = median(peers.get(1)!.map((each) => each[p]))
    const metric = `keyed exchange ${p} to Flink's at 1 ms`
    report({ bench: BENCH, metric, unit: 'ratio', values: own.map((each) => each[p] / flinkMs) })
  }
}

async function runOwn(events: number): Promise<OwnRun> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    const { cpuSeconds } = await runApplication({
      application: fileURLToPath(new URL('latency-application.ts', import.meta.url)),
      directory: join(folder, 'application'),
      args: [folder, String(events), String(WARM_UP_SECONDS * 1000)],
      parallelism: 2,
      threads: 2,
    })
    const counts = new Float64Array(200_000)
    for (const subtask of [0, 1]) {
      const buckets = JSON.parse(readFileSync(join(folder, `latency-${subtask}.json`), 'utf8')) as LatencyBuckets
      for (const [i, count] of buckets.counts.entries()) counts[i]! += count
    }
    const records = counts.reduce((sum, count) => sum + count, 0)
    return {
      records,
      p50: percentile(counts, 0.5),
      p99: percentile(counts, 0.99),
      p999: percentile(counts, 0.999),
      cpuSeconds,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Upper end of the bucket that holds the percentile, in ms. */
function percentile(counts: Float64Array, share: number): number {
  const wanted = Math.ceil(share * counts.reduce((sum, count) => sum + count, 0))
  let seen = 0
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i] as number
    if (seen >= wanted) return (i + 1) / 100
  }
  return Number.NaN
}
