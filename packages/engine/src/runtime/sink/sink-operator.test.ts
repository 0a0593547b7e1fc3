import { expect, test } from 'vitest'
import type { Sink, SinkSnapshot } from '../../spi/sink.ts'
import { operatorHarness } from '../../testing/operator-harness.ts'
import { COMMITTABLES_STATE, SinkOperator } from './sink-operator.ts'

/** A sink whose snapshots resolve when the test says so, and whose commits are listed. */
function scriptedSink() {
  const snapshots = new Map<number, { resolve(part: SinkSnapshot<string, string>): void; reject(error: Error): void }>()
  const commits: string[] = []
  const sink: Sink<string, string, string> = {
    name: 'scripted',
    guarantee: 'exactly-once',
    createWriter: () => ({
      async open() {},
      write() {},
      isWritable: () => true,
      snapshot: (checkpointId) =>
        new Promise((resolve, reject) => {
          snapshots.set(checkpointId, { resolve, reject })
        }),
      async close() {},
    }),
    createCommitter: () => ({
      async commit(committables) {
        commits.push(...committables)
      },
      async close() {},
    }),
  }
  const complete = (id: number, ...committables: string[]): void =>
    snapshots.get(id)?.resolve({ writerStates: [], committables })
  return { sink, commits, complete, fail: (id: number) => snapshots.get(id)?.reject(new Error('disk gone')) }
}

const committablesOf = async (lists: Promise<Readonly<Record<string, readonly unknown[]>>> | undefined) =>
  (await lists)?.[COMMITTABLES_STATE]

test('a snapshot holds what earlier ones left, also when those are complete only after it', async () => {
  const { sink, complete } = scriptedSink()
  const { operator } = operatorHarness((context) => new SinkOperator(sink, context))
  const first = operator.snapshot(1, 'checkpoint').lists
  const second = operator.snapshot(2, 'checkpoint').lists
  complete(2, 'b')
  complete(1, 'a')
  await first
  expect(await committablesOf(second)).toEqual([
    { checkpointId: 1, committables: ['a'] },
    { checkpointId: 2, committables: ['b'] },
  ])
})

test('a failed snapshot fails the subtask: its records would be in no later one', async () => {
  const { sink, fail } = scriptedSink()
  const { operator } = operatorHarness((context) => new SinkOperator(sink, context))
  const { lists } = operator.snapshot(1, 'checkpoint')
  expect(operator.isReady()).toBe(true)
  fail(1)
  await expect(lists).rejects.toThrow('disk gone')
  expect(() => operator.isReady()).toThrow('disk gone')
  expect(() => operator.snapshot(2, 'checkpoint')).toThrow('disk gone')
})

test('a completed checkpoint commits all before it, oldest first, once', async () => {
  const { sink, complete, commits } = scriptedSink()
  const { operator } = operatorHarness((context) => new SinkOperator(sink, context))
  for (const id of [1, 2, 3]) {
    const { lists } = operator.snapshot(id, 'checkpoint')
    complete(id, `c${id}`)
    await lists
  }
  await operator.notifyCheckpointComplete(2)
  expect(commits).toEqual(['c1', 'c2'])
  await operator.notifyCheckpointComplete(3)
  expect(commits).toEqual(['c1', 'c2', 'c3'])
})

test('what a restored checkpoint holds is committed before the first record', async () => {
  const { sink, commits } = scriptedSink()
  const { operator } = operatorHarness((context) => new SinkOperator(sink, context), {
    lists: {
      [COMMITTABLES_STATE]: [
        { checkpointId: 4, committables: ['late'] },
        { checkpointId: 3, committables: ['early'] },
        { checkpointId: 4, committables: ['of another subtask'] },
      ],
    },
  })
  await operator.open()
  expect(commits).toEqual(['early', 'late', 'of another subtask'])
})
