import { expect, test } from 'vitest'
import { jobMetrics, metricsEvent } from './job-metrics-fixture.ts'
import { jobPoints } from './job-points.ts'
import { seriesKey } from './metric-point.ts'
import { metricsLevels, metricTable } from './metric-table.ts'

const points = jobPoints(jobMetrics(), undefined)
const at = (name: string, level: string) =>
  points
    .filter((point) => point.name === name && point.level === level)
    .map(({ dimensions: { Application, ...rest }, value }) => ({ ...rest, value }))

test('an application’s records are those its sources read and its sinks were given', () => {
  expect(at('numRecordsIn', 'APPLICATION')).toEqual([{ value: 201 }])
  expect(at('numRecordsOut', 'APPLICATION')).toEqual([{ value: 80 }])
  expect(at('numLateRecordsDropped', 'APPLICATION')).toEqual([{ value: 1 }])
})

test('each level below adds up its own', () => {
  expect(at('numRecordsIn', 'TASK')).toEqual([
    { Task: 'Orders -> Clean', value: 201 },
    { Task: 'Sum -> Out', value: 180 },
  ])
  expect(at('numRecordsIn', 'OPERATOR')).toEqual([
    { Task: 'Orders -> Clean', Operator: 'Orders', value: 201 },
    { Task: 'Orders -> Clean', Operator: 'Clean', value: 201 },
    { Task: 'Sum -> Out', Operator: 'Sum', value: 180 },
    { Task: 'Sum -> Out', Operator: 'Out', value: 80 },
  ])
  expect(at('numRecordsIn', 'PARALLELISM')).toContainEqual({
    Task: 'Orders -> Clean',
    Operator: 'Orders',
    Parallelism: '1',
    value: 101,
  })
})

test('times are means, watermarks the lowest, lags the greatest', () => {
  expect(at('busyTimeMsPerSecond', 'APPLICATION')).toEqual([])
  expect(at('busyTimeMsPerSecond', 'TASK')[0]).toEqual({ Task: 'Orders -> Clean', value: 400 })
  expect(at('busyTimeMsPerSecond', 'OPERATOR')[1]).toEqual({ Task: 'Orders -> Clean', Operator: 'Clean', value: 400 })
  expect(at('currentInputWatermark', 'APPLICATION')).toEqual([{ value: 5000 }])
  // None of the Sum's subtasks has passed one on yet.
  expect(at('currentOutputWatermark', 'OPERATOR')).toEqual([
    { Task: 'Orders -> Clean', Operator: 'Orders', value: 6000 },
  ])
  expect(at('currentEmitEventTimeLag', 'APPLICATION')).toEqual([{ value: 11 }])
})

test('how far behind: of the application the worst shard, of each subtask its shards', () => {
  expect(at('millisBehindLatest', 'APPLICATION')).toEqual([{ value: 300 }])
  expect(at('millisBehindLatest', 'PARALLELISM').map(({ ShardId, value }) => [ShardId, value])).toEqual([
    ['shardId-000000000000', 0],
    ['shardId-000000000001', 300],
  ])
})

test('shares are of the KPUs; CPU is what was used since the time before', () => {
  expect(at('cpuUtilization', 'APPLICATION')).toEqual([])
  expect(at('heapMemoryUtilization', 'APPLICATION')[0]?.value).toBeCloseTo(15)
  expect(at('containerMemoryUtilization', 'APPLICATION')).toEqual([{ value: 12.5 }])
  const shared = jobPoints(jobMetrics({ memoryBytes: 2 ** 29 }), undefined)
  expect(shared.find(({ name }) => name === 'containerMemoryUtilization')?.value).toBe(6.25)
  expect(at('oldGenerationGCCount', 'APPLICATION')).toEqual([{ value: 6 }])
  const event = metricsEvent()
  const later = { ...event, uptimeMs: 70_000, process: { ...event.process, cpuTimeMs: 15_000 } }
  const cpu = (before: number) =>
    jobPoints(jobMetrics({ event: later }), jobMetrics({ epoch: before })).find(
      ({ name }) => name === 'containerCPUUtilization',
    )?.value
  expect(cpu(4)).toBe(25)
  // Another process: its clock and its CPU time are others.
  expect(cpu(3)).toBeUndefined()
})

test('what has no value yet makes no point, and restarts of earlier processes count', () => {
  expect(at('lastCheckpointSize', 'APPLICATION')).toEqual([])
  const restarts = jobPoints(jobMetrics(), undefined, 5).find(({ name }) => name === 'fullRestarts')
  expect(restarts?.value).toBe(6)
})

test.each(metricsLevels)('at level %s nothing finer is told, and nothing coarser is missing', (level) => {
  const kept = jobPoints(jobMetrics({ level }), undefined)
  const allowed = metricsLevels.slice(0, metricsLevels.indexOf(level) + 1)
  expect(kept).toEqual(points.filter((point) => allowed.includes(point.level)))
  expect(kept.length).toBeGreaterThan(0)
})

test('no two points are of one series, and each is declared at its level', () => {
  expect(new Set(points.map(seriesKey)).size).toBe(points.length)
  for (const { name, level } of points) {
    expect(metricTable.find((declaration) => declaration.name === name)?.levels).toContain(level)
  }
  expect(new Set(metricTable.map(({ name }) => name)).size).toBe(metricTable.length)
})
