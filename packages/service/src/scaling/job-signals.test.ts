import { expect, test } from 'vitest'
import { newApplication } from '../applications/lifecycle-world-fixture.ts'
import type { JobMetrics } from '../metrics/job-metrics.ts'
import { jobMetrics, metricsEvent } from '../metrics/job-metrics-fixture.ts'
import { JobSignals } from './job-signals.ts'

const application = newApplication('a', 0, 'RUNNING')
const telling = (answers: (JobMetrics | undefined)[]) => new JobSignals({ of: async () => answers.shift() }, () => 3)

test('the busiest vertex, the sources and the lag, although only metrics of the application are kept', async () => {
  const event = metricsEvent()
  const operators = event.operators.map((line) => ({ ...line, values: { ...line.values, numRecordsInPerSecond: 10 } }))
  const signals = telling([jobMetrics({ level: 'APPLICATION', event: { ...event, operators } })])
  const point = await signals.point(application)
  // A total of CPU time alone says nothing.
  expect(point).toMatchObject({ cpuUtilizationPercent: undefined, busyPercent: 100, currentParallelism: 3 })
  // Two subtasks of the source; what operators behind it receive isn't input of the application.
  expect(point?.recordsInPerSecond).toBe(20)
  expect(point?.backlog).toEqual({ millisBehindLatest: expect.any(Number) })
})

test('CPU is what was used since the answer before, of the same process', async () => {
  const first = metricsEvent({ uptimeMs: 50_000 })
  const next = metricsEvent({ uptimeMs: 60_000 })
  const used = { ...next.process, cpuTimeMs: first.process.cpuTimeMs + 5000 }
  const signals = telling([
    jobMetrics({ kpus: 1, event: first }),
    jobMetrics({ kpus: 1, event: { ...next, process: used } }),
    jobMetrics({ kpus: 1, epoch: 99, event: next }),
  ])
  await signals.point(application)
  expect((await signals.point(application))?.cpuUtilizationPercent).toBeCloseTo(50)
  expect((await signals.point(application))?.cpuUtilizationPercent).toBeUndefined()
})

test('when a thread has no time to answer, the others do not stand for the job', async () => {
  const event = metricsEvent()
  const busy = { ...event, threads: event.threads.slice(1) }
  const signals = telling([
    jobMetrics({ event }),
    jobMetrics({ event: busy }),
    jobMetrics({ event }),
    jobMetrics({ epoch: 99, event: busy }),
  ])
  const unknown = { busyPercent: undefined, recordsInPerSecond: undefined, backlog: undefined }
  expect(await signals.point(application)).toMatchObject({ busyPercent: 100 })
  expect(await signals.point(application)).toMatchObject({ ...unknown, currentParallelism: 3 })
  expect(await signals.point(application)).toMatchObject({ busyPercent: 100 })
  expect(await signals.point(application)).toMatchObject({ busyPercent: 100 })
})

test.each([
  ['does not answer', undefined],
  ['is restarting', jobMetrics({ event: metricsEvent({ state: 'RESTARTING' }) })],
])('a job that %s makes no point', async (_, answer) => {
  expect(await telling([answer]).point(application)).toBeUndefined()
})
