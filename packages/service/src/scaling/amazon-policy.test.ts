import { VirtualTime } from '@millrace/engine/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { amazonStep, emptyAmazonWindows, type ParallelismBounds } from './amazon-policy.ts'

type Cpu = number | undefined

/** Minute by minute on the virtual clock: the minutes (from 1) at which the parallelism changed, and to what. */
async function run(
  points: readonly Cpu[],
  bounds: ParallelismBounds,
  parallelism: number,
): Promise<[number, number][]> {
  const time = new VirtualTime()
  const changes: [number, number][] = []
  const startMs = time.now()
  let windows = emptyAmazonWindows
  let currentParallelism = parallelism
  for (const cpuUtilizationPercent of points) {
    await time.advance(60_000)
    const step = amazonStep(windows, { cpuUtilizationPercent, currentParallelism }, bounds)
    windows = step.windows
    if (step.decision === undefined) continue
    currentParallelism = step.decision.parallelism
    changes.push([(time.now() - startMs) / 60_000, currentParallelism])
  }
  return changes
}

const times = (n: number, cpu: Cpu): Cpu[] => Array.from({ length: n }, () => cpu)
const wide = { min: 1, max: 64 }

test.each<{ it: string; points: Cpu[]; from: number; bounds?: ParallelismBounds; changes: [number, number][] }>([
  { it: '14 high minutes change nothing', points: times(14, 100), from: 2, changes: [] },
  { it: '15 high minutes double', points: times(15, 75), from: 2, changes: [[15, 4]] },
  { it: '74.9 % is not high', points: times(600, 74.9), from: 2, changes: [] },
  {
    it: 'windows start afresh after a doubling',
    points: times(30, 90),
    from: 2,
    changes: [
      [15, 4],
      [30, 8],
    ],
  },
  { it: '359 low minutes change nothing', points: times(359, 0), from: 4, changes: [] },
  { it: '360 low minutes halve', points: times(360, 9.9), from: 4, changes: [[360, 2]] },
  { it: '10 % is not low', points: times(2000, 10), from: 4, changes: [] },
  {
    it: 'halves are rounded up',
    points: times(720, 1),
    from: 5,
    changes: [
      [360, 3],
      [720, 2],
    ],
  },
  {
    it: 'not below the configured parallelism',
    points: times(1000, 1),
    from: 5,
    bounds: { min: 4, max: 64 },
    changes: [[360, 4]],
  },
  {
    it: 'not above the limit',
    points: times(60, 99),
    from: 3,
    bounds: { min: 1, max: 8 },
    changes: [
      [15, 6],
      [30, 8],
    ],
  },
  {
    it: 'one lower minute in between begins anew',
    points: [...times(14, 80), 74, ...times(15, 80)],
    from: 1,
    changes: [[30, 2]],
  },
  {
    it: 'one busier minute in between begins anew',
    points: [...times(359, 1), 10, ...times(360, 1)],
    from: 2,
    changes: [[720, 1]],
  },
  {
    it: 'a missing minute neither counts nor interrupts',
    points: [...times(14, 80), undefined, 80],
    from: 1,
    changes: [[16, 2]],
  },
  { it: 'missing minutes are not low ones', points: times(1000, undefined), from: 8, changes: [] },
  {
    it: 'high, then low',
    points: [...times(15, 80), ...times(360, 2)],
    from: 1,
    changes: [
      [15, 2],
      [375, 1],
    ],
  },
])('$it', async ({ points, from, bounds = wide, changes }) => {
  expect(await run(points, bounds, from)).toEqual(changes)
})

/** The rule as it stands in the book, recomputed from the whole series at each minute. */
function recompute(points: readonly Cpu[], { min, max }: ParallelismBounds, from: number): [number, number][] {
  const changes: [number, number][] = []
  let parallelism = from
  let lastAction = 0
  for (let minute = 1; minute <= points.length; minute++) {
    if (points[minute - 1] === undefined) continue
    const seen = points.slice(lastAction, minute).filter((cpu) => cpu !== undefined)
    const lasts = (n: number, holds: (cpu: number) => boolean) => seen.length >= n && seen.slice(-n).every(holds)
    let next = parallelism
    if (lasts(15, (cpu) => cpu >= 75)) next = Math.min(2 * parallelism, max)
    else if (lasts(360, (cpu) => cpu < 10)) next = Math.max(Math.ceil(parallelism / 2), min)
    const isChange =
      (next > parallelism && lasts(15, (cpu) => cpu >= 75)) || (next < parallelism && lasts(360, (cpu) => cpu < 10))
    if (!isChange) continue
    parallelism = next
    lastAction = minute
    changes.push([minute, parallelism])
  }
  return changes
}

test('any series: the same changes as recomputed from the whole of it', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          cpu: fc.constantFrom<Cpu>(0, 9.99, 10, 50, 74.99, 75, 100, undefined),
          minutes: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(14, 15, 16, 359, 360, 361)),
        }),
        { maxLength: 12 },
      ),
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 0, max: 16 }),
      fc.integer({ min: 0, max: 48 }),
      async (runs, min, above, room) => {
        const points = runs.flatMap(({ cpu, minutes }) => times(minutes, cpu))
        const bounds = { min, max: min + above + room }
        const changes = await run(points, bounds, min + above)
        expect(changes).toEqual(recompute(points, bounds, min + above))
        for (const [, parallelism] of changes) {
          expect(parallelism).toBeGreaterThanOrEqual(bounds.min)
          expect(parallelism).toBeLessThanOrEqual(bounds.max)
        }
      },
    ),
    { numRuns: 300 },
  ))
