import type { CheckpointEntry, JobDetails, JobPlan } from '@millrace/engine/host'
import { EngineError } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { beforeEach, expect, test } from 'vitest'
import type { CheckpointsEvent, MetricsEvent } from '../launchers/index.ts'
import { type InspectedProcess, ProcessInspection } from './process-inspection.ts'

const plan = { name: 'p', type: 'STREAMING', nodes: [] } as JobPlan
const entry = { id: 7 } as CheckpointEntry
const checkpoints = { history: [entry], latest: {} } as unknown as CheckpointsEvent['checkpoints']

let time: VirtualTime
let inspection: ProcessInspection
let asked: string[]
/** Thrown when it is asked. */
let failure: EngineError | undefined
let restarts: number

const process: InspectedProcess = {
  plan: () => answer('plan', () => ({ type: 'plan', plan })),
  details: () => answer('details', () => ({ type: 'details', details: { restarts } as JobDetails })),
  checkpoints: (id) =>
    answer(`checkpoints ${id ?? ''}`, () => ({ type: 'checkpoints', checkpoints, checkpoint: entry })),
  memoryBytes: () => answer('memory', () => 1000),
  metrics: () => answer('metrics', () => ({ type: 'metrics' }) as MetricsEvent),
  checkpoint: () => answer('checkpoint', () => ({ type: 'checkpoint', id: 8, path: null, bytes: 1, durationMs: 1 })),
  savepoint: (path = '') => answer(`savepoint ${path}`, () => ({ id: 9, path, bytes: 1, durationMs: 1 })),
}

async function answer<T>(what: string, value: () => T): Promise<T> {
  asked.push(what)
  if (failure !== undefined) throw failure
  return value()
}

beforeEach(() => {
  time = new VirtualTime()
  asked = []
  failure = undefined
  restarts = 0
  inspection = new ProcessInspection(3, () => '/savepoints/new', time)
  inspection.attach(process)
})

test('however many ask, the job is asked every 200 ms', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => inspection.details()))
  expect(new Set(answers)).toEqual(new Set([{ restarts: 0 }]))
  await time.advance(199)
  await inspection.details()
  expect(asked).toEqual(['details'])
  await time.advance(1)
  restarts = 1
  expect(await inspection.details()).toEqual({ restarts: 1 })
  expect(asked).toEqual(['details', 'details'])
})

test('memory is added up every minute, and gone with the process', async () => {
  expect(await inspection.memoryBytes()).toBe(1000)
  await time.advance(58_999)
  await inspection.memoryBytes()
  expect(asked).toEqual(['memory'])
  await time.advance(1)
  await inspection.memoryBytes()
  expect(asked).toEqual(['memory', 'memory'])
  inspection.processEnded({ outcome: 'STOPPED', cause: undefined })
  expect(await inspection.memoryBytes()).toBeUndefined()
})

test('a plan is asked for once', async () => {
  expect(await inspection.plan()).toBe(plan)
  await time.advance(10_000)
  expect(await inspection.plan()).toBe(plan)
  expect(asked).toEqual(['plan'])
})

test('while the application is being loaded there is nothing to know', async () => {
  failure = new EngineError('NOT_RUNNING', { kind: 'invalid', message: 'still being loaded' })
  expect(await inspection.details()).toBeUndefined()
  expect(await inspection.checkpoint(7)).toBeUndefined()
  await expect(inspection.takeCheckpoint()).rejects.toThrow(expect.objectContaining({ code: 'NOT_RUNNING' }))
  await time.advance(200)
  failure = undefined
  expect(await inspection.details()).toEqual({ restarts: 0 })
})

test('when the process is gone, what it told last stays', async () => {
  await inspection.details()
  inspection.listener.onDetails?.({ type: 'details', details: { restarts: 5 } as JobDetails })
  inspection.listener.onCheckpoints?.({ type: 'checkpoints', checkpoints })
  inspection.listener.onPlan?.({ type: 'plan', plan })
  await time.advance(30)
  expect(inspection.ended).toBeUndefined()
  inspection.processEnded({ outcome: 'FINISHED', cause: undefined })
  expect(inspection.ended).toEqual({ outcome: 'FINISHED', cause: undefined, atMs: time.now() })
  await time.advance(1000)
  expect(await inspection.details()).toEqual({ restarts: 5 })
  expect(await inspection.checkpoint(7)).toBe(entry)
  expect(await inspection.checkpoint(6)).toBeUndefined()
  expect(await inspection.plan()).toBe(plan)
  expect(await inspection.metrics()).toBeUndefined()
  expect(asked).toEqual(['details'])
  await expect(inspection.takeSavepoint()).rejects.toThrow(expect.objectContaining({ code: 'NOT_RUNNING' }))
})

test('a savepoint goes into a folder of its own', async () => {
  expect(await inspection.takeSavepoint()).toMatchObject({ id: 9, path: '/savepoints/new' })
  expect(await inspection.takeCheckpoint()).toMatchObject({ id: 8 })
})
