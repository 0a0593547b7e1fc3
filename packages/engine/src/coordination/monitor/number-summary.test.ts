import { expect, test } from 'vitest'
import { RunningSummary, summarize } from './number-summary.ts'

test.each([
  { values: [5], expected: { min: 5, max: 5, avg: 5, p50: 5, p90: 5, p999: 5 } },
  { values: [3, 1, 2], expected: { min: 1, max: 3, avg: 2, p50: 2, p90: 3 } },
  // By the definition: rank 0.5 × 5 = 2.5, halfway from the second to the third.
  { values: [10, 20, 40, 80], expected: { p50: 30, p90: 80 } },
  { values: Array.from({ length: 99 }, (_, i) => i + 1), expected: { p50: 50, p90: 90, p95: 95, p99: 99 } },
])('$values.length numbers', ({ values, expected }) => {
  expect(summarize(values)).toMatchObject(expected)
})

test('percentiles follow the newest thousand, the rest is of all', () => {
  const running = new RunningSummary()
  for (let i = 0; i < 500; i++) running.add(1000)
  for (let i = 0; i < 1000; i++) running.add(1)
  expect(running.summary()).toMatchObject({ min: 1, max: 1000, avg: 334, p50: 1, p999: 1 })
})
