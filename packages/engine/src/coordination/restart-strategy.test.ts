import { describe, expect, test } from 'vitest'
import { seededRandom } from '../common/random.ts'
import { createRestartStrategy, exponentialDelay, type RestartStrategySettings } from './restart-strategy.ts'

const create = (settings: RestartStrategySettings, seed = 1) => createRestartStrategy(settings, seededRandom(seed))

test('none gives up at once', () => {
  expect(create({ kind: 'none' }).onFailure(0)).toBeUndefined()
})

test('fixed-delay restarts while there were fewer than its attempts', () => {
  const strategy = create({ kind: 'fixed-delay', attempts: 2, delayMs: 1000 })
  expect([0, 5000, 1_000_000].map((nowMs) => strategy.onFailure(nowMs))).toEqual([1000, 1000, undefined])
})

describe('failure-rate', () => {
  const settings = { kind: 'failure-rate', maxFailuresPerInterval: 2, intervalMs: 60_000, delayMs: 1000 } as const

  test('gives up when more failures than allowed lie within the interval', () => {
    const strategy = create(settings)
    expect([0, 30_000, 60_000].map((nowMs) => strategy.onFailure(nowMs))).toEqual([1000, 1000, undefined])
  })

  test('goes on when the oldest of them lies longer back', () => {
    const strategy = create(settings)
    expect([0, 30_000, 60_001, 90_001].map((nowMs) => strategy.onFailure(nowMs))).toEqual([1000, 1000, 1000, 1000])
    expect(strategy.onFailure(100_000)).toBeUndefined()
  })
})

describe('exponential-delay (rule CP-11)', () => {
  const withoutJitter = { ...exponentialDelay, jitter: 0 } as Extract<
    RestartStrategySettings,
    { kind: 'exponential-delay' }
  >

  /** Fails again as soon as each restart has happened. */
  function delaysOf(count: number, settings: RestartStrategySettings): (number | undefined)[] {
    const strategy = create(settings)
    let nowMs = 0
    return Array.from({ length: count }, () => {
      const delayMs = strategy.onFailure(nowMs)
      nowMs += delayMs ?? 0
      return delayMs
    })
  }

  test('waits as the example says', () => {
    const seconds = delaysOf(13, withoutJitter).map((delayMs) => Math.round(((delayMs as number) / 1000) * 100) / 100)
    expect(seconds).toEqual([1, 1.5, 2.25, 3.38, 5.06, 7.59, 11.39, 17.09, 25.63, 38.44, 57.67, 60, 60])
  })

  test('an hour of calm after a scheduled restart starts afresh', () => {
    const strategy = create(withoutJitter)
    expect(strategy.onFailure(0)).toBe(1000)
    expect(strategy.onFailure(1000)).toBe(1500)
    expect(strategy.onFailure(2500 + 3_599_999)).toBe(2250)
    expect(strategy.onFailure(2500 + 3_599_999 + 2250 + 3_600_000)).toBe(1000)
  })

  test('a failure before the scheduled restart belongs to the same attempt', () => {
    const strategy = create(withoutJitter)
    expect(strategy.onFailure(0)).toBe(1000)
    expect(strategy.onFailure(400)).toBe(600)
    expect(strategy.onFailure(1000)).toBe(1500)
  })

  test('jitter stays within its share, and within initial and greatest delay', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const strategy = create(exponentialDelay, seed)
      const first = strategy.onFailure(0) as number
      const second = strategy.onFailure(first) as number
      expect(first).toBeGreaterThanOrEqual(1000)
      expect(first).toBeLessThanOrEqual(1100)
      expect(second).toBeGreaterThanOrEqual(1350)
      expect(second).toBeLessThanOrEqual(1650)
    }
  })

  test('gives up after its attempts', () => {
    expect(delaysOf(3, { ...withoutJitter, attempts: 2 })).toEqual([1000, 1500, undefined])
  })
})

test('an unknown strategy is refused with what there is', () => {
  expect(() => create({ kind: 'hope' } as unknown as RestartStrategySettings)).toThrow(
    expect.objectContaining({ code: 'RESTART_STRATEGY_INVALID', hint: expect.stringContaining('failure-rate') }),
  )
})
