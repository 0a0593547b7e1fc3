import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineError } from '@millrace/engine'
import {
  type ApplicationListener,
  type ApplicationProcess,
  type CheckpointEvent,
  type LaunchSettings,
  launchApplication,
} from '@millrace/service/launchers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { builtCommand, testApplication } from '../testing/built-command.ts'

let commandFile: string
let folder: string
const started: ApplicationProcess[] = []

beforeAll(() => {
  commandFile = builtCommand()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterEach(async () => {
  for (const application of started.splice(0)) {
    application.kill()
    await application.exited
  }
  rmSync(folder, { recursive: true, force: true })
})

interface Observed {
  readonly application: ApplicationProcess
  readonly states: string[]
  readonly checkpoints: CheckpointEvent[]
  readonly exceptions: EngineError[]
  output(): string
  /** Resolves when a checkpoint has completed. */
  checkpointed: Promise<void>
}

function launch(args: readonly string[], settings: Partial<LaunchSettings> = {}): Observed {
  const states: string[] = []
  const checkpoints: CheckpointEvent[] = []
  const exceptions: EngineError[] = []
  let output = ''
  let onCheckpoint: () => void = () => {}
  const checkpointed = new Promise<void>((resolve) => {
    onCheckpoint = resolve
  })
  const listener: ApplicationListener = {
    onState: (state) => void states.push(state),
    onCheckpoint(checkpoint) {
      checkpoints.push(checkpoint)
      onCheckpoint()
    },
    onException: (error) => void exceptions.push(error),
    onOutput(bytes) {
      output += Buffer.from(bytes).toString()
    },
  }
  const application = launchApplication(
    { commandFile, application: testApplication('ticks.ts'), directory: join(folder, 'app'), args, ...settings },
    listener,
  )
  started.push(application)
  return { application, states, checkpoints, exceptions, checkpointed, output: () => output }
}

const linesOf = ({ output }: Observed): string[] =>
  output()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^\d+> /, ''))

describe.each([0, 1, 2])('with %i threads', (threads) => {
  const parallelism = Math.max(threads, 1)

  test('a finite application runs to its end', async () => {
    const run = launch(['50', '10000'], { threads, parallelism })
    const exit = await run.application.exited
    expect(exit).toMatchObject({ code: 0, signal: null, state: 'FINISHED', stderr: '' })
    expect(run.states).toEqual(['CREATED', 'INITIALIZING', 'RUNNING', 'FINISHED'])
    expect(linesOf(run).sort()).toEqual(Array.from({ length: 50 }, (_, i) => `${i}:${Math.floor(i / 2) + 1}`).sort())
  })

  test('a failure of user code is told with the place in its source, and restarted as the strategy says', async () => {
    const run = launch(['1000', '2000', '7'], { threads, parallelism })
    const exit = await run.application.exited
    expect(exit).toMatchObject({ code: 1, state: 'FAILED' })
    expect(run.states).toEqual([
      'CREATED',
      'INITIALIZING',
      'RUNNING',
      'RESTARTING',
      'INITIALIZING',
      'RUNNING',
      'FAILED',
    ])
    expect(run.exceptions).toHaveLength(2)
    expect(exit.cause?.message).toContain('tick 7 is refused')
    expect(exit.cause?.stack).toMatch(/applications\/ticks\.ts:\d+/)
  })
})

test('a stop takes a savepoint, and the application goes on from it elsewhere with its state', async () => {
  const first = launch(['100000', '1000'], { threads: 1 })
  await first.checkpointed
  const savepoint = await first.application.stop()
  expect(savepoint.path).toContain(join(folder, 'app', 'savepoints'))
  expect(await first.application.exited).toMatchObject({ code: 0, state: 'STOPPED' })
  const second = launch(['100000', '1000'], { threads: 2, parallelism: 2, from: savepoint.path })
  await second.checkpointed
  await second.application.cancel()
  expect(await second.application.exited).toMatchObject({ code: 0, state: 'CANCELED' })
  // Every second tick is of the same key: tick i is number floor(i / 2) + 1 of it, also across the restart.
  const lines = [...linesOf(first), ...linesOf(second)].map((line) => line.split(':').map(Number))
  expect(lines.length).toBeGreaterThan(0)
  for (const [tick, number] of lines) expect(number).toBe(Math.floor((tick as number) / 2) + 1)
  expect(new Set(lines.map(([tick]) => tick)).size).toBe(lines.length)
})

test('a savepoint on the way leaves the application running', async () => {
  const { application } = launch(['100000', '1000'])
  await application.running
  const path = join(folder, 'mine')
  expect((await application.savepoint(path)).path).toBe(path)
  expect(application.state).toBe('RUNNING')
  const metrics = await application.metrics()
  expect(metrics).toMatchObject({ state: 'RUNNING', restarts: 0 })
  expect(metrics.operators.map(({ operatorId }) => operatorId)).toContain('seen')
  expect(metrics.job).toMatchObject({ numRestarts: 0, lastCheckpointSize: expect.any(Number) })
  expect(metrics.job['numberOfCompletedCheckpoints']).toBeGreaterThan(0)
  expect(metrics.process.cpuTimeMs).toBeGreaterThan(0)
  const heaps = [metrics.process.main, ...metrics.threads]
  expect(heaps.length).toBeGreaterThan(1)
  for (const { heapUsedBytes, heapLimitBytes } of heaps) expect(heapUsedBytes).toBeLessThan(heapLimitBytes)
  for (const { values } of metrics.tasks) {
    const times = ['busyTimeMsPerSecond', 'idleTimeMsPerSecond', 'backPressuredTimeMsPerSecond']
    expect(times.reduce((sum, name) => sum + (values[name] as number), 0)).toBeCloseTo(1000, 3)
  }
})

