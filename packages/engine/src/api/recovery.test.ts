import { expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { seededRandom } from '../common/random.ts'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import { createFileSystems } from '../runtime/storage/file-systems.ts'
import { memoryFileSystem } from '../runtime/storage/memory-file-system.ts'
import { MemoryStorage } from '../runtime/storage/memory-storage.ts'
import { valueState } from '../spi/state.ts'
import { StreamExecutionEnvironment } from './environment.ts'

const memory = () =>
  createFileSystems({
    file: memoryFileSystem({
      storage: new MemoryStorage({ clock: systemClock }),
      clock: systemClock,
      random: seededRandom(1),
    }),
  })

/** Numbers counted per remainder; `failOnce` throws at one of them, the first time it comes. */
function counting(
  numbers: readonly number[],
  collected: Collected<string>,
  options: { failAt?: number; parallelism?: number },
) {
  let failed = false
  const env = StreamExecutionEnvironment.create({ parallelism: options.parallelism ?? 2 })
    .enableCheckpointing(10)
    .setRestartStrategy({ kind: 'fixed-delay', attempts: 3, delayMs: 1 })
  env
    .fromCollection(numbers)
    .uid('numbers')
    .map((n) => {
      // Slow enough for checkpoints to come in between.
      const until = performance.now() + 0.05
      while (performance.now() < until);
      if (n === options.failAt && !failed) {
        failed = true
        throw new Error('planted')
      }
      return n
    })
    .keyBy((n) => n % 7)
    .process<string>(() => {
      let count: { value(): number | null; update(n: number): void }
      return {
        open: (context) => {
          count = context.getState(valueState<number>('count'))
        },
        processElement(n, _context, out) {
          const next = (count.value() ?? 0) + 1
          count.update(next)
          out.collect(`${n % 7}:${next}`)
        },
      }
    })
    .uid('count')
    .sinkTo(collectSink(collected))
    .uid('out')
  return env
}

const expected = (total: number): string[] =>
  Array.from({ length: total }, (_, n) => `${n % 7}:${Math.floor(n / 7) + 1}`).sort()

test('after a failure the job goes on from its last checkpoint: each record counts once', async () => {
  const collected = new Collected<string>()
  const numbers = Array.from({ length: 3000 }, (_, n) => n)
  const env = counting(numbers, collected, { failAt: 2500 })
  const completed: number[] = []
  const result = await env.execute({
    checkpointFolder: '/checkpoints',
    fileSystems: memory(),
    events: { onCheckpoint: ({ id }) => completed.push(id) },
  })
  expect(result).toMatchObject({ state: 'FINISHED', restarts: 1 })
  expect(completed.length).toBeGreaterThan(2)
  expect(collected.values.sort()).toEqual(expected(3000))
})

test('a savepoint is restored at another parallelism', async () => {
  const fileSystems = memory()
  const numbers = Array.from({ length: 20_000 }, (_, n) => n)
  const collected = new Collected<string>()
  const first = counting(numbers, collected, { parallelism: 2 }).start({ checkpointFolder: '/a', fileSystems })
  while (collected.values.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const savepoint = await first.savepoint('/savepoints/one', 'suspend')
  expect(await first.result).toMatchObject({ state: 'STOPPED' })
  expect(savepoint.path).toBe('/savepoints/one')
  expect(collected.values.length).toBeLessThan(20_000)
  const second = counting(numbers, collected, { parallelism: 3 })
  await second.execute({ checkpointFolder: '/b', restoreFrom: '/savepoints/one', fileSystems })
  expect(collected.values.sort()).toEqual(expected(20_000))
})

test('state whose operator is gone is named, and dropped only when asked to', async () => {
  const fileSystems = memory()
  const numbers = Array.from({ length: 2000 }, (_, n) => n)
  const first = counting(numbers, new Collected(), {}).start({ checkpointFolder: '/a', fileSystems })
  while (first.state !== 'RUNNING') await new Promise((resolve) => setImmediate(resolve))
  await first.savepoint('/savepoints/two', 'suspend')
  const other = StreamExecutionEnvironment.create().enableCheckpointing(10)
  other.fromCollection(numbers).uid('numbers').sinkTo(collectSink(new Collected<number>())).uid('out')
  await expect(other.execute({ restoreFrom: '/savepoints/two', fileSystems })).rejects.toMatchObject({
    code: 'SAVEPOINT_STATE_UNMAPPED',
    message: expect.stringContaining("operator 'count'"),
  })
})
