import { describe, expect, test } from 'vitest'
import type { StreamExecutionEnvironment } from '../api/environment.ts'
import { EngineError } from '../common/errors.ts'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import { type ValueState, valueState } from '../spi/state.ts'
import { SimulatedCluster, type SimulatedProcess, type SimulatedProcessSettings } from '../testing/simulated-cluster.ts'
import type { JobState } from './job-coordinator.ts'
import { simulatedJob } from './simulated-job-fixture.ts'

const NUMBERS = Array.from({ length: 4000 }, (_, n) => n)

/** Counts numbers by remainder; `failAt` throws whenever that one comes. */
function counting(collected: Collected<string>, options: { failAt?: number; uid?: string; error?: EngineError } = {}) {
  return (env: StreamExecutionEnvironment): void => {
    env
      .fromCollection(NUMBERS)
      .uid('numbers')
      .map((n) => {
        if (n === options.failAt) throw options.error ?? new Error('planted')
        return n
      })
      .keyBy((n) => n % 5)
      .process<string>(() => {
        let count: ValueState<number>
        return {
          open(context) {
            count = context.getState(valueState<number>('count'))
          },
          processElement(n, _context, out) {
            const next = (count.value() ?? 0) + 1
            count.update(next)
            out.collect(`${n % 5}:${next}`)
          },
        }
      })
      .uid(options.uid ?? 'count')
      .name('Count')
      .sinkTo(collectSink(collected))
      .uid('out')
  }
}

function cluster() {
  const simulated = new SimulatedCluster(11)
  const states: JobState[] = []
  const start = (settings: Partial<SimulatedProcessSettings> & Pick<SimulatedProcessSettings, 'declare'>) =>
    simulated.start({
      ...simulatedJob,
      ...settings,
      events: { ...settings.events, onState: (state) => states.push(state) },
    })
  const untilRunning = async (process: SimulatedProcess): Promise<void> => {
    while (process.job.state !== 'RUNNING') await simulated.time.step()
  }
  return { simulated, time: simulated.time, states, start, untilRunning }
}

const expected = NUMBERS.map((n) => `${n % 5}:${Math.floor(n / 5) + 1}`).sort()

test('runs to its end', async () => {
  const { time, states, start } = cluster()
  const collected = new Collected<string>()
  const { job } = start({ declare: counting(collected) })
  expect(await time.until(job.result, 60_000)).toMatchObject({ state: 'FINISHED', restarts: 0 })
  expect([...collected.values].sort()).toEqual(expected)
  expect(states).toEqual(['INITIALIZING', 'RUNNING', 'FINISHED'])
})

describe('after a failure', () => {
  test('it restarts as often as the strategy says, then fails with the last error', async () => {
    const { time, states, start } = cluster()
    const exceptions: EngineError[] = []
    const { job } = start({
      declare: counting(new Collected<string>(), { failAt: 3999 }),
      events: { onException: (error) => exceptions.push(error) },
    })
    await expect(time.until(job.result, 60_000)).rejects.toMatchObject({ message: 'planted', kind: 'application' })
    expect(exceptions.length).toBe(3)
    expect(job.restarts).toBe(2)
    expect(states.filter((state) => state === 'RESTARTING').length).toBe(2)
    expect(states.at(-1)).toBe('FAILED')
  })

  test.each(['bug', 'corrupt', 'invalid', 'fenced'] as const)('of kind %s it doesn’t restart', async (kind) => {
    const { time, start } = cluster()
    const error = new EngineError('X', { kind, message: 'planted' })
    const { job } = start({ declare: counting(new Collected<string>(), { failAt: 100, error }) })
    await expect(time.until(job.result, 60_000)).rejects.toMatchObject({ code: 'X', kind })
    expect(job.restarts).toBe(0)
  })

  test('a dead thread brings the whole job back from its last checkpoint', async () => {
    const { time, start, untilRunning } = cluster()
    const collected = new Collected<string>()
    const process = start({ declare: counting(collected) })
    await untilRunning(process)
    await time.advance(3)
    process.threads.kill(1)
    expect(await time.until(process.job.result, 60_000)).toMatchObject({ state: 'FINISHED', restarts: 1 })
    expect([...collected.values].sort()).toEqual(expected)
  })
})

