import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Mark, WARM_UP_SHARE } from './engine-application.ts'
import { median, type Report, say } from './figures.ts'
import { runApplication } from './run-application.ts'

const BENCH = 'engine'
const KINDS = [
  { kind: 'count', title: 'map, filter, keyBy, count', records: 8_000_000 },
  { kind: 'json', title: 'JSON in, JSON out', records: 2_000_000 },
] as const
type Kind = (typeof KINDS)[number]

/** Each way to run it with the number of threads and subtasks. */
const WAYS = [
  { way: 'in process', threads: 0, parallelism: 1 },
  { way: 'on 2 threads', threads: 2, parallelism: 2 },
] as const

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** Records per CPU-second of all threads, garbage collection and compiler included, against a loop that does the same. */
export async function run(report: Report, runs: number): Promise<void> {
  for (const kind of KINDS) {
    const loop: number[] = []
    const own = WAYS.map((): number[] => [])
    for (let i = 1; i <= runs; i++) {
      loop.push(loopRate(kind))
      for (const [w, { threads, parallelism }] of WAYS.entries()) {
        own[w]!.push(await engineRate(kind, threads, parallelism))
      }
      const rates = [loop, ...own].map((values) => values.at(-1)!.toFixed(2))
      say(`${BENCH}: ${kind.title}: run ${i} of ${runs}: loop, in process, 2 threads: ${rates.join(', ')} M/CPU-s`)
    }
    const unit = 'M records/CPU-s'
    report({ bench: BENCH, metric: `${kind.title}: hand-written loop`, unit, values: loop })
    for (const [w, { way }] of WAYS.entries()) {
      report({ bench: BENCH, metric: `${kind.title}: ${way}`, unit, values: own[w]! })
      const ratios = own[w]!.map((rate, i) => rate / loop[i]!)
      report({ bench: BENCH, metric: `${kind.title}: ${way} to the loop`, unit: 'ratio', values: ratios })
    }
  }
}

/** A process of its own each time, as the engine's: both are compiled for this work alone. */
function loopRate({ kind, records }: Kind): number {
  const warmUp = records * WARM_UP_SHARE
  const args = ['--import', 'tsx', here('engine-loop.ts'), kind, String(warmUp), String(records - warmUp)]
  const { cpuMs } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Mark
  return (records - warmUp) / 1000 / cpuMs
}

async function engineRate({ kind, records }: Kind, threads: number, parallelism: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    await runApplication({
      application: here('engine-application.ts'),
      directory: join(folder, 'application'),
      args: [folder, kind, String(records)],
      parallelism,
      threads,
    })
    const marks = (name: string): number[] =>
      Array.from({ length: parallelism }, (_, subtask) => {
        const mark = JSON.parse(readFileSync(join(folder, `${name}-${subtask}.json`), 'utf8')) as Mark
        return mark.cpuMs
      })
    const cpuMs = Math.max(...marks('sink')) - median(marks('source'))
    return (records * (1 - WARM_UP_SHARE)) / 1000 / cpuMs
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
