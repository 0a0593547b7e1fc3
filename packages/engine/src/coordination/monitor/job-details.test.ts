import { expect, test } from 'vitest'
import type { StreamExecutionEnvironment } from '../../api/environment.ts'
import { Collected, collectSink } from '../../runtime/sink/collect-sink.ts'
import { SimulatedCluster } from '../../testing/simulated-cluster.ts'
import type { CompletedCheckpoint } from '../checkpoint-coordinator.ts'
import { simulatedJob } from '../simulated-job-fixture.ts'

const declare = (failAt?: number) => (env: StreamExecutionEnvironment) =>
  void env
    .fromCollection(Array.from({ length: 4000 }, (_, n) => n))
    .uid('numbers')
    .map((n) => {
      if (n === failAt) throw new RangeError('planted')
      return n
    })
    .name('Check')
    .keyBy((n) => n % 5)
    .reduce((a) => a)
    .uid('first')
    .name('First')
    .sinkTo(collectSink(new Collected<number>()))
    .uid('out')

function start(failAt?: number, simulated = new SimulatedCluster(4)) {
  const completed: CompletedCheckpoint[] = []
  const { job } = simulated.start({
    ...simulatedJob,
    declare: declare(failAt),
    events: { onCheckpoint: (checkpoint) => completed.push(checkpoint) },
  })
  return { job, time: simulated.time, completed }
}

test('subtasks go from created to finished, and the checkpoints are those that the job told', async () => {
  const { job, time, completed } = start()
  await time.until(job.result, 60_000)
  const { tasks, state, timestamps, exceptions } = job.details()
  expect(state).toBe('FINISHED')
  expect(Object.keys(timestamps)).toEqual(['CREATED', 'INITIALIZING', 'RUNNING', 'FINISHED'])
  expect(exceptions).toEqual([])
  expect(tasks.map(({ subtasks }) => subtasks.length)).toEqual([1, 2, 2])
  for (const { state, timestamps } of tasks.flatMap(({ subtasks }) => subtasks)) {
    expect(state).toBe('FINISHED')
    expect(Object.keys(timestamps)).toEqual(['CREATED', 'DEPLOYING', 'INITIALIZING', 'RUNNING', 'FINISHED'])
  }
  const { counts, history, latest } = job.checkpoints()
  expect(counts).toMatchObject({ total: completed.length, completed: completed.length, inProgress: 0, failed: 0 })
  const told = completed.slice(-10).reverse()
  const shown = history.map(({ id, path, sizeBytes, durationMs }) => ({ id, path, sizeBytes, durationMs }))
  expect(shown).toEqual(told.map(({ id, path, sizeBytes, durationMs }) => ({ id, path, sizeBytes, durationMs })))
  const { answers = [], sizeBytes, durationMs } = job.checkpointById(latest.completed?.id ?? 0) ?? {}
  expect(answers.map(({ task, subtask }) => `${task}/${subtask}`).sort()).toEqual(['0/0', '1/0', '1/1', '2/0', '2/1'])
  expect(answers.reduce((sum, answer) => sum + answer.sizeBytes, 0)).toBe(sizeBytes)
  for (const answer of answers) expect(answer.durationMs).toBeLessThanOrEqual(durationMs ?? 0)
})

test('each failure is remembered with its place', async () => {
  const { job, time } = start(1999)
  await time.until(
    job.result.catch(() => {}),
    60_000,
  )
  const { exceptions, restarts, tasks, state } = job.details()
  expect({ state, restarts }).toEqual({ state: 'FAILED', restarts: 2 })
  expect(exceptions.map(({ attempt }) => attempt)).toEqual([3, 2, 1])
  for (const { task, subtask, error } of exceptions) {
    expect({ task, subtask }).toEqual({ task: 'Check', subtask: expect.any(Number) })
    expect(error).toMatchObject({ code: 'APPLICATION_ERROR', message: expect.stringContaining('planted') })
  }
  const ends = tasks.flatMap(({ subtasks }) => subtasks.map((one) => one.state))
  expect(ends.filter((end) => end === 'FAILED')).toHaveLength(1)
  for (const end of ends) expect(['FINISHED', 'CANCELED', 'FAILED']).toContain(end)
})

test('what was restored is told', async () => {
  const simulated = new SimulatedCluster(4)
  const first = start(undefined, simulated)
  await first.time.until(first.job.result, 60_000)
  const { job, time } = start(undefined, simulated)
  await time.until(job.result, 60_000)
  const last = first.completed.at(-1)
  expect(job.checkpoints()).toMatchObject({
    counts: { restored: 1 },
    latest: { restored: { id: last?.id, kind: 'checkpoint', path: last?.path } },
  })
})
