import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CardState, judge } from './judge.ts'
import { recompute } from './oracle/verdicts.ts'

const startMs = 1_700_000_000_000

/** Steps that make rules and their limits likely: times on the seconds of a window's ends, amounts around the limits. */
const step = fc.record({
  card: fc.integer({ min: 0, max: 2 }),
  stepMs: fc.oneof(
    { weight: 80, arbitrary: fc.integer({ min: -5000, max: 8000 }) },
    { weight: 20, arbitrary: fc.constantFrom(0, 0, 1, -1, 59_999, 60_000, 60_001, -60_000) },
    { weight: 4, arbitrary: fc.constantFrom(659_999, 660_000, 660_001, -600_000, -660_000, -660_001) },
    { weight: 1, arbitrary: fc.constantFrom(3_600_000, 2_592_000_000, 2_592_000_001) },
  ),
  amountCents: fc.oneof(
    { weight: 80, arbitrary: fc.integer({ min: 900, max: 1100 }) },
    { weight: 10, arbitrary: fc.constantFrom(0, 99, 100, 50_000, 50_001, -5, 80_000) },
    { weight: 1, arbitrary: fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }) },
  ),
  lat: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(48, 48.001, 48.0089, 48.009) },
    { weight: 1, arbitrary: fc.double({ min: -90, max: 90, noNaN: true }) },
  ),
  lon: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(11, 11.02) },
    { weight: 1, arbitrary: fc.double({ min: -180, max: 180, noNaN: true }) },
  ),
})

test('judging one by one gives what looking at all earlier ones gives', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 200, size: 'max' }), (steps) => {
      let timestampMs = startMs
      const transactions = steps.map(({ stepMs, ...rest }, id) => {
        timestampMs += stepMs
        return { id, merchant: 1, timestampMs, ...rest }
      })
      const log = transactions.map((t, i) => ({ shard: 's', sequenceNumber: `${i}`, text: JSON.stringify(t) }))
      const wanted = recompute(log).judgements.map(({ output, row }) =>
        output === 'safe' ? 'safe' : output === 'rejected' ? row['reason'] : [row['rules'], row['evidence']],
      )
      const cards = new Map<number, CardState>()
      const actual = transactions.map((t) => {
        // A copy stands in for a snapshot and restore between any two records.
        const { verdict, card } = judge(structuredClone(cards.get(t.card)), t)
        cards.set(t.card, card)
        if (verdict.kind === 'flagged') for (const rule of verdict.rules) seen.add(rule)
        else seen.add(verdict.kind)
        return verdict.kind === 'flagged' ? [verdict.rules, verdict.evidence] : verdict.kind
      })
      expect(actual).toEqual(wanted)
    }),
    { numRuns: 150 },
  )
  // A stream that never breaks a rule would prove nothing about it.
  expect([...seen].sort()).toEqual(['safe', 'small-then-large', 'too-fast', 'too-many', 'too-old', 'unusual-amount'])
})
