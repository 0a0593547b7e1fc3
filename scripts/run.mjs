import { join, resolve } from 'node:path'
import { ensure, root, runForwarding, tsxArguments } from './ensure.mjs'

/*
 * run.mjs FILE [args]            runs a TypeScript file against the built packages
 * run.mjs --vitest FILE [args]   runs one test file
 */
const [first, ...rest] = process.argv.slice(2)
if (first === undefined) {
  process.stderr.write('usage: node scripts/run.mjs [--vitest] FILE [args]\n')
  process.exit(2)
}
await ensure()
const isTest = first === '--vitest'
const vitest = () => join(root, 'node_modules', 'vitest', 'vitest.mjs')
const args = isTest ? [vitest(), 'run', ...rest] : tsxArguments(resolve(root, first), rest)
process.exit(await runForwarding(process.execPath, args, { cwd: root }))
