import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MetricHistory } from './metric-history.ts'
import type { MetricPoint } from './metric-point.ts'

const START = 1_700_000_000_000 - (1_700_000_000_000 % 60_000)
const FINE_SLOTS = 90
const COARSE_SLOTS = 390

function point(timestampMs: number, value: number, parallelism: string): MetricPoint {
  const dimensions = { Application: 'a', Parallelism: parallelism }
  return { name: 'numRecordsIn', level: 'PARALLELISM', dimensions, unit: 'Count', timestampMs, value }
}

const sample = fc.record({
  gapMs: fc.oneof(fc.integer({ min: 0, max: 25_000 }), fc.integer({ min: 0, max: 3_600_000 })),
  value: fc.integer({ min: -1000, max: 1000 }),
  parallelism: fc.constantFrom('0', '1'),
})
const query = fc.record({
  fromMs: fc.integer({ min: -3_600_000, max: 30_000_000 }),
  lengthMs: fc.integer({ min: 1, max: 30_000_000 }),
  periodMs: fc.constantFrom(10_000, 20_000, 30_000, 60_000, 300_000, 3_600_000),
})

test('every answer equals the recomputation from all samples that are kept', () => {
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 200 }), query, (samples, { fromMs, lengthMs, periodMs }) => {
      const history = new MetricHistory()
      const given: MetricPoint[] = []
      let nowMs = START
      for (const { gapMs, value, parallelism } of samples) {
        nowMs += gapMs
        given.push(point(nowMs, value, parallelism))
        history.add('a', [given.at(-1)!])
      }
      const slotMs = periodMs % 60_000 === 0 ? 60_000 : 10_000
      const slots = slotMs === 60_000 ? COARSE_SLOTS : FINE_SLOTS
      const startMs = Math.floor((START + fromMs) / periodMs) * periodMs
      const endMs = Math.ceil((START + fromMs + lengthMs) / periodMs) * periodMs
      for (const parallelism of ['0', '1']) {
        const own = given.filter(({ dimensions }) => dimensions.Parallelism === parallelism)
        const newest = Math.max(...own.map(({ timestampMs }) => Math.floor(timestampMs / slotMs)))
        const expected = new Map<number, number[]>()
        for (const { timestampMs, value } of own) {
          if (timestampMs < startMs || timestampMs >= endMs) continue
          if (Math.floor(timestampMs / slotMs) <= newest - slots) continue
          const period = Math.floor(timestampMs / periodMs) * periodMs
          expected.set(period, [...(expected.get(period) ?? []), value])
        }
        const [series] = history.query({
          applicationName: 'a',
          name: 'numRecordsIn',
          dimensions: { Parallelism: parallelism },
          startMs: START + fromMs,
          endMs: START + fromMs + lengthMs,
          periodMs,
        })
        expect(series?.datapoints ?? []).toEqual(
          [...expected].map(([period, values]) => ({
            startMs: period,
            sum: values.reduce((a, b) => a + b, 0),
            min: Math.min(...values),
            max: Math.max(...values),
            sampleCount: values.length,
          })),
        )
      }
    }),
    { numRuns: 300 },
  )
})

test('the number of series is bounded; the newest points are there all the same', () => {
  const history = new MetricHistory()
  const points = Array.from({ length: 1500 }, (_, i) => point(START, i, String(i)))
  history.add('a', points)
  expect(history.latest('a')).toHaveLength(1500)
  const query = { applicationName: 'a', name: 'numRecordsIn', startMs: START, endMs: START + 1, periodMs: 10_000 }
  expect(history.query(query)).toHaveLength(1000)
  history.stopped('a')
  expect(history.latest('a')).toEqual([])
  expect(history.query(query)).toHaveLength(1000)
  history.forgetBefore(START + 60_001)
  expect(history.query(query)).toEqual([])
  expect(history.applications).toEqual([])
})
