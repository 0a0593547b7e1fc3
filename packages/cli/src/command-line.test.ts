import { readFileSync } from 'node:fs'
import { EngineError } from '@millrace/engine'
import { expect, test } from 'vitest'
import { createProgram } from './command-line.ts'
import { EXIT } from './exit-codes.ts'
import { applicationDirectory, homeDirectory, isRemote } from './places.ts'
import { commandToGoOn, type RunOptions } from './run/run-options.ts'
import { formatError, formatLogLine } from './terminal.ts'

/** Parses a command line without carrying it out; what it would have printed. */
function parse(...words: string[]): string {
  let text = ''
  const write = (line: string): void => {
    text += line
  }
  const quiet = { writeOut: write, writeErr: write }
  const program = createProgram(() => {})
  const all = program.commands.flatMap((command) => [command, ...command.commands])
  for (const command of [program, ...all]) command.configureOutput(quiet).exitOverride()
  for (const command of all) if (command.commands.length === 0) command.action(() => {})
  try {
    program.parse(words, { from: 'user' })
  } catch (error) {
    return `${text}${(error as { code: string }).code}`
  }
  return text
}

test.each([
  [['run', 'app.ts', '--parallelism', '0'], 'It must be a whole number, 1 or more.'],
  [['run', 'app.ts', '--threads', '-1'], 'It must be a whole number, 0 or more.'],
  [['run', 'app.ts', '--log-level', 'loud'], 'Allowed choices are debug, info, warn, error.'],
  [['run', 'app.ts', '--thread', '1'], '(Did you mean --threads?)'],
  [['run'], "missing required argument 'application'"],
  [['savepont', '.'], '(Did you mean savepoint?)'],
  [['deploy', 'app.ts'], "required option '-n, --name <name>' not specified"],
  [['apps', 'stop'], "missing required argument 'name'"],
  [['apps', 'stop', 'x', '--force', '--drain'], "option '--force' cannot be used with option '--drain'"],
  [['apps', 'stp', 'x'], 'too many arguments'],
  [['serve', '--role', 'everything'], 'Allowed choices are streams.'],
  [['--version'], 'commander.version'],
])('%j is answered with: %s', (words, answer) => {
  expect(parse(...words)).toContain(answer)
})

test.each(['run', 'build', 'savepoint', 'stop', 'serve', 'deploy', 'apps', 'apps stop', 'logs', 'init'])(
  'millrace %s --help tells what it does',
  (command) => {
    const help = parse(...command.split(' '), '--help')
    expect(help).toContain(`Usage: millrace ${command}`)
    expect(help.split('\n').every((line) => line.length <= 130)).toBe(true)
  },
)

const options: RunOptions = {
  application: 'my app.ts',
  args: ['--rate', "it's"],
  dir: undefined,
  parallelism: 2,
  threads: undefined,
  threadHeapMb: undefined,
  checkpoints: undefined,
  checkpointInterval: undefined,
  checkpointMinPause: undefined,
  from: '/old',
  latestSince: undefined,
  otherwiseFrom: undefined,
  allowNonRestoredState: true,
  properties: 'p.json',
  epoch: 3,
  name: 'my-app',
  control: undefined,
  logLevel: 'info',
}

test('the command to go on names the new savepoint, and everything else that matters, for a shell', () => {
  expect(commandToGoOn(options, '/s/1')).toBe(
    "millrace run 'my app.ts' --name my-app --parallelism 2 --properties p.json --from /s/1 -- --rate 'it'\\''s'",
  )
})

test('an application has a directory by its name, whatever that is', () => {
  const env = { MILLRACE_HOME: '/data' }
  expect(homeDirectory(env)).toBe('/data')
  expect(applicationDirectory('fraud', env)).toBe('/data/apps/fraud')
  expect(applicationDirectory('../../etc/pass wd', env)).toBe('/data/apps/-..-etc-pass-wd')
  expect(applicationDirectory('..', env)).toBe('/data/apps/application')
})

test.each([
  ['s3://bucket/x', true],
  ['file:///x', false],
  ['/x', false],
  ['x', false],
])('%s on another machine: %s', (path, remote) => {
  expect(isRemote(path)).toBe(remote)
})

test('a log line has its time, level, message and fields', () => {
  const fields = { path: '/a b', id: 7, missing: undefined, list: ['x', 'y'] }
  expect(
    formatLogLine({ level: 'warn', message: 'something happened', fields }, Date.UTC(2020, 0, 2, 3, 4, 5, 6)),
  ).toBe('03:04:05.006 warn  something happened path="/a b" id=7 list=["x","y"]\n')
})

test('an error has its code, message, hint and cause; its stack only where user code threw', () => {
  const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  const storage = new EngineError('STORAGE_FULL', {
    kind: 'unavailable',
    message: 'The disk is full.',
    hint: 'Free some.',
    cause,
  })
  expect(formatError(storage)).toBe(
    'STORAGE_FULL: The disk is full.\n  hint: Free some.\n  caused by: ENOSPC: no space left\n',
  )
  expect(formatError(new RangeError('mine'))).toMatch(/^APPLICATION_ERROR: mine\n {4}at .*command-line\.test\.ts/)
})

test('the reference names every command and option', () => {
  const file = new URL('../../../docs/reference/command-line.md', import.meta.url)
  const sections = readFileSync(file, 'utf8').split(/^## /m)
  for (const command of createProgram(() => {}).commands) {
    const section = sections.find((text) => text.startsWith(`\`millrace ${command.name()} `))
    expect(section, command.name()).toBeDefined()
    for (const { name, options } of [command, ...command.commands].map((one) => ({
      name: one.name(),
      options: one.options,
    }))) {
      expect(section, name).toContain(name)
      for (const { long } of options) expect(section, `${name} ${long}`).toContain(long)
    }
  }
})

test('the reference names every exit code', () => {
  const file = new URL('../../../docs/reference/application-process.md', import.meta.url)
  const table = readFileSync(file, 'utf8')
  for (const code of Object.values(EXIT)) expect(table).toContain(`\n| ${code} | `)
})