test('after a crash the latest checkpoint goes on', async () => {
  const first = launch(['100000', '1000'])
  await first.checkpointed
  first.application.kill()
  expect(await first.application.exited).toMatchObject({ code: null, signal: 'SIGKILL' })
  const second = launch(['100000', '1000'], { from: 'latest' })
  await second.checkpointed
  const restoredId = first.checkpoints.at(-1)?.id as number
  expect(second.checkpoints[0]?.id).toBeGreaterThan(restoredId)
  await second.application.stop({ drain: true })
  expect(Number(linesOf(second)[0]?.split(':')[0])).toBeGreaterThan(0)
})

test('a second process on a running directory is refused, and names the first', async () => {
  const first = launch(['100000', '1000'])
  await first.application.running
  const second = launch(['10', '1000'])
  const exit = await second.application.exited
  expect(exit).toMatchObject({ code: 2, state: 'FAILED' })
  expect(exit.cause).toMatchObject({ code: 'APPLICATION_RUNNING', details: { pid: first.application.pid } })
  await expect(second.application.running).rejects.toMatchObject({ code: 'APPLICATION_RUNNING' })
})

test('an older epoch is fenced off with an exit code of its own', async () => {
  const first = launch(['10', '1000'], { epoch: 7 })
  await first.application.exited
  const second = launch(['10', '1000'], { epoch: 6 })
  expect(await second.application.exited).toMatchObject({ code: 3, state: 'FAILED', cause: { code: 'FENCED' } })
})

test('a command that can not be carried out is refused, and the application goes on', async () => {
  const { application } = launch(['100000', '1000'])
  await application.running
  await expect(application.savepoint('unknown-scheme://x')).rejects.toMatchObject({ code: 'FILE_SYSTEM_UNKNOWN' })
  expect(application.state).toBe('RUNNING')
})

test('the process ends at once when the one that controls it is killed', async () => {
  const parent = join(folder, 'parent.mjs')
  const launchers = new URL('../../../service/dist/launchers/index.mjs', import.meta.url)
  const settings = {
    commandFile,
    application: testApplication('ticks.ts'),
    directory: folder,
    args: ['100000', '1000'],
  }
  writeFileSync(
    parent,
    `import { launchApplication } from ${JSON.stringify(launchers.href)}
     const application = launchApplication(${JSON.stringify(settings)}, { onOutput() {} })
     await application.running
     console.log(application.pid)
     process.kill(process.pid, 'SIGKILL')`,
  )
  const { spawnSync } = await import('node:child_process')
  const { stdout, signal } = spawnSync(process.execPath, [parent], { encoding: 'utf8' })
  expect(signal).toBe('SIGKILL')
  await expect.poll(() => isAlive(Number(stdout)), { timeout: 10_000 }).toBe(false)
  // Nothing is in the way of the next.
  const next = launch(['10', '1000'], { directory: folder })
  expect(await next.application.exited).toMatchObject({ code: 0 })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

test.each([
  { file: 'async-build.ts', code: 'BUILD_ASYNC', text: /synchronous/ },
  { file: 'not-an-application.mjs', code: 'APPLICATION_MISSING', text: /defineApplication/ },
  { file: 'nowhere.ts', code: 'APPLICATION_NOT_FOUND', text: /millrace run/ },
])('$file is refused before anything starts', async ({ file, code, text }) => {
  const { application } = launch([], { application: testApplication(file) })
  const exit = await application.exited
  expect(exit).toMatchObject({ code: 2, cause: { code } })
  expect(exit.cause?.hint).toMatch(text)
})

test('property groups come from the file, and its mistakes are told by name', async () => {
  const file = join(folder, 'properties.json')
  writeFileSync(file, JSON.stringify([{ PropertyGroupId: 'ticks', PropertyMap: { prefix: 'tick ' } }]))
  const right = launch(['2', '1000'], { propertiesFile: file })
  await right.application.exited
  expect(linesOf(right).sort()).toEqual(['tick 0:1', 'tick 1:1'])
  writeFileSync(file, JSON.stringify([{ PropertyGroupId: 'ticks', PropertyMap: { prefix: 1 } }]))
  const wrong = launch(['2', '1000'], { propertiesFile: file })
  expect((await wrong.application.exited).cause?.message).toContain("'prefix' of group 'ticks' is number")
})

test('the directory and its control socket are for their user alone', async () => {
  const { application } = launch(['100000', '1000'])
  await application.running
  const directory = join(folder, 'app')
  const { socket, pid } = JSON.parse(readFileSync(join(directory, 'control.json'), 'utf8'))
  expect(pid).toBe(application.pid)
  expect([directory, socket, join(directory, 'control.json')].map((path) => statSync(path).mode & 0o777)).toEqual([
    0o700, 0o600, 0o600,
  ])
})

test('a thread that exhausts its heap fails the application, which tells so', async () => {
  const { application, exceptions } = launch([], {
    application: testApplication('memory-hog.ts'),
    threads: 1,
    threadHeapMb: 48,
  })
  expect(await application.exited).toMatchObject({ code: 1, signal: null, state: 'FAILED' })
  expect(exceptions.map(({ code }) => code)).toEqual(['THREAD_OUT_OF_MEMORY'])
})

test('a name that is given stands in place of the one that the application gives itself', async () => {
  const own = launch(['100000', '1000'], { threads: 0, directory: join(folder, 'own') })
  const given = launch(['100000', '1000'], { name: 'orders', threads: 2, directory: join(folder, 'given') })
  await Promise.all([own.application.running, given.application.running])
  expect((await own.application.plan()).plan.name).toBe('ticks')
  expect((await given.application.plan()).plan.name).toBe('orders')
})
