import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../api/environment.ts'
import { seededRandom } from '../../common/random.ts'
import { VirtualTime } from '../../testing/virtual-time.ts'
import { createFileSystems } from '../storage/file-systems.ts'
import type { FromThread } from './messages.ts'
import { TaskThread } from './task-thread.ts'
import { ThreadWaker } from './thread-waker.ts'

const RECORDS = 12_000
const TRIGGER_AT = 3_000

/** How many records a thread still works off, each in so many milliseconds, when a checkpoint begins in mid-backlog. */
async function recordsBehindBarrier(recordMs: number): Promise<number> {
  const time = new VirtualTime()
  let workedMs = 0
  const clock = { now: () => time.now() + workedMs, monotonicMs: () => time.monotonicMs() + workedMs }
  let processed = 0
  let processedAtBarrier: number | undefined
  const env = StreamExecutionEnvironment.create({ parallelism: 1 })
  env
    .fromCollection(Array.from({ length: RECORDS }, (_, i) => i))
    .keyBy((value) => value % 10)
    .process<number>(() => ({
      processElement() {
        workedMs += recordMs
        if (++processed === TRIGGER_AT) trigger()
      },
    }))
    .print()
  const graph = env.compile('slow')
  const post = (message: FromThread) => {
    if (message.kind === 'checkpoint-acknowledged' && message.snapshot.task > 0) processedAtBarrier ??= processed
    if (message.kind === 'reader-registered') {
      const { operatorId, subtask } = message
      thread.handle({ kind: 'add-splits', operatorId, subtask, splits: [{ id: 'all', next: 0 } as never] })
      thread.handle({ kind: 'no-more-splits', operatorId, subtask })
    }
  }
  const thread: TaskThread = new TaskThread(
    graph,
    { thread: 0, threads: 1, checkpointMode: 'exactly-once', autoWatermarkIntervalMs: 0 },
    {
      clock,
      scheduler: time,
      random: seededRandom(1),
      fileSystems: createFileSystems({}),
      waker: new ThreadWaker(),
      links: { writer: () => undefined, reader: () => undefined, pump: () => false },
      post,
    },
  )
  const trigger = () => {
    const barrier = { checkpointId: 1, timestampMs: clock.now(), kind: 'checkpoint', stop: 'none' } as const
    thread.handle({ kind: 'trigger-checkpoint', target: undefined, barrier })
  }
  thread.handle({ kind: 'deploy', deployment: { attempt: 1, graphHash: graph.hash, restore: [] } })
  await time.advance(0)
  thread.handle({ kind: 'run' })
  for (let rounds = 0; processed < RECORDS && rounds < RECORDS; rounds++) await time.advance(0)
  await thread.close()
  expect(processed).toBe(RECORDS)
  return (processedAtBarrier ?? Number.POSITIVE_INFINITY) - TRIGGER_AT
}

test('a barrier waits behind some half a second of work, however slow the records are', async () => {
  for (const recordMs of [1, 10, 100]) {
    const records = await recordsBehindBarrier(recordMs)
    expect(records * recordMs).toBeLessThan(1_000)
  }
})
