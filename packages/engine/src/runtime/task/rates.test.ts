import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RATE_WINDOW_MS, Rates } from './rates.ts'

test('at first the rate is over all the time there was', () => {
  const rates = new Rates(1000)
  expect(rates.perSecond(1000, { n: 5 })).toEqual({ n: null })
  expect(rates.perSecond(3000, { n: 100 })).toEqual({ n: 50 })
})

test('later it is over the last five seconds and the little more since the sample before', () => {
  const rates = new Rates(0)
  rates.sample(5000, { n: 1000 })
  rates.sample(10_000, { n: 1000 })
  expect(rates.perSecond(12_000, { n: 1700 })).toEqual({ n: 100 })
  expect(rates.perSecond(15_000, { n: 1700 })).toEqual({ n: 140 })
})

test('against the plain definition: the growth since the newest sample that is old enough', () => {
  const steps = fc.array(fc.record({ waitMs: fc.integer({ min: 1, max: 8000 }), grown: fc.nat(1000) }), {
    minLength: 1,
  })
  fc.assert(
    fc.property(steps, (given) => {
      const rates = new Rates(0)
      const samples = [{ atMs: 0, n: 0 }]
      let nowMs = 0
      let n = 0
      for (const { waitMs, grown } of given) {
        nowMs += waitMs
        n += grown
        const base = samples.findLast(({ atMs }) => atMs <= nowMs - RATE_WINDOW_MS) ?? samples[0]!
        expect(rates.perSecond(nowMs, { n })['n']).toBeCloseTo((n - base.n) / ((nowMs - base.atMs) / 1000), 6)
        rates.sample(nowMs, { n })
        samples.push({ atMs: nowMs, n })
      }
    }),
  )
})
