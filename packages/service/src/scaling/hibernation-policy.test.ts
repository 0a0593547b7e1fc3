import { expect, test } from 'vitest'
import { hibernationStep, type IdleSince } from './hibernation-policy.ts'
import type { Backlog } from './scaling-point.ts'

type Point = { rate?: number; backlog?: Backlog }

const idle: Point = { rate: 0, backlog: { millisBehindLatest: 0 } }
const times = (n: number, point: Point) => Array.from({ length: n }, () => point)

/** The point, counted from 0 and ten seconds apart, at which two minutes were idle. */
function hibernatesAt(points: readonly Point[]): number {
  let since: IdleSince
  return points.findIndex(({ rate, backlog }, i) => {
    const step = hibernationStep(since, { timestampMs: i * 10_000, recordsInPerSecond: rate, backlog }, 2)
    since = step.idleSinceMs
    return step.hibernate
  })
}

test.each<[string, Point[], number]>([
  ['two idle minutes', times(20, idle), 12],
  ['not a moment earlier', times(12, idle), -1],
  ['counted records too', times(20, { rate: 0, backlog: { records: 0 } }), 12],
  ['a record in between', [...times(11, idle), { ...idle, rate: 0.1 }, ...times(13, idle)], 24],
  ['something that waits', [...times(11, idle), { rate: 0, backlog: { records: 1 } }, ...times(13, idle)], 24],
  ['a lag', times(50, { rate: 0, backlog: { millisBehindLatest: 5 } }), -1],
  ['an unknown rate', [...times(11, idle), { backlog: { records: 0 } }, ...times(12, idle)], -1],
  ['an unknown backlog', times(50, { rate: 0 }), -1],
])('%s', (_, points, at) => {
  expect(hibernatesAt(points)).toBe(at)
})
