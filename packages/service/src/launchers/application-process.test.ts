import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LaunchSettings, launchApplication, runArguments } from './application-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const settings: LaunchSettings = { commandFile: 'millrace.mjs', application: 'app.ts' }

test.each<{ it: string; given: Partial<LaunchSettings>; words: string[] }>([
  { it: 'nothing more', given: {}, words: ['run', 'app.ts', '--control', '3'] },
  {
    it: 'numbers, 0 among them',
    given: { parallelism: 2, threads: 0, epoch: 7 },
    words: ['run', 'app.ts', '--parallelism', '2', '--threads', '0', '--epoch', '7', '--control', '3'],
  },
  {
    it: 'a name of its own',
    given: { name: 'orders', directory: '/d' },
    words: ['run', 'app.ts', '--name', 'orders', '--dir', '/d', '--control', '3'],
  },
  {
    it: 'a restore that drops state',
    given: { from: 'latest', allowNonRestoredState: true },
    words: ['run', 'app.ts', '--from', 'latest', '--control', '3', '--allow-non-restored-state'],
  },
  {
    it: "the application's own arguments behind --",
    given: { args: ['--threads', 'x'] },
    words: ['run', 'app.ts', '--control', '3', '--', '--threads', 'x'],
  },
])('the command line of $it', ({ given, words }) => {
  expect(runArguments({ ...settings, ...given })).toEqual(words)
})

/** Launches a program of ours in the command's place. */
function launchProgram(source: string) {
  const commandFile = join(folder, 'program.mjs')
  writeFileSync(commandFile, `import { Socket } from 'node:net'\nconst control = new Socket({ fd: 3 })\n${source}`)
  return launchApplication({ ...settings, commandFile })
}

test('a process that dies of itself rejects what was asked of it, with the end of its standard error', async () => {
  const application = launchProgram(`control.once('data', () => { console.error('out of luck'); process.exit(9) })`)
  await expect(application.savepoint()).rejects.toMatchObject({ code: 'APPLICATION_EXITED', details: { code: 9 } })
  await expect(application.running).rejects.toMatchObject({ code: 'APPLICATION_EXITED' })
  expect(await application.exited).toMatchObject({ code: 9, signal: null, state: undefined, stderr: 'out of luck\n' })
  await expect(application.metrics()).rejects.toMatchObject({ code: 'APPLICATION_EXITED' })
})

test('another version of the protocol ends it with a clear reason', async () => {
  const application = launchProgram(`control.write('{"type":"hello","protocol":99}\\n'); setInterval(() => {}, 1000)`)
  const exit = await application.exited
  expect(exit.cause).toMatchObject({ code: 'APPLICATION_PROTOCOL_UNKNOWN' })
  expect(exit.cause?.message).toContain('version 99')
})

test('events of a later version are passed over', async () => {
  const application = launchProgram(
    `control.end('{"type":"hello","protocol":1}\\n{"type":"new"}\\n{"type":"status","state":"RUNNING","restarts":0}\\n')`,
  )
  await application.running
  expect(await application.exited).toMatchObject({ code: 0, state: 'RUNNING' })
})
