import { beforeEach, expect, test } from 'vitest'
import { EngineError } from '../../common/errors.ts'
import type { JobGraph } from '../../runtime/task/task-description.ts'
import { VirtualTime } from '../../testing/virtual-time.ts'
import { CheckpointHistory } from './checkpoint-history.ts'

const task = { index: 0, name: 'task', parallelism: 2, operators: [] }
const graph: JobGraph = { name: 'test', maxParallelism: 8, hash: '', tasks: [task], edges: [] }
const failure = new EngineError('CHECKPOINT_EXPIRED', { kind: 'unavailable', message: 'too slow' })

let time: VirtualTime
let history: CheckpointHistory
beforeEach(() => {
  time = new VirtualTime()
  history = new CheckpointHistory(graph, time)
})

function answer(id: number, subtask: number, sizeBytes = 5): void {
  const times = { startDelayMs: 1, alignmentMs: 2, syncMs: 3, asyncMs: 4 }
  history.acknowledged(id, { task: 0, subtask, file: undefined, operatorIds: [], sizeBytes, ...times })
}

async function complete(id: number, durationMs: number, kind: 'checkpoint' | 'savepoint' = 'checkpoint') {
  history.triggered(id, kind, false)
  await time.advance(durationMs)
  answer(id, 0)
  answer(id, 1)
  history.completed({ id, kind, path: `/${kind}-${id}`, sizeBytes: 10, durationMs })
}

test('nothing has happened yet', () => {
  const none = { min: 0, max: 0, avg: 0, p50: null, p90: null, p95: null, p99: null, p999: null }
  expect(history.report()).toEqual({
    counts: { restored: 0, total: 0, inProgress: 0, completed: 0, failed: 0 },
    summary: { sizeBytes: none, durationMs: none },
    latest: { completed: null, savepoint: null, failed: null, restored: null },
    history: [],
  })
})

test('a checkpoint under way grows with every answer', async () => {
  const triggeredMs = time.now()
  history.triggered(7, 'checkpoint', false)
  await time.advance(20)
  answer(7, 1, 6)
  await time.advance(5)
  expect(history.report()).toMatchObject({
    counts: { total: 1, inProgress: 1, completed: 0 },
    history: [
      {
        id: 7,
        status: 'IN_PROGRESS',
        triggeredMs,
        latestAcknowledgedMs: triggeredMs + 20,
        sizeBytes: 6,
        durationMs: 25,
        subtasks: 2,
        acknowledgedSubtasks: 1,
      },
    ],
  })
  expect(history.report().history[0]).not.toHaveProperty('answers')
  const times = { startDelayMs: 1, alignmentMs: 2, syncMs: 3, asyncMs: 4 }
  expect(history.checkpoint(7)?.answers).toEqual([
    { task: 0, subtask: 1, acknowledgedMs: triggeredMs + 20, durationMs: 20, sizeBytes: 6, ...times },
  ])
})

test('completed ones are summed up; the latest of each kind is told beside the history', async () => {
  await complete(1, 10)
  await complete(2, 20, 'savepoint')
  history.triggered(3, 'checkpoint', false)
  await time.advance(40)
  history.failed(3, failure)
  await complete(4, 30)
  history.discardedBelow(4)
  const report = history.report()
  expect(report.counts).toEqual({ restored: 0, total: 4, inProgress: 0, completed: 3, failed: 1 })
  expect(report.summary.durationMs).toMatchObject({ min: 10, max: 30, avg: 20, p50: 20, p99: 30 })
  expect(report.latest).toMatchObject({
    completed: { id: 4, path: '/checkpoint-4', discarded: false },
    savepoint: { id: 2, path: '/savepoint-2' },
    failed: { id: 3, durationMs: 40, failure: { message: 'too slow' } },
  })
  expect(report.history.map(({ id, status, discarded }) => [id, status, discarded])).toEqual([
    [4, 'COMPLETED', false],
    [3, 'FAILED', false],
    [2, 'COMPLETED', false],
    [1, 'COMPLETED', true],
  ])
})

test('it remembers ten, and the latest of each kind however old', async () => {
  await complete(1, 1, 'savepoint')
  for (let id = 2; id <= 30; id++) await complete(id, 1)
  const report = history.report()
  expect(report.history.map(({ id }) => id)).toEqual([30, 29, 28, 27, 26, 25, 24, 23, 22, 21])
  expect(report.counts.completed).toBe(30)
  expect(history.checkpoint(1)).toMatchObject({ kind: 'savepoint', answers: [{ subtask: 0 }, { subtask: 1 }] })
  expect(history.checkpoint(20)).toBeUndefined()
})

test('what answers late, or ends twice, changes nothing', async () => {
  await complete(1, 10)
  answer(1, 0)
  history.failed(1, failure)
  history.completed({ id: 2, kind: 'checkpoint', path: undefined, sizeBytes: 1, durationMs: 1 })
  expect(history.report()).toMatchObject({ counts: { total: 1, completed: 1, failed: 0 }, latest: { failed: null } })
  expect(history.checkpoint(1)?.sizeBytes).toBe(10)
})

test('a restore is told with its time', async () => {
  await time.advance(9)
  history.restored({ id: 3, kind: 'savepoint', path: '/savepoints/x' })
  expect(history.report()).toMatchObject({
    counts: { restored: 1 },
    latest: { restored: { id: 3, kind: 'savepoint', path: '/savepoints/x', restoredMs: time.now() } },
  })
})
