import { parseArgs } from 'node:util'
import { plantedBugs, seedThatCatches } from './planted-bugs.ts'
import { runScenario, type SimulationReport } from './run-scenario.ts'
import { scenarioOf } from './scenario.ts'

const usage = `npm run sim -- [--seeds N] [--from S] [--seed S] [--json]

  --seeds N   run N scenarios, seeds 1 to N (or from --from), then each planted bug; 200 unless set
  --seed S    run that one twice, with the last lines of its trace
  --json      end with one JSON object on standard output`

const PLANT_SEEDS = 50
const TRACE_LINES = 60

let currentSeed = 0

/** Nobody awaits it: in production the process would end. */
process.on('unhandledRejection', (error) => {
  console.error(`seed ${currentSeed}: unhandled rejection:`, error)
  console.error(`  replay: npm run sim -- --seed ${currentSeed}`)
  process.exit(1)
})

async function runSeeds(from: number, seeds: number): Promise<readonly SimulationReport[]> {
  const reports: SimulationReport[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    currentSeed = seed
    const report = await runScenario(scenarioOf(seed))
    reports.push(report)
    if (report.violations.length > 0) printFailure(report)
    if ((seed - from + 1) % 100 === 0) console.error(`${seed - from + 1} of ${seeds} seeds`)
  }
  return reports
}

function printFailure({ seed, violations }: SimulationReport): void {
  for (const { invariant, message } of violations) console.error(`seed ${seed}: ${invariant}: ${message}`)
  console.error(`  replay: npm run sim -- --seed ${seed}`)
}

async function runPlanted(): Promise<readonly { name: string; invariant: string; caughtAtSeed: number | null }[]> {
  const results: { name: string; invariant: string; caughtAtSeed: number | null }[] = []
  for (const bug of plantedBugs) {
    const seed = await seedThatCatches(bug, PLANT_SEEDS)
    results.push({ name: bug.name, invariant: bug.invariant, caughtAtSeed: seed ?? null })
    console.error(
      `planted: ${bug.name}: ${seed === undefined ? 'NOT caught' : `caught (${bug.invariant}, seed ${seed})`}`,
    )
  }
  return results
}

async function replay(seed: number): Promise<boolean> {
  currentSeed = seed
  const report = await runScenario(scenarioOf(seed), {}, TRACE_LINES)
  const again = await runScenario(scenarioOf(seed), {}, TRACE_LINES)
  for (const line of report.lastLines) console.error(line)
  console.error(JSON.stringify(scenarioOf(seed), null, 2))
  if (report.violations.length > 0) printFailure(report)
  const { simulatedMs, events, restarts, completedCheckpoints, traceHash } = report
  console.error(JSON.stringify({ seed, simulatedMs, events, restarts, completedCheckpoints, traceHash }))
  if (again.traceHash !== traceHash) console.error(`determinism: the second run was another, ${again.traceHash}`)
  return report.violations.length === 0 && again.traceHash === traceHash
}

function sum(reports: readonly SimulationReport[], of: (report: SimulationReport) => number): number {
  return reports.reduce((total, report) => total + of(report), 0)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  if (values.seed !== undefined) {
    if (!(await replay(Number(values.seed)))) process.exitCode = 1
    return
  }
  const startMs = performance.now()
  const reports = await runSeeds(Number(values.from), Number(values.seeds))
  const planted = await runPlanted()
  const failed = reports.filter(({ violations }) => violations.length > 0)
  const missed = planted.filter(({ caughtAtSeed }) => caughtAtSeed === null)
  const result = {
    seeds: reports.length,
    failedSeeds: failed.map(({ seed }) => seed),
    planted,
    records: sum(reports, ({ records }) => records),
    checkpoints: sum(reports, ({ completedCheckpoints }) => completedCheckpoints),
    commits: sum(reports, ({ commits }) => commits),
    restarts: sum(reports, ({ restarts }) => restarts),
    simulatedMs: sum(reports, ({ simulatedMs }) => simulatedMs),
    events: sum(reports, ({ events }) => events),
    tookMs: Math.round(performance.now() - startMs),
  }
  console.log(values.json ? JSON.stringify(result) : summary(result, failed.length, planted.length - missed.length))
  if (failed.length > 0 || missed.length > 0) process.exitCode = 1
}

function summary(
  result: {
    seeds: number
    records: number
    checkpoints: number
    restarts: number
    tookMs: number
    planted: readonly object[]
  },
  failed: number,
  caught: number,
): string {
  const { seeds, records, checkpoints, restarts, tookMs, planted } = result
  return (
    `${seeds} seeds, ${records} records, ${checkpoints} checkpoints, ${restarts} restarts in ${tookMs} ms: ` +
    `${failed === 0 ? 'all invariants hold' : `${failed} seeds failed`}; ${caught} of ${planted.length} planted bugs caught`
  )
}

await main()
