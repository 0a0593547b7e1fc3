import { silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { beforeEach, expect, test } from 'vitest'
import type { ApplicationRecord } from '../applications/application-record.ts'
import type { JobMetrics } from './job-metrics.ts'
import { jobMetrics, metricsEvent } from './job-metrics-fixture.ts'
import { MetricsCollector } from './metrics-collector.ts'

let time: VirtualTime
let answer: JobMetrics | undefined
let status: ApplicationRecord['status']
let gone: boolean
let collector: MetricsCollector

beforeEach(() => {
  time = new VirtualTime()
  answer = jobMetrics()
  status = 'RUNNING'
  gone = false
  collector = new MetricsCollector({
    store: {
      allApplications: async () => (gone ? [] : [{ name: 'orders', status } as ApplicationRecord]),
      operationsInProgress: async () => [],
    },
    jobs: { of: async () => answer && { ...answer, collectedMs: time.now() } },
    clock: time,
    scheduler: time,
    logger: silentLogger,
  })
})

const latest = (name: string) => collector.latest('orders').find((point) => point.name === name)?.value

test('each ten seconds, in step with the clock', async () => {
  collector.start()
  await time.advance(60_000)
  const range = { startMs: time.now() - 60_000, endMs: time.now() + 10_000, periodMs: 10_000 }
  const [series] = collector.query({ applicationName: 'orders', name: 'KPUs', ...range })
  expect(series?.datapoints).toHaveLength(6)
  for (const { startMs, sampleCount } of series?.datapoints ?? [])
    expect([startMs % 10_000, sampleCount]).toEqual([0, 1])
  await collector.close()
  expect(time.pendingTimers).toBe(0)
})

test('restarts add up over the processes of a run, and begin anew with the next', async () => {
  await collector.collect()
  expect(latest('fullRestarts')).toBe(1)
  answer = jobMetrics({ epoch: 6, event: metricsEvent({ restarts: 2 }) })
  await collector.collect()
  expect(latest('fullRestarts')).toBe(1 + 2 + 2)
  answer = jobMetrics({ epoch: 7, sinceEpoch: 7, event: metricsEvent({ restarts: 0 }) })
  await collector.collect()
  expect(latest('fullRestarts')).toBe(0)
})

test('a job that is gone is down since it last ran; one that was stopped has no newest figures', async () => {
  await collector.collect()
  expect(latest('downtime')).toBe(0)
  answer = undefined
  await time.advance(30_000)
  await collector.collect()
  expect(collector.latest('orders').map(({ name, value }) => [name, value])).toEqual([['downtime', 30_000]])
  status = 'READY'
  await collector.collect()
  expect(collector.latest('orders')).toEqual([])
  const range = { startMs: time.now() - 60_000, endMs: time.now() + 1, periodMs: 10_000 }
  expect(collector.query({ applicationName: 'orders', name: 'KPUs', ...range })).toHaveLength(1)
  gone = true
  await collector.collect()
  expect(collector.query({ applicationName: 'orders', name: 'KPUs', ...range })).toEqual([])
})