test('cancel ends it at any moment, with nothing left running', async () => {
  for (const steps of [1, 5, 20, 60, 120, 200]) {
    const { time, start } = cluster()
    const { job, threads } = start({ declare: counting(new Collected<string>()) })
    for (let i = 0; i < steps; i++) await time.step()
    job.cancel()
    expect((await time.until(job.result, 60_000)).state).toMatch(/CANCELED|FINISHED/)
    await time.advance(10)
    expect(threads.alive).toEqual([])
  }
})

describe('savepoints', () => {
  test('are refused while the job doesn’t run, and a second stop while it is being stopped', async () => {
    const { time, start, untilRunning } = cluster()
    const process = start({ declare: counting(new Collected<string>()) })
    await expect(process.job.savepoint('/savepoints/a', 'none')).rejects.toMatchObject({ code: 'NOT_RUNNING' })
    await untilRunning(process)
    const first = process.job.savepoint('/savepoints/a', 'suspend')
    await expect(process.job.savepoint('/savepoints/b', 'drain')).rejects.toMatchObject({ code: 'ALREADY_STOPPING' })
    expect(await time.until(first, 60_000)).toMatchObject({ path: '/savepoints/a' })
    expect(await time.until(process.job.result, 60_000)).toMatchObject({ state: 'STOPPED' })
  })

  test('of an operator that is gone name it, and its state is dropped only when asked to', async () => {
    const { time, start, untilRunning } = cluster()
    const process = start({ declare: counting(new Collected<string>()) })
    await untilRunning(process)
    await time.until(process.job.savepoint('/savepoints/a', 'suspend'), 60_000)
    const changed = { declare: counting(new Collected<string>(), { uid: 'renamed' }), restoreFrom: '/savepoints/a' }
    await expect(time.until(start(changed).job.result, 60_000)).rejects.toMatchObject({
      code: 'SAVEPOINT_STATE_UNMAPPED',
      kind: 'invalid',
      message: expect.stringContaining("'count' (Count)"),
      hint: expect.stringContaining('--allow-non-restored-state'),
    })
    const dropping = start({ ...changed, allowNonRestoredState: true })
    expect(await time.until(dropping.job.result, 60_000)).toMatchObject({ state: 'FINISHED' })
  })

  test('that aren’t there are named', async () => {
    const { time, start } = cluster()
    const { job } = start({ declare: counting(new Collected<string>()), restoreFrom: '/savepoints/none' })
    await expect(time.until(job.result, 60_000)).rejects.toMatchObject({
      code: 'SAVEPOINT_NOT_FOUND',
      message: expect.stringContaining('/savepoints/none'),
    })
  })
})

describe('epochs', () => {
  test('a process without one takes the next; an older one is fenced', async () => {
    const { time, start, untilRunning } = cluster()
    const old = start({ declare: counting(new Collected<string>()), epoch: 5 })
    await untilRunning(old)
    old.pause('all')
    const collected = new Collected<string>()
    const next = start({ declare: counting(collected) })
    expect(await time.until(next.job.result, 60_000)).toMatchObject({ state: 'FINISHED' })
    old.resume()
    await expect(time.until(old.job.result, 60_000)).rejects.toMatchObject({ code: 'FENCED', kind: 'fenced' })
    const older = start({ declare: counting(new Collected<string>()), epoch: 4 })
    await expect(time.until(older.job.result, 60_000)).rejects.toMatchObject({ code: 'FENCED' })
  })
})

test('at-least-once mode loses nothing, whatever dies', async () => {
  const { time, start, untilRunning } = cluster()
  const collected = new Collected<string>()
  const process = start({
    declare: counting(collected),
    parallelism: 3,
    checkpoints: {
      intervalMs: 10,
      mode: 'at-least-once',
      timeoutMs: 1000,
      minPauseMs: 0,
      tolerableFailures: 0,
      retained: 1,
    },
  })
  await untilRunning(process)
  await time.advance(5)
  process.threads.kill(0)
  expect(await time.until(process.job.result, 60_000)).toMatchObject({ state: 'FINISHED' })
  for (const remainder of [0, 1, 2, 3, 4]) {
    const counts = collected.values.filter((value) => value.startsWith(`${remainder}:`)).length
    expect(counts).toBeGreaterThanOrEqual(NUMBERS.length / 5)
  }
})
