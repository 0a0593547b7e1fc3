import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

/*
 * End-to-end scenarios: `npm run e2e -- NAME…`, each a file beside this one that exports `run(log)` and may export
 * `needs`, the commands it can't do without. `--tier2`: those of `npm test`, where what lacks its tools isn't run. A
 * scenario that lacks a tool for a part of itself logs `not run: needs TOOL`.
 */

/** A scenario's module. */
export interface Scenario {
  readonly needs?: readonly string[]
  /** Throws when something isn't as it must be. */
  run(log: (line: string) => void): Promise<void>
}

/** Scenarios of `npm test` with the commands each needs, beyond what its module says. */
const TIER2: Readonly<Record<string, readonly string[]>> = {
  'fail-over': [],
  'foreign-application': ['python3'],
  'foreign-kinesis': [],
  'foreign-s3': ['python3'],
  'foreign-sns': ['python3'],
  'hostile-bundle': [],
  scaling: [],
  security: [],
  'how-to': [],
  'service-clients': [],
  'service-history': [],
  'service-life': [],
  'state-on-s3': ['python3'],
  wire: [],
}

const args = process.argv.slice(2)
const tier2 = args.includes('--tier2')
const asked = args.filter((argument) => !argument.startsWith('--'))
const names = tier2 ? Object.keys(TIER2).filter((name) => existsSync(fileOf(name))) : asked
const unknown = names.filter((name) => !existsSync(fileOf(name)))
if (names.length === 0 && !tier2) unknown.push('(none)')
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(', ')}: name files of test/e2e without .ts.`)
  process.exit(2)
}

const summary = { passed: 0, failed: 0, notRun: [] as { name: string; needs: string }[] }
for (const name of names) await runScenario(name)

for (const { name, needs } of summary.notRun) if (!tier2) console.log(`not run: needs ${needs} (${name})`)
if (!tier2) console.log(`${summary.passed} passed, ${summary.failed} failed`)
const summaryFile = process.env['E2E_SUMMARY_FILE']
if (summaryFile !== undefined) writeFileSync(summaryFile, JSON.stringify(summary))
// A scenario may have left something open; it was told to clean up, and its result stands.
process.exit(summary.failed > 0 || (!tier2 && summary.notRun.length > 0) ? 1 : 0)

async function runScenario(name: string): Promise<void> {
  const { needs = [], run } = (await import(pathToFileURL(fileOf(name)).href)) as Scenario
  const missing = [...needs, ...(TIER2[name] ?? [])].filter((command) => !isThere(command))
  if (missing.length > 0) {
    summary.notRun.push({ name, needs: missing.join(', ') })
    return
  }
  const startedMs = performance.now()
  try {
    await run((line) => {
      const lacking = /^not run: needs (.+)$/.exec(line)?.[1]
      if (lacking === undefined) console.log(`  ${name}: ${line}`)
      else summary.notRun.push({ name, needs: lacking })
    })
    summary.passed++
    console.log(`✓ ${name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`)
  } catch (error) {
    summary.failed++
    console.error(`✗ ${name}`, error)
  }
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
}

function isThere(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined
}
