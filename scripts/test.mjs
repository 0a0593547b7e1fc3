import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensure, root, runForwarding, tsxArguments } from './ensure.mjs'

/*
 * npm test [-- --tier1] [-- --strict] [-- FILTER…]
 *
 * Tier 1 needs Node and npm alone. Tier 2 speaks with clients and servers that aren't ours; what lacks its tools is
 * named at the end as not run. Strict, as where CI is set: not run, skipped and retried tests are failures.
 * A filter, part of a test file's path, runs those files alone.
 */
const args = process.argv.slice(2)
const strict = args.includes('--strict') || ['1', 'true'].includes(process.env.CI ?? '')
const filters = args.filter((argument) => !argument.startsWith('--'))
// The SDK is pinned to a version that this Node runs; its notice, from every process, would bury the results.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
const withTier2 = !args.includes('--tier1') && filters.length === 0

await ensure()
const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
try {
  const tier1 = await runTier1()
  const tier2 = withTier2 ? await runTier2() : { passed: 0, failed: 0, notRun: [] }
  process.exitCode = report(tier1, tier2)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function runTier1() {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'vitest-summary.mjs')}`]
  return runAndRead('tier1.json', 'TEST_SUMMARY_FILE', [vitest, 'run', ...reporters, ...filters])
}

async function runTier2() {
  return runAndRead('tier2.json', 'E2E_SUMMARY_FILE', tsxArguments('test/e2e/main.ts', ['--tier2']))
}

/** Runs a program that writes its counts to the file a variable names; one that wrote none has failed. */
async function runAndRead(name, variable, programArgs) {
  const file = join(folder, name)
  const env = { ...process.env, [variable]: file }
  const exitCode = await runForwarding(process.execPath, programArgs, { cwd: root, env })
  try {
    const counts = JSON.parse(readFileSync(file, 'utf8'))
    // It may have failed in another way than by a test.
    return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    process.stderr.write(`${programArgs[0]} ended with exit code ${exitCode} and told no result\n`)
    return { passed: 0, failed: 1, skipped: [], flaky: [], notRun: [] }
  }
}

function report(tier1, tier2) {
  const { skipped, flaky } = tier1
  for (const name of skipped) console.log(`skipped: ${name}`)
  for (const name of flaky) console.log(`passed only when retried: ${name}`)
  for (const { name, needs } of tier2.notRun) console.log(`not run: needs ${needs} (${name})`)
  const strictFailures = strict ? skipped.length + flaky.length + tier2.notRun.length : 0
  if (strictFailures > 0) console.log(`strict: ${strictFailures} skipped, retried or not run count as failed`)
  const passed = tier1.passed + tier2.passed - (strict ? flaky.length : 0)
  const failed = tier1.failed + tier2.failed + strictFailures
  const skippedPart = !strict && skipped.length > 0 ? `, ${skipped.length} skipped` : ''
  console.log(`${passed} passed, ${failed} failed${skippedPart}`)
  return failed === 0 ? 0 : 1
}
