import { type Report, reporter, say } from './figures.ts'

/*
 * `npm run bench -- NAME… [--json] [--runs N]`: figures on standard output, one line each, progress on standard error.
 * With --json a line is `{bench, metric, unit, value, bar, meets, spread, runs, load, …}`; value is the median of the
 * runs, spread the least and the greatest of them, load the machine's load average over a minute.
 */

/** A bench's module. */
export interface Bench {
  /** `runs`: how often each figure is measured, after a warm-up. */
  run(report: Report, runs: number): Promise<void>
}

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  latency: () => import('./latency.ts'),
  engine: () => import('./engine.ts'),
  fraud: () => import('./fraud.ts'),
  exchange: () => import('./exchange.ts'),
}

async function main(args: readonly string[]): Promise<number> {
  const runsAt = args.indexOf('--runs')
  const runs = runsAt < 0 ? 3 : Number(args[runsAt + 1])
  const names = args.filter((arg, i) => !arg.startsWith('--') && (runsAt < 0 || i !== runsAt + 1))
  const unknown = names.filter((name) => !(name in benches))
  if (names.length === 0 || unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
    for (const name of unknown) say(`There is no bench ${name}.`)
    say(`usage: npm run bench -- ${Object.keys(benches).join('|')}… [--json] [--runs N]`)
    return 2
  }
  const { report, missed } = reporter(args.includes('--json'))
  for (const name of names) await (await benches[name]!()).run(report, runs)
  for (const { bench, metric } of missed) say(`${bench}: ${metric} misses its bar`)
  return 0
}

process.exit(await main(process.argv.slice(2)))
