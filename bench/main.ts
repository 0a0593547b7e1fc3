import { parseArgs } from 'node:util'
import { type Report, reporter, say } from './figures.ts'

/*
 * `npm run bench -- NAME… [--json] [--runs N] [--only PART,…] [--quick]`: figures on standard output, one line each,
 * progress on standard error. `--only` and `--quick` are for benches of several parts.
 * With --json a line is `{bench, metric, unit, value, bar, meets, spread, runs, load, …}`; value is the median of the
 * runs, spread the least and the greatest of them, load the machine's load average over a minute.
 */

/** What benches of several parts are asked for besides. */
export interface BenchOptions {
  /** Names of parts; all unless given. */
  readonly only: readonly string[] | undefined
  /** Only as much as shows that the bench works; its figures then say nothing. */
  readonly quick: boolean
}

/** A bench's module. */
export interface Bench {
  /** `runs`: how often each figure is measured, after a warm-up. */
  run(report: Report, runs: number, options: BenchOptions): Promise<void>
}

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  latency: () => import('./latency.ts'),
  engine: () => import('./engine.ts'),
  fraud: () => import('./fraud.ts'),
  exchange: () => import('./exchange.ts'),
  service: () => import('./service.ts'),
}

async function main(args: string[]): Promise<number> {
  const { values, positionals: names } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      runs: { type: 'string', default: '3' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  const runs = Number(values.runs)
  const unknown = names.filter((name) => !(name in benches))
  if (names.length === 0 || unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
    for (const name of unknown) say(`There is no bench ${name}.`)
    say(`usage: npm run bench -- ${Object.keys(benches).join('|')}… [--json] [--runs N] [--only PART,…] [--quick]`)
    return 2
  }
  const { report, missed } = reporter(values.json)
  const options = { only: values.only?.split(','), quick: values.quick }
  for (const name of names) await (await benches[name]!()).run(report, runs, options)
  for (const { bench, metric } of missed) say(`${bench}: ${metric} misses its bar`)
  return 0
}

process.exit(await main(process.argv.slice(2)))
