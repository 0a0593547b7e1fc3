import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../api/environment.ts'
import { seededRandom } from '../../common/random.ts'
import type { Sink } from '../../spi/sink.ts'
import { VirtualTime } from '../../testing/virtual-time.ts'
import { createFileSystems } from '../storage/file-systems.ts'
import type { FromThread } from './messages.ts'
import { TaskThread } from './task-thread.ts'
import { ThreadWaker } from './thread-waker.ts'

/** A thread whose sinks open when the test says so. */
function threadWith(parallelism: number) {
  const events: string[] = []
  const opens: (() => void)[] = []
  const sink: Sink<number, never, never> = {
    name: 'slow to open',
    guarantee: 'at-least-once',
    createWriter: ({ subtaskIndex }) => ({
      open: () =>
        new Promise((resolve) => {
          events.push(`opening ${subtaskIndex}`)
          opens.push(resolve)
        }),
      write() {},
      isWritable: () => true,
      snapshot: async () => ({ writerStates: [], committables: [] }),
      async close() {
        events.push(`closed ${subtaskIndex}`)
      },
    }),
  }
  const env = StreamExecutionEnvironment.create({ parallelism })
  env.fromCollection([1, 2, 3]).sinkTo(sink)
  const graph = env.compile('test')
  const time = new VirtualTime()
  const posted: FromThread[] = []
  const thread = new TaskThread(
    graph,
    { thread: 0, threads: 1, checkpointMode: 'exactly-once', autoWatermarkIntervalMs: 0 },
    {
      clock: time,
      scheduler: time,
      random: seededRandom(1),
      fileSystems: createFileSystems({}),
      waker: new ThreadWaker(),
      links: { writer: () => undefined, reader: () => undefined, pump: () => false },
      post: (message) => posted.push(message),
    },
  )
  const deploy = (graphHash = graph.hash) =>
    thread.handle({ kind: 'deploy', deployment: { attempt: 1, graphHash, restore: [] } })
  return { thread, events, opens, posted, time, deploy }
}

test('a thread that is closed while it opens closes everything, once, and never says it is deployed', async () => {
  const { thread, events, opens, posted, time, deploy } = threadWith(2)
  deploy()
  await time.advance(0)
  expect(events).toEqual(['opening 0'])
  await thread.close()
  expect(events).toEqual(['opening 0', 'closed 1'])
  opens[0]?.()
  await time.advance(0)
  await thread.close()
  expect(events).toEqual(['opening 0', 'closed 1', 'closed 0'])
  expect(posted.filter(({ kind }) => kind === 'deployed')).toEqual([])
})

test('operators are closed once however often the thread is', async () => {
  const { thread, events, opens, posted, time, deploy } = threadWith(1)
  deploy()
  await time.advance(0)
  opens[0]?.()
  await time.advance(0)
  expect(posted).toContainEqual({ kind: 'deployed' })
  await Promise.all([thread.close(), thread.close()])
  await thread.close()
  expect(events).toEqual(['opening 0', 'closed 0'])
})

test('a thread that built another graph than the coordinator says so', async () => {
  const { posted, time, deploy } = threadWith(1)
  deploy('another')
  await time.advance(0)
  expect(posted).toMatchObject([{ kind: 'failed', error: { code: 'GRAPH_DIFFERS', kind: 'invalid' } }])
})
