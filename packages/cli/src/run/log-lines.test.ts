import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApplicationProcess, launchApplication } from '@millrace/service/launchers'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { builtCommand, testApplication } from '../testing/built-command.ts'

let commandFile: string
let folder: string
let application: ApplicationProcess | undefined

beforeAll(() => {
  commandFile = builtCommand()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-lines-'))
})
afterEach(async () => {
  application?.kill()
  await application?.exited
  rmSync(folder, { recursive: true, force: true })
})

/** As many as there must be at least; a job that doesn't finish by itself has some more. */
const LINES = 10_000

interface Burst {
  /** How many lines there must be. */
  readonly written: number
  readonly logged: readonly number[]
  readonly printed: readonly string[]
  /** Lines that are told to be missing. */
  readonly dropped: number
}

async function burst(
  { threads, count, rate, slowly = false }: { threads: number; count: number; rate?: number; slowly?: boolean },
  end: (running: ApplicationProcess) => Promise<unknown>,
): Promise<Burst> {
  const file = join(folder, 'count')
  const written = () => (existsSync(file) ? statSync(file).size : 0)
  const logged: number[] = []
  const output: Uint8Array[] = []
  let dropped = 0
  application = launchApplication(
    {
      commandFile,
      application: testApplication('log-burst.ts'),
      directory: join(folder, 'app'),
      args: [String(count), file, ...(rate === undefined ? [] : [String(rate)])],
      checkpoints: join(folder, 'checkpoints'),
      checkpointIntervalMs: 0,
      threads,
      parallelism: Math.max(threads, 1),
    },
    {
      onLog({ message, fields }) {
        if (message === 'line') logged.push(fields['number'] as number)
        if (message.startsWith('log lines were dropped')) dropped += fields['lines'] as number
      },
      onOutput(bytes) {
        output.push(bytes)
        if (slowly) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
      },
    },
  )
  await application.running
  if (count > LINES) await expect.poll(written, { timeout: 30_000, interval: 1 }).toBeGreaterThan(LINES)
  await end(application)
  expect(await application.exited).toMatchObject({ code: 0, stderr: '' })
  return { written: written(), logged, dropped, printed: Buffer.concat(output).toString().split('\n').slice(0, -1) }
}

const endings: Record<string, [count: number, end: (running: ApplicationProcess) => Promise<unknown>]> = {
  finishes: [LINES, (running) => running.exited],
  'is stopped': [1_000_000_000, (running) => running.stop({ path: join(folder, 'savepoint') })],
  'is cancelled': [1_000_000_000, (running) => running.cancel()],
}

test.each(Object.keys(endings).flatMap((ending) => [0, 1, 2].map((threads) => [ending, threads] as const)))(
  'a job that %s has every line that it has logged and printed handed over, in order, with %i threads',
  { timeout: 60_000 },
  async (ending, threads) => {
    const [count, end] = endings[ending]!
    const { written, logged, printed, dropped } = await burst({ threads, count, rate: 20_000 }, end)
    expect(written).toBeGreaterThanOrEqual(LINES)
    expect({ logged: logged.length, printed: printed.length, dropped }).toEqual({
      logged: written,
      printed: written,
      dropped: 0,
    })
    expect(logged.every((number, i) => number === i)).toBe(true)
    expect(printed.every((line, i) => line === `line ${i}`)).toBe(true)
  },
)

test.each(Object.keys(endings))(
  'a job that %s has everything that it has printed handed over to a parent that reads slowly',
  { timeout: 60_000 },
  async (ending) => {
    const [count, end] = endings[ending]!
    const { written, printed } = await burst({ threads: 1, count: Math.min(count, 100_000), slowly: true }, end)
    expect(written).toBeGreaterThanOrEqual(LINES)
    expect(printed.length).toBe(written)
  },
)

test('of a flood that nobody could write down, what is missing is told', { timeout: 60_000 }, async () => {
  const { written, logged, dropped } = await burst({ threads: 2, count: 300_000 }, (running) => running.exited)
  expect(logged.length + dropped).toBe(written)
  expect(written).toBe(300_000)
})
