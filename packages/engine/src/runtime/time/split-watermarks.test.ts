import { describe, expect, test } from 'vitest'
import { MIN_TIMESTAMP } from '../../spi/batch.ts'
import { SplitWatermarks } from './split-watermarks.ts'
import { WatermarkStrategy } from './watermark-strategy.ts'

const TICK_MS = 200

/** A source's watermarks, ticked at an interval; `see` is a record of a split. */
function ticking(strategy: WatermarkStrategy<number>) {
  const watermarks = new SplitWatermarks<number>(strategy)
  let nowMs = 0
  return {
    watermarks,
    see: (split: string, timestampMs: number) => watermarks.split(split).onEvent(0, timestampMs),
    tick(paused = false) {
      nowMs += TICK_MS
      const { watermarkMs, idle } = watermarks.tick(nowMs, paused)
      return idle ? `${watermarkMs} idle` : `${watermarkMs}`
    },
  }
}

const bounded = (boundMs = 0) => WatermarkStrategy.forBoundedOutOfOrderness<number>(boundMs)

describe('TM-2 generators', () => {
  test('bounded: the highest timestamp − bound − 1, never falling', () => {
    const { see, tick } = ticking(bounded(5))
    expect(tick()).toBe(`${MIN_TIMESTAMP}`)
    see('a', 100)
    expect(tick()).toBe('94')
    see('a', 80)
    expect(tick()).toBe('94')
    see('a', 101)
    expect(tick()).toBe('95')
  })

  test('monotonous timestamps: the last − 1', () => {
    const { see, tick } = ticking(WatermarkStrategy.forMonotonousTimestamps<number>())
    see('a', 7)
    expect(tick()).toBe('6')
  })

  test('without watermarks event time stays where it was', () => {
    const { see, tick } = ticking(WatermarkStrategy.noWatermarks<number>())
    see('a', 7)
    expect(tick()).toBe(`${MIN_TIMESTAMP}`)
  })

  test('a generator of one’s own, one for each split', () => {
    let made = 0
    const { see, tick } = ticking(
      WatermarkStrategy.forGenerator<number>(() => {
        let highest = made++ * 10
        return {
          onEvent: (_value, timestampMs) => {
            highest += timestampMs
          },
          currentWatermarkMs: () => highest,
        }
      }),
    )
    see('a', 3)
    see('b', 1)
    expect(tick()).toBe('3')
    expect(made).toBe(2)
  })

  test('a bound below 0 is refused', () => {
    expect(() => bounded(-1)).toThrow(expect.objectContaining({ code: 'WATERMARK_BOUND_INVALID' }))
  })
})

describe('TM-3 several splits', () => {
  test('the lowest counts; a split without records holds event time back', () => {
    const { watermarks, see, tick } = ticking(bounded())
    watermarks.split('b')
    see('a', 11)
    expect(tick()).toBe(`${MIN_TIMESTAMP}`)
    see('b', 6)
    expect(tick()).toBe('5')
    see('b', 21)
    expect(tick()).toBe('10')
  })

  test('a finished split no longer holds it back', () => {
    const { watermarks, see, tick } = ticking(bounded())
    see('a', 11)
    see('b', 6)
    expect(tick()).toBe('5')
    watermarks.release('b')
    expect(tick()).toBe('10')
  })

  test('a split that comes later doesn’t take event time back', () => {
    const { see, tick } = ticking(bounded())
    see('a', 11)
    expect(tick()).toBe('10')
    see('b', 3)
    expect(tick()).toBe('10')
  })

  test('a child begins at its parent’s watermark, also when that has finished', () => {
    const { watermarks, see, tick } = ticking(bounded())
    see('parent', 11)
    expect(tick()).toBe('10')
    watermarks.release('parent')
    watermarks.inherit('child', 'parent')
    expect(watermarks.split('child').watermarkMs).toBe(10)
    see('other', 31)
    expect(tick()).toBe('10')
    see('child', 21)
    expect(tick()).toBe('20')
  })
})

describe('TM-5 idleness', () => {
  test('begins between the time-out and two ticks later, and the others then decide', () => {
    const { see, tick } = ticking(bounded().withIdleness(500))
    see('a', 11)
    see('b', 6)
    expect(tick()).toBe('5')
    const seen: string[] = []
    for (let i = 0; i < 5; i++) {
      see('a', 11)
      seen.push(tick())
    }
    // The first quiet tick starts the clock: 0, 200, 400, then 600 > 500.
    expect(seen).toEqual(['5', '5', '5', '10', '10'])
  })

  test('exactly the time-out is not idle yet', () => {
    const { see, tick } = ticking(bounded().withIdleness(400))
    see('a', 11)
    expect([tick(), tick(), tick(), tick(), tick()]).toEqual(['10', '10', '10', '10', '10 idle'])
  })

  test('when all are idle the highest of all counts', () => {
    const { see, tick } = ticking(bounded().withIdleness(100))
    see('a', 11)
    see('b', 6)
    expect([tick(), tick(), tick()]).toEqual(['5', '5', '10 idle'])
  })

  test('a record makes it active with the next tick', () => {
    const { see, tick } = ticking(bounded().withIdleness(100))
    see('a', 11)
    expect([tick(), tick(), tick()]).toEqual(['10', '10', '10 idle'])
    see('a', 12)
    expect(tick()).toBe('11')
  })

  test('quiet while the source is held back proves nothing', () => {
    const { see, tick } = ticking(bounded().withIdleness(100))
    see('a', 11)
    expect([tick(), tick(true), tick(true), tick(true)]).toEqual(['10', '10', '10', '10'])
    expect([tick(), tick()]).toEqual(['10', '10 idle'])
  })

  test('a split that is behind its tip is never idle', () => {
    const { watermarks, see, tick } = ticking(bounded().withIdleness(100))
    see('a', 11)
    watermarks.split('a').caughtUp = false
    expect([tick(), tick(), tick(), tick()]).toEqual(['10', '10', '10', '10'])
    watermarks.split('a').caughtUp = true
    expect([tick(), tick()]).toEqual(['10', '10 idle'])
  })

  test('a source without splits is idle after the time-out, and without one never', () => {
    const withTimeout = ticking(bounded().withIdleness(300))
    expect([withTimeout.tick(), withTimeout.tick(), withTimeout.tick()]).toEqual([
      `${MIN_TIMESTAMP}`,
      `${MIN_TIMESTAMP}`,
      `${MIN_TIMESTAMP} idle`,
    ])
    const without = ticking(bounded())
    expect([without.tick(), without.tick(), without.tick()]).toEqual(Array(3).fill(`${MIN_TIMESTAMP}`))
  })
})
