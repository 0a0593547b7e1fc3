import { join } from 'node:path'
import { ensure, root, runForwarding } from './ensure.mjs'

/* `npm run verify`: format and lint, types, unused code, import directions, then every test. Ends at the first failure. */
await ensure()
const bin = (name) => join(root, 'node_modules', '.bin', name)
const steps = [
  ['format and lint', bin('biome'), ['check', '.']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json', '--noEmit']],
  ['unused code and dependencies', bin('knip'), []],
  ['import directions, time and chance', bin('vitest'), ['run', 'test/tidy.test.ts']],
  ['tests', process.execPath, [join(root, 'scripts', 'test.mjs'), ...process.argv.slice(2)]],
]
for (const [name, command, args] of steps) {
  process.stderr.write(`\n--- ${name}\n`)
  const exitCode = await runForwarding(command, args, { cwd: root, shell: process.platform === 'win32' })
  if (exitCode === 0) continue
  process.stderr.write(`verify failed: ${name}\n`)
  process.exit(exitCode)
}
process.stderr.write('\nverify: all green\n')
