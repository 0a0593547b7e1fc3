import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { builtCommand, testApplication } from '../testing/built-command.ts'

let commandFile: string
let folder: string
let child: ChildProcess | undefined
beforeAll(() => {
  commandFile = builtCommand()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterEach(() => {
  child?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Runs the application in a terminal's way and hands the standard error to `react` as it grows; answers at the end. */
function run(args: readonly string[], react: (stderr: string, child: ChildProcess) => void) {
  const options = ['--dir', join(folder, 'app'), '--', ...args]
  const started = spawn(process.execPath, [commandFile, 'run', testApplication('stuck-sink.ts'), ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child = started
  let stderr = ''
  started.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString()
    react(stderr, started)
  })
  return new Promise<{ code: number | null; stderr: string }>((resolve) => {
    started.once('close', (code) => resolve({ code, stderr }))
  })
}

/** Sends each signal once, when its text has been shown. */
function signalling(signals: readonly (readonly [shown: string, signal: NodeJS.Signals])[]) {
  let next = 0
  return (stderr: string, process: ChildProcess): void => {
    const [shown, signal] = signals[next] ?? []
    if (shown === undefined || !stderr.includes(shown)) return
    next++
    process.kill(signal)
  }
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops with a savepoint and shows how to go on', async (signal) => {
  const { code, stderr } = await run(['checkpoints'], signalling([['application running', signal]]))
  expect(code, stderr).toBe(0)
  const [name] = readdirSync(join(folder, 'app', 'savepoints'))
  const savepoint = join(folder, 'app', 'savepoints', name as string)
  expect(stderr).toContain(`savepoint: ${savepoint}\n`)
  expect(stderr).toMatch(new RegExp(`go on with: millrace run .*stuck-sink.ts .*--from ${savepoint} -- checkpoints\n$`))
})

test('a second Ctrl-C cancels an application whose savepoint takes its time', async () => {
  const react = signalling([
    ['application running', 'SIGINT'],
    ['stopping with a savepoint', 'SIGINT'],
  ])
  const { code, stderr } = await run(['stuck'], react)
  expect(code, stderr).toBe(130)
  expect(stderr).not.toContain('go on with')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 143],
] as const)('%s cancels an application that takes no checkpoints', async (signal, expected) => {
  const { code, stderr } = await run([], signalling([['application running', signal]]))
  expect(code, stderr).toBe(expected)
  expect(readdirSync(join(folder, 'app'))).toEqual([])
})
