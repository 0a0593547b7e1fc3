import { expect, test } from 'vitest'
import { outputTag } from '../runtime/operators/functions.ts'
import { Collected, collectSink } from '../runtime/sink/collect-sink.ts'
import { WatermarkStrategy } from '../runtime/time/watermark-strategy.ts'
import { valueState } from '../spi/state.ts'
import { StreamExecutionEnvironment } from './environment.ts'
import { TumblingEventTimeWindows } from './windowed-stream.ts'

const byTime = WatermarkStrategy.forMonotonousTimestamps<{ at: number }>().withTimestampAssigner((r) => r.at)

test('map, filter and flatMap are one chain whose order is kept', async () => {
  const env = StreamExecutionEnvironment.create()
  const out = await env
    .fromCollection([1, 2, 3, 4])
    .map((n) => n * 10)
    .filter((n) => n !== 20)
    .flatMap((n) => [n, n + 1])
    .executeAndCollect()
  expect(out).toEqual([10, 11, 30, 31, 40, 41])
})

test('records of one key meet their state in one subtask, at any parallelism', async () => {
  const words = ['a', 'b', 'a', 'c', 'a', 'b']
  const env = StreamExecutionEnvironment.create({ parallelism: 3 })
  const out = await env
    .fromCollection(words)
    .keyBy((word) => word)
    .process<string>(() => {
      let count: { value(): number | null; update(n: number): void }
      return {
        open(context) {
          count = context.getState(valueState<number>('count'))
        },
        processElement(word, _context, out) {
          const n = (count.value() ?? 0) + 1
          count.update(n)
          out.collect(`${word}${n}`)
        },
      }
    })
    .executeAndCollect()
  expect(out.sort()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
})

test('tumbling windows fire at the end of bounded input; side outputs carry what the function sends there', async () => {
  const env = StreamExecutionEnvironment.create({ parallelism: 2 })
  const odd = outputTag<number>('odd')
  const records = [1, 3, 12, 14, 25].map((at) => ({ at, key: 'k' }))
  const source = env.fromCollection(records, byTime)
  const split = source.process<{ at: number; key: string }>(() => ({
    processElement(value, context, out) {
      if (value.at % 2 === 1) context.output(odd, value.at)
      out.collect(value)
    },
  }))
  const odds = new Collected<number>()
  split.getSideOutput(odd).sinkTo(collectSink(odds))
  const sums = await split
    .keyBy((r) => r.key)
    .window(TumblingEventTimeWindows.of(10))
    .aggregate(
      { createAccumulator: () => 0, add: (r, sum) => sum + r.at, getResult: (sum) => sum },
      (key, window, sum, out) => out.collect([key, window.startMs, sum]),
    )
    .executeAndCollect()
  expect(sums).toEqual([
    ['k', 0, 4],
    ['k', 10, 26],
    ['k', 20, 25],
  ])
  expect(odds.values.sort((a, b) => a - b)).toEqual([1, 3, 25])
})

test('an async function is refused when the program is declared', () => {
  const env = StreamExecutionEnvironment.create()
  const later = async (n: number) => n
  expect(() => env.fromCollection([1]).map(later as unknown as (n: number) => number)).toThrow(
    'was given an async function',
  )
})

test('a failure in a function fails the job and names the task', async () => {
  const env = StreamExecutionEnvironment.create()
  const run = env
    .fromCollection([1])
    .map((): number => {
      throw new Error('no good')
    })
    .executeAndCollect()
  await expect(run).rejects.toMatchObject({
    message: 'no good',
    kind: 'application',
    details: { task: expect.stringContaining('Map') },
  })
})
