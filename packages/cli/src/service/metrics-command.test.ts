import { expect, test } from 'vitest'
import { table } from './metrics-command.ts'

const metric = (name: string, unit: string, value: number, dimensions: Record<string, string> = {}) => ({
  name,
  unit,
  value,
  level: 'TASK',
  dimensions: { Application: 'orders', ...dimensions },
})

test('the application first, then task by task, each value with its unit', () => {
  const text = table({
    application: 'orders',
    status: 'RUNNING',
    metricsLevel: 'TASK',
    metrics: [
      metric('busyTimeMsPerSecond', 'Milliseconds', 249.6, { Task: 'Sum' }),
      metric('containerCPUUtilization', 'Percent', 12.34),
      metric('lastCheckpointSize', 'Bytes', 1536),
      metric('currentInputWatermark', 'Milliseconds', 0),
      metric('numRecordsInPerSecond', 'Count/Second', 10.26),
      metric('numRecordsIn', 'Count', 4711),
    ],
  })
  const lines = text.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))
  expect(lines[0]).toBe('orders is RUNNING; metrics at level TASK')
  expect(lines.slice(1)).toEqual([
    'containerCPUUtilization | 12.3 %',
    'lastCheckpointSize | 1.5 KiB',
    'currentInputWatermark | 1970-01-01T00:00:00.000Z',
    'numRecordsInPerSecond | 10.3 /s',
    'numRecordsIn | 4711',
    'Sum | busyTimeMsPerSecond | 250 ms',
  ])
})

test('without figures it says so', () => {
  const nothing = { application: 'orders', status: 'READY', metricsLevel: 'APPLICATION', metrics: [] }
  expect(table(nothing)).toContain('no figures')
})
