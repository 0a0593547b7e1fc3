import { VirtualTime } from '@millrace/engine/testing'
import { beforeEach, expect, test } from 'vitest'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { jobMetrics } from './job-metrics-fixture.ts'
import { jobPoints } from './job-points.ts'
import { MetricHistory } from './metric-history.ts'
import { MetricsQueries } from './metrics-query.ts'

const START = 1_700_000_040_000
let time: VirtualTime
let queries: MetricsQueries

beforeEach(() => {
  time = new VirtualTime(START)
  const history = new MetricHistory()
  for (const secondsAgo of [110, 50, 40]) {
    const collectedMs = START - secondsAgo * 1000
    history.add('orders', jobPoints(jobMetrics({ collectedMs, level: 'TASK', kpus: secondsAgo }), undefined))
  }
  const record = { name: 'orders', status: 'RUNNING', configuration: { monitoring: { metricsLevel: 'TASK' } } }
  const store = { application: async (name: string) => (name === 'orders' ? (record as ApplicationRecord) : undefined) }
  queries = new MetricsQueries(store, history, time)
})

const ask = async (target: string) => JSON.parse(String((await queries.handle({ target })).body))

test('without a name: the newest of all, or of one level', async () => {
  const { metrics, status, metricsLevel } = await ask('/apps/orders/metrics')
  expect({ status, metricsLevel }).toEqual({ status: 'RUNNING', metricsLevel: 'TASK' })
  expect(metrics).toContainEqual({
    name: 'KPUs',
    level: 'APPLICATION',
    dimensions: { Application: 'orders' },
    unit: 'Count',
    timestamp: new Date(START - 40_000).toISOString(),
    value: 40,
  })
  const levels = (answer: { metrics: { level: string }[] }) => new Set(answer.metrics.map(({ level }) => level))
  expect(levels(await ask('/apps/orders/metrics'))).toEqual(new Set(['APPLICATION', 'TASK']))
  expect(levels(await ask('/apps/orders/metrics?level=task'))).toEqual(new Set(['TASK']))
  expect(await ask('/apps/orders/metrics?level=OPERATOR')).toMatchObject({
    metrics: [],
    note: expect.stringContaining('TASK'),
  })
})

test('with a name: its history, by period and statistic', async () => {
  const { series } = await ask('/apps/orders/metrics?name=KPUs')
  expect(series).toEqual([
    {
      name: 'KPUs',
      level: 'APPLICATION',
      dimensions: { Application: 'orders' },
      unit: 'Count',
      datapoints: [
        { timestamp: iso(120), Average: 110, Sum: 110, Minimum: 110, Maximum: 110, SampleCount: 1 },
        { timestamp: iso(60), Average: 45, Sum: 90, Minimum: 40, Maximum: 50, SampleCount: 2 },
      ],
    },
  ])
  const fine = await ask(`/apps/orders/metrics?end=${START}&name=KPUs&period=10&start=${iso(60)}&statistic=Maximum`)
  expect(fine.series[0].datapoints).toEqual([
    { timestamp: iso(50), Maximum: 50 },
    { timestamp: iso(40), Maximum: 40 },
  ])
})

const iso = (secondsAgo: number) => new Date(START - secondsAgo * 1000).toISOString()

test.each([
  ['?name=made', 'InvalidArgumentException'],
  ['?level=ALL', 'InvalidArgumentException'],
  ['?name=KPUs&period=15', 'InvalidArgumentException'],
  ['?name=KPUs&period=0', 'InvalidArgumentException'],
  ['?name=KPUs&statistic=p99', 'InvalidArgumentException'],
  ['?name=KPUs&start=yesterday', 'InvalidArgumentException'],
  ['?name=KPUs&start=5&end=4', 'InvalidArgumentException'],
  ['?name=KPUs&start=0&period=60', 'InvalidArgumentException'],
  [`?name=KPUs&start=${START - 7_200_000}&period=10`, 'InvalidArgumentException'],
])('%s is refused', async (query, type) => {
  await expect(ask(`/apps/orders/metrics${query}`)).rejects.toMatchObject({ type })
})

test('of no application there is nothing', async () => {
  await expect(ask('/apps/other/metrics')).rejects.toMatchObject({ type: 'ResourceNotFoundException' })
})
