import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applicationFamilies } from './application-families.ts'
import { jobMetrics, metricsEvent } from './job-metrics-fixture.ts'
import { jobPoints } from './job-points.ts'
import { parsePrometheus } from './prometheus-parser-fixture.ts'
import { prometheusText, snakeCase } from './prometheus-text.ts'
import { RequestMetrics } from './request-metrics.ts'

test('whatever labels, help and values are, a parser reads back what was written', () => {
  const labels = fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,5}$/), fc.string({ unit: 'binary' }), {
    maxKeys: 3,
  })
  const distinct = fc.uniqueArray(fc.record({ labels, value: fc.double() }), {
    selector: (sample) => JSON.stringify(Object.entries(sample.labels).sort()),
  })
  fc.assert(
    fc.property(distinct, fc.string(), (samples, help) => {
      const text = prometheusText([{ name: 'm', help: help.replaceAll('\r', ''), type: 'gauge', samples }])
      const plain = samples.map((sample) => ({
        name: 'm',
        ...sample,
        labels: { ...sample.labels },
        value: sample.value + 0,
      }))
      expect(parsePrometheus(text).samples).toEqual(plain)
    }),
  )
})

test('names of one family stand together, whatever the order they come in', () => {
  const family = (name: string, n: string) =>
    ({ name, help: name, type: 'gauge', samples: [{ labels: { n }, value: 1 }] }) as const
  const { samples } = parsePrometheus(prometheusText([family('a', '1'), family('b', '1'), family('a', '2')]))
  expect(samples.map(({ name, labels }) => `${name}${labels['n']}`)).toEqual(['a1', 'a2', 'b1'])
})

test.each([
  ['numRecordsInPerSecond', 'num_records_in_per_second'],
  ['KPUs', 'kpus'],
  ['containerCPUUtilization', 'container_cpu_utilization'],
  ['oldGenerationGCCount', 'old_generation_gc_count'],
])('%s is %s', (name, expected) => expect(snakeCase(name)).toBe(expected))

const textOf = (level: 'APPLICATION' | 'PARALLELISM') => {
  const answer = jobMetrics({ level, event: metricsEvent() })
  return parsePrometheus(prometheusText(applicationFamilies(jobPoints(answer, undefined), answer)))
}

test('an application’s figures under our names and under those of Flink’s reporter', () => {
  const { samples, types } = textOf('PARALLELISM')
  expect(samples).toContainEqual({
    name: 'millrace_application_num_records_in',
    labels: { application: 'orders' },
    value: 201,
  })
  expect(types.get('millrace_application_num_records_in')).toBe('counter')
  expect(samples).toContainEqual({
    name: 'flink_taskmanager_job_task_operator_numRecordsIn',
    labels: {
      job_name: 'orders',
      task_name: 'Sum -> Out',
      operator_name: 'Out',
      operator_id: 'out',
      subtask_index: '1',
    },
    value: 40,
  })
  // A metric of the user's own, and a path whose groups are labels.
  expect(samples.filter(({ name }) => name === 'flink_taskmanager_job_task_operator_mine')).toHaveLength(2)
  const behind = samples.filter(({ name }) => name.endsWith('KinesisStreamSource_millisBehindLatest'))
  expect(behind.map(({ labels, value }) => [labels['stream'], labels['shardId'], value])).toEqual([
    ['my.orders', 'shardId-000000000000', 0],
    ['my.orders', 'shardId-000000000001', 300],
  ])
})

test('an application that keeps level APPLICATION has nothing finer', () => {
  const { samples } = textOf('APPLICATION')
  for (const { name } of samples) expect(name).toMatch(/^(millrace_application_|flink_jobmanager_job_)/)
})

test('requests by outcome; made-up names don’t make series', () => {
  const requests = new RequestMetrics()
  requests.succeeded('DescribeApplication', 200)
  requests.took('DescribeApplication', 3)
  requests.failed('DescribeApplication', 400, 'ResourceNotFoundException')
  for (let i = 0; i < 1000; i++) {
    requests.failed(`Made${i}`, 403, 'AccessDeniedException')
    requests.took(`Made${i}`, 20_000)
  }
  const { samples } = parsePrometheus(prometheusText(requests.families()))
  const counts = samples.filter(({ name }) => name === 'millrace_api_requests_total')
  expect(counts.map(({ labels, value }) => [labels['operation'], labels['status'], labels['code'], value])).toEqual([
    ['DescribeApplication', '200', 'none', 1],
    ['DescribeApplication', '400', 'ResourceNotFoundException', 1],
    ['other', '403', 'AccessDeniedException', 1000],
  ])
  const bucket = (operation: string, le: string) =>
    samples.find(
      ({ name, labels }) => name.endsWith('_bucket') && labels['operation'] === operation && labels['le'] === le,
    )?.value
  expect([bucket('DescribeApplication', '0.0025'), bucket('DescribeApplication', '0.005')]).toEqual([0, 1])
  expect([bucket('other', '10'), bucket('other', '+Inf')]).toEqual([0, 1000])
})
