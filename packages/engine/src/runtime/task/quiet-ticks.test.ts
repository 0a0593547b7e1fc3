import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../api/environment.ts'
import { seededRandom } from '../../common/random.ts'
import type { Source } from '../../spi/source.ts'
import { VirtualTime } from '../../testing/virtual-time.ts'
import { createFileSystems } from '../storage/file-systems.ts'
import { WatermarkStrategy } from '../time/watermark-strategy.ts'
import { TaskThread } from './task-thread.ts'
import { ThreadWaker } from './thread-waker.ts'

const INTERVAL_MS = 200

/** A running thread with a source that gives a record whenever the test says so; `ticks` are the times of its ticks. */
async function runningThread() {
  const time = new VirtualTime()
  const ticks: number[] = []
  let pending = 0
  let wakeSource: () => void = () => {}
  const source: Source<number> = {
    name: 'quiet',
    boundedness: 'unbounded',
    createEnumerator: () => ({
      start() {},
      addReader() {},
      addSplitsBack() {},
      snapshotState: () => null,
      async close() {},
    }),
    createReader: () => ({
      start: (wake) => {
        wakeSource = wake
      },
      addSplits() {},
      notifyNoMoreSplits() {},
      poll(output) {
        if (pending === 0) return 'nothing'
        pending--
        output.split('only').emit(1, 0)
        return 'more'
      },
      snapshotState: () => [],
      async close() {},
    }),
  }
  const generator = {
    onEvent() {},
    currentWatermarkMs() {
      if (ticks.at(-1) !== time.monotonicMs()) ticks.push(time.monotonicMs())
      return 0
    },
  }
  const env = StreamExecutionEnvironment.create({ parallelism: 1 })
  env
    .fromSource(
      source,
      WatermarkStrategy.forGenerator(() => generator),
      'quiet',
    )
    .filter(() => false)
    .keyBy(() => 0)
    .reduce((one) => one)
    .print()
  const graph = env.compile('test')
  const thread = new TaskThread(
    graph,
    { thread: 0, threads: 1, checkpointMode: 'exactly-once', autoWatermarkIntervalMs: INTERVAL_MS },
    {
      clock: time,
      scheduler: time,
      random: seededRandom(1),
      fileSystems: createFileSystems({}),
      waker: new ThreadWaker(),
      links: { writer: () => undefined, reader: () => undefined, pump: () => false },
      post() {},
    },
  )
  thread.handle({ kind: 'deploy', deployment: { attempt: 1, graphHash: graph.hash, restore: [] } })
  await time.advance(0)
  thread.handle({ kind: 'run' })
  await time.advance(0)
  const give = () => {
    pending++
    wakeSource()
  }
  const gaps = () => ticks.slice(1).map((atMs, i) => atMs - ticks[i]!)
  /** Work, but not for a record. */
  const checkpoint = () =>
    thread.handle({
      kind: 'trigger-checkpoint',
      target: undefined,
      barrier: { checkpointId: 1, timestampMs: time.now(), kind: 'checkpoint', stop: 'none' },
    })
  return { thread, time, ticks, give, checkpoint, gaps }
}

test('a thread without work ticks less often, and at its interval again from the first record on', async () => {
  const { thread, time, ticks, give, gaps } = await runningThread()
  give()
  await time.advance(60_000)
  expect(gaps().slice(0, 48)).toEqual(new Array(48).fill(INTERVAL_MS))
  expect(new Set(gaps().slice(52))).toEqual(new Set([5_000]))
  await time.advance(1_500)
  ticks.length = 0
  const fromMs = time.monotonicMs()
  give()
  await time.advance(5_000)
  expect(ticks[0]! - fromMs).toBeLessThanOrEqual(INTERVAL_MS)
  expect(new Set(gaps())).toEqual(new Set([INTERVAL_MS]))
  await thread.close()
})

test('a checkpoint, which changes nothing about event time, leaves a quiet thread quiet', async () => {
  const { thread, time, ticks, give, checkpoint, gaps } = await runningThread()
  give()
  await time.advance(60_500)
  ticks.length = 0
  checkpoint()
  await time.advance(10_000)
  expect(new Set(gaps())).toEqual(new Set([5_000]))
  await thread.close()
})
