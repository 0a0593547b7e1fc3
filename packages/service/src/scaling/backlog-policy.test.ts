import { expect, test } from 'vitest'
import { backlogStep, newBacklogMemory } from './backlog-policy.ts'
import { type ModelledApplication, type Run, simulate } from './modelled-application-fixture.ts'
import type { BacklogSettings } from './scaling-settings.ts'

const settings: BacklogSettings = {
  minParallelism: 1,
  maxParallelism: 32,
  targetBusyPercent: 70,
  maxBacklogSeconds: 60,
  cooldownSeconds: 30,
}
/** A thousand records a second of a subtask, a little less of each when there are more. */
const scalable = (parallelism: number) => 1000 * parallelism ** 0.95
const tellings = ['records', 'lag', 'nothing'] as const
/** Who can't see the backlog takes working it off for load, rises once more than needed and falls back. */
const corrections = { records: 0, lag: 0, nothing: 1 }

const model = (given: Partial<ModelledApplication> & Pick<ModelledApplication, 'arrivals'>): ModelledApplication => ({
  capacity: scalable,
  tells: 'records',
  parallelism: 1,
  seconds: 3600,
  ...given,
})

/** Times that the parallelism turned from rising to falling or back. */
function turns({ changes }: Run): number {
  const directions = changes.map(([, from, to]) => Math.sign(to - from))
  return directions.filter((direction, i) => i > 0 && direction !== directions[i - 1]).length
}

/** From the first change at or after a second. */
const reaction = ({ changes }: Run, second: number) => changes.find(([at]) => at >= second)![0] - second

function expectBounds({ parallelism }: Run, { minParallelism, maxParallelism }: BacklogSettings): void {
  expect(Math.min(...parallelism)).toBeGreaterThanOrEqual(minParallelism)
  expect(Math.max(...parallelism)).toBeLessThanOrEqual(maxParallelism)
}

test.each(tellings)('a load that steps up is followed within 60 s, at any offset; it tells %s', async (tells) => {
  for (let offset = 0; offset < 10; offset++) {
    const step = 600 + offset
    const run = await simulate(model({ tells, arrivals: (s) => (s < step ? 500 : 6000) }), settings)
    expect(reaction(run, step)).toBeLessThanOrEqual(60)
    expect(turns(run)).toBeLessThanOrEqual(corrections[tells])
    expectBounds(run, settings)
    // It keeps up at the end, and what had gathered is gone ten minutes after the step.
    expect(run.backlog[step + 600]).toBe(0)
    expect(scalable(run.parallelism.at(-1)!)).toBeGreaterThan(6000)
  }
})

test.each(tellings)('a load that steps down is followed, later and in one go; it tells %s', async (tells) => {
  const run = await simulate(model({ tells, parallelism: 12, arrivals: (s) => (s < 1200 ? 7000 : 900) }), settings)
  expect(run.changes.length).toBe(1)
  expect(run.changes[0]![0]).toBeGreaterThanOrEqual(1500)
  expect(run.changes[0]![0]).toBeLessThanOrEqual(1560)
  expect(run.parallelism.at(-1)).toBe(2)
})

test.each(tellings)('a steady load leaves the parallelism alone once it has found it; it tells %s', async (tells) => {
  for (let arrivals = 100; arrivals < 15_000; arrivals = Math.ceil(arrivals * 1.3)) {
    const run = await simulate(model({ tells, arrivals: () => arrivals }), settings)
    expect(run.changes.filter(([at]) => at > 900)).toEqual([])
    expect(turns(run)).toBeLessThanOrEqual(corrections[tells])
    expect(run.backlog.at(-1)).toBe(0)
  }
})

test.each(tellings)('a noisy steady load too; it tells %s', async (tells) => {
  const noise = (s: number) => 1 + 0.2 * Math.sin(s * 12.9898) * Math.sin(s * 78.233)
  const run = await simulate(model({ tells, arrivals: (s) => 5000 * noise(s), seconds: 7200 }), settings)
  expect(run.changes.filter(([at]) => at > 600)).toEqual([])
})

