import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { builtCommand } from '../testing/built-command.ts'
import { unpackBundle } from './unpack-bundle.ts'

let commandFile: string
let folder: string
beforeAll(() => {
  commandFile = builtCommand()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  // Where a module goes that has no node_modules above it.
  process.env['MILLRACE_HOME'] = join(folder, 'home')
})
afterEach(() => {
  delete process.env['MILLRACE_HOME']
  rmSync(folder, { recursive: true, force: true })
})

const application = `
import { defineApplication } from 'millrace'
import { blackhole } from '@millrace/connectors/blackhole'
import { twice } from './lib/twice.ts'
export default defineApplication({
  name: 'bundled',
  build(env) {
    const numbers = env.fromCollection([1, 2, 3]).map(twice)
    numbers.print()
    numbers.sinkTo(blackhole())
  },
})`

function writeApplication(): string {
  mkdirSync(join(folder, 'lib'))
  writeFileSync(join(folder, 'app.ts'), application)
  writeFileSync(join(folder, 'lib', 'twice.ts'), 'export const twice = (n: number): number => 2 * n\n')
  return join(folder, 'app.ts')
}

const run = (...args: string[]) =>
  spawnSync(process.execPath, [commandFile, ...args], { cwd: folder, encoding: 'utf8' })

test('an application with files of its own runs where nothing is installed: the command brings its packages', () => {
  const { status, stdout, stderr } = run('run', writeApplication())
  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: '2\n4\n6\n' })
})

test('a bundle runs without its sources, on threads too', () => {
  const file = writeApplication()
  const bundle = execFileSync(process.execPath, [commandFile, 'build', file], {
    cwd: folder,
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim()
  expect(bundle).toBe(join(folder, 'app.zip'))
  rmSync(file)
  rmSync(join(folder, 'lib'), { recursive: true })
  const { status, stdout, stderr } = run('run', bundle, '--threads', '1')
  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: '2\n4\n6\n' })
})

test('a mistake in the source is shown with its place', () => {
  writeFileSync(join(folder, 'app.ts'), 'export default {\n  name: \n}\n')
  const { status, stderr } = run('run', join(folder, 'app.ts'))
  expect(status).toBe(2)
  expect(stderr).toContain('APPLICATION_NOT_BUNDLED')
  expect(stderr).toContain('app.ts:3:0')
})

test('a package that is missing is named', () => {
  writeFileSync(join(folder, 'app.ts'), "import 'no-such-package'\nexport default {}\n")
  const { status, stderr } = run('run', join(folder, 'app.ts'))
  expect(status).toBe(2)
  expect(stderr).toContain("'no-such-package'")
  expect(stderr).toContain('npm install')
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

function zip(entries: Record<string, string>): string {
  const file = join(folder, 'bundle.zip')
  writeFileSync(file, zipSync(Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, text(value)]))))
  return file
}

test.each([
  { it: 'without an entry', entries: { 'other.mjs': '' } as Record<string, string>, what: 'it has no app.mjs' },
  { it: 'with a path out of it', entries: { '../evil.mjs': '', 'app.mjs': '' }, what: 'leads out of it' },
  { it: 'with an absolute path', entries: { '/evil.mjs': '', 'app.mjs': '' }, what: 'leads out of it' },
  { it: 'whose main is missing', entries: { 'package.json': '{"main":"x.mjs"}' }, what: "names 'x.mjs' as main" },
  { it: 'with a broken manifest', entries: { 'package.json': '{', 'app.mjs': '' }, what: "isn't JSON" },
])('a bundle $it is refused', ({ entries, what }) => {
  expect(() => unpackBundle(zip(entries), 'bundle.zip')).toThrow(what)
})

test('what is no zip is refused', () => {
  writeFileSync(join(folder, 'bundle.zip'), 'not a zip')
  expect(() => unpackBundle(join(folder, 'bundle.zip'), 'bundle.zip')).toThrow("it can't be unpacked")
})

test('the same bundle is unpacked once', () => {
  const file = zip({ 'src/main.mjs': 'export default 1', 'package.json': '{"main":"./src/main.mjs"}' })
  const first = unpackBundle(file, 'bundle.zip')
  expect(unpackBundle(file, 'bundle.zip').moduleFile).toBe(first.moduleFile)
  expect(existsSync(first.moduleFile)).toBe(true)
  expect(readdirSync(join(folder, 'home', 'cache', 'modules'))).toHaveLength(1)
})

test('a module that was cleaned up while its application ran is put back', () => {
  const { moduleFile, ensure } = unpackBundle(zip({ 'app.mjs': 'export default 1' }), 'bundle.zip')
  rmSync(join(folder, 'home'), { recursive: true })
  ensure()
  expect(existsSync(moduleFile)).toBe(true)
})
