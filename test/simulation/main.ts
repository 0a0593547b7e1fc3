import { runScenario } from './run-scenario.ts'
import { scenarioOf } from './scenario.ts'

const [from = 1, count = 1, v] = process.argv.slice(2).map(Number)
const t0 = Date.now()
let ev = 0,
  bad = 0
for (let seed = from; seed < from + count; seed++) {
  const r = await runScenario(scenarioOf(seed), {}, v)
  ev += r.events
  if (count === 1)
    console.log(r.seed, r.traceHash, r.simulatedMs, r.events, r.restarts, r.completedCheckpoints, r.commits, r.records)
  if (r.violations.length) {
    bad++
    console.log(seed, r.violations.slice(0, count === 1 ? 20 : 2))
  }
  if (v) console.log(r.lastLines.slice(-v).join('\n'))
}
console.log('bad', bad, 'events', ev, 'ms', Date.now() - t0)