test('a slow sine is followed with two turns a period, and nothing waits for long', async () => {
  const arrivals = (s: number) => 4000 - 3500 * Math.cos((2 * Math.PI * s) / 7200)
  const run = await simulate(model({ arrivals, seconds: 4 * 7200 }), settings)
  expect(turns(run)).toBeLessThanOrEqual(8)
  expectBounds(run, settings)
  const seconds = run.backlog.map((backlog, s) => backlog / arrivals(s))
  expect(Math.max(...seconds)).toBeLessThan(60)
  const spent = run.parallelism.reduce((sum, parallelism) => sum + parallelism, 0)
  const atThePeak = run.parallelism.length * Math.max(...run.parallelism)
  expect(spent).toBeLessThan(0.8 * atThePeak)
})

test('a sine faster than a fall is decided settles at its peaks', async () => {
  const arrivals = (s: number) => 4000 - 3500 * Math.cos((2 * Math.PI * s) / 120)
  const run = await simulate(model({ arrivals, seconds: 7200 }), settings)
  expect(run.changes.filter(([at]) => at > 900)).toEqual([])
  expect(run.backlog.slice(900).every((backlog, i) => backlog <= 60 * arrivals(900 + i))).toBe(true)
})

test.each(['records', 'lag'] as const)(
  'a spike is worked off, then the parallelism falls again; it tells %s',
  async (tells) => {
    const arrivals = (s: number) => (s >= 900 && s < 1020 ? 20_000 : 1500)
    const run = await simulate(model({ tells, parallelism: 3, arrivals, seconds: 5400 }), settings)
    expect(reaction(run, 900)).toBeLessThanOrEqual(60)
    expect(turns(run)).toBe(1)
    expectBounds(run, settings)
    const drained = run.backlog.findIndex((backlog, s) => s > 1020 && backlog === 0)
    expect(drained).toBeLessThanOrEqual(1020 + 300)
    expect(run.parallelism.at(-1)).toBeLessThanOrEqual(4)
  },
)

test('a second step soon after a change is followed within 60 s too', async () => {
  const arrivals = (s: number) => (s < 600 ? 500 : s < 655 ? 2500 : 9000)
  const run = await simulate(model({ arrivals }), settings)
  const [first] = run.changes
  expect(first![0]).toBeLessThanOrEqual(660)
  expect(reaction(run, 656)).toBeLessThanOrEqual(60)
})

test('what is beyond the greatest parallelism stays there without a change', async () => {
  const narrow = { ...settings, minParallelism: 2, maxParallelism: 4 }
  const run = await simulate(model({ arrivals: () => 50_000 }), narrow)
  expectBounds({ ...run, parallelism: run.parallelism.slice(60) }, narrow)
  expect(run.changes.at(-1)![2]).toBe(4)
  expect(run.changes.length).toBeLessThanOrEqual(2)
})

test('a machine that has no more to give is not restarted again and again', async () => {
  const run = await simulate(model({ capacity: (p) => 1000 * Math.min(p, 2), arrivals: () => 6000 }), settings)
  expect(run.changes.length).toBeLessThanOrEqual(4)
  expect(run.held).toContain('the last rise of the parallelism brought nothing')
})

test('an application that waits for its source is not given more', async () => {
  // A shard that gives 800 a second however many read: busy 40 %, and the lag grows.
  let memory = newBacklogMemory(2, 0)
  for (let s = 10; s <= 3600; s += 10) {
    const step = backlogStep(
      memory,
      {
        timestampMs: s * 1000,
        cpuUtilizationPercent: undefined,
        busyPercent: 40,
        recordsInPerSecond: 800,
        backlog: { millisBehindLatest: s * 500 },
        currentParallelism: 2,
      },
      settings,
    )
    memory = step.memory
    expect(step.decision).toBeUndefined()
  }
})

test('points that are missing are not low ones', async () => {
  // Each fifth point only: too little to decide on less.
  const arrivals = () => 100
  const run = await simulate(model({ parallelism: 8, arrivals, loses: (s) => (s + 1) % 50 > 0 }), settings)
  expect(run.changes).toEqual([])
  const all = await simulate(model({ parallelism: 8, arrivals }), settings)
  expect(all.parallelism.at(-1)).toBe(1)
})

test('nothing is decided while the cooldown runs', async () => {
  const slow = { ...settings, cooldownSeconds: 600 }
  const arrivals = (s: number) => (s < 700 ? 500 : 500 * 2 ** Math.floor((s - 700) / 200))
  const run = await simulate(model({ arrivals, seconds: 2000 }), slow)
  const times = run.changes.map(([at]) => at)
  expect(times.length).toBeGreaterThan(1)
  expect(times.every((at, i) => i === 0 || at - times[i - 1]! >= 600)).toBe(true)
})
