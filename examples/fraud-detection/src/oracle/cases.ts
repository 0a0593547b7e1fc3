/** Hand-written cases: a few transactions in order of arrival, and what must come of each, worked out on paper. */
export interface Case {
  readonly it: string
  readonly log: readonly (object | string)[]
  /** One word a record: `safe`, `malformed`, `too-old`, or the rules it breaks joined by `+`. */
  readonly verdicts: string
}

const card = 7
const hour = 3600
const day = 24 * hour

/** A transaction `at` seconds after a fixed instant, at one place, of 10 dollars, unless told otherwise. */
function at(seconds: number, more: object = {}): object {
  const timestampMs = 1_700_000_000_000 + Math.round(seconds * 1000)
  return { id: 1, card, merchant: 3, amountCents: 1000, timestampMs, lat: 0, lon: 0, ...more }
}

const cents = (amountCents: number) => ({ amountCents })
const times = (n: number, make: (i: number) => object) => Array.from({ length: n }, (_, i) => make(i))
const safe = (n: number) => Array(n).fill('safe').join(' ')
const valid = at(0) as Record<string, unknown>
const { lat: _, ...withoutLat } = valid

/** A degree of latitude is 6371 · π / 180 = 111.194926… km, for which 900 km/h take 444,779.7 ms. */
const degree = { lat: 1 }

export const cases: readonly Case[] = [
  { it: 'a first transaction is safe whatever its amount', log: [at(0, cents(9_000_000))], verdicts: 'safe' },

  // 1: more than 50,000 cents after less than 100 with event time in [t - 60 s, t]
  {
    it: 'a large amount after a small one is flagged',
    log: [at(0, cents(99)), at(1, cents(50_001))],
    verdicts: 'safe small-then-large',
  },
  { it: 'exactly 50,000 cents is not large', log: [at(0, cents(99)), at(1, cents(50_000))], verdicts: 'safe safe' },
  { it: 'exactly 100 cents is not small', log: [at(0, cents(100)), at(1, cents(50_001))], verdicts: 'safe safe' },
  {
    it: 'a small one exactly 60 s earlier counts',
    log: [at(0, cents(1)), at(60, cents(60_000))],
    verdicts: 'safe small-then-large',
  },
  {
    it: 'a small one 60.001 s earlier does not count',
    log: [at(0, cents(1)), at(60.001, cents(60_000))],
    verdicts: 'safe safe',
  },
  {
    it: 'a small one at the same instant counts',
    log: [at(5, cents(1)), at(5, cents(60_000))],
    verdicts: 'safe small-then-large',
  },
  {
    it: 'a small one that arrived earlier but happened 1 ms later does not count',
    log: [at(5.001, cents(1)), at(5, cents(60_000))],
    verdicts: 'safe safe',
  },
  {
    it: 'a small one that arrives after the large one does not count',
    log: [at(5, cents(60_000)), at(4, cents(1))],
    verdicts: 'safe safe',
  },
  {
    it: 'a refund is smaller than a dollar',
    log: [at(0, cents(-1)), at(1, cents(60_000))],
    verdicts: 'safe small-then-large',
  },
  {
    it: 'a small one of another card does not count',
    log: [at(0, { card: 8, amountCents: 1 }), at(1, cents(60_000))],
    verdicts: 'safe safe',
  },

  // 2: more than 10 in (t - 60 s, t], this one included
  {
    it: 'ten within a minute are safe, the eleventh is too many',
    log: times(11, (i) => at(i)),
    verdicts: `${safe(10)} too-many`,
  },
  {
    it: 'one exactly 60 s earlier no longer counts',
    log: [at(0), ...times(9, (i) => at(10 + i)), at(60)],
    verdicts: safe(11),
  },
  {
    it: 'one 59.999 s earlier still counts',
    log: [at(0), ...times(9, (i) => at(10 + i)), at(59.999)],
    verdicts: `${safe(10)} too-many`,
  },
  {
    it: 'those with a later event time do not count',
    log: [...times(10, (i) => at(20 + i)), at(19)],
    verdicts: safe(11),
  },
  {
    it: 'a flagged one counts as an earlier one',
    log: [at(0, cents(1)), at(1, cents(60_000)), ...times(9, (i) => at(2 + i))],
    verdicts: `safe small-then-large ${safe(8)} too-many`,
  },
  {
    it: 'each copy of a record counts and is judged by itself',
    log: times(11, () => at(0)),
    verdicts: `${safe(10)} too-many`,
  },

  // 3: more than 900 km/h from the previous one; at no time more than 1 km
  { it: 'a degree in 444.779 s is too fast', log: [at(0), at(444.779, degree)], verdicts: 'safe too-fast' },
  { it: 'a degree in 444.780 s is not', log: [at(0), at(444.78, degree)], verdicts: 'safe safe' },
  { it: 'speed is judged also when time runs backwards', log: [at(444.779), at(0, degree)], verdicts: 'safe too-fast' },
  { it: 'more than 1 km in no time is too fast', log: [at(0), at(0, { lat: 0.008994 })], verdicts: 'safe too-fast' },
  { it: 'less than 1 km in no time is not', log: [at(0), at(0, { lat: 0.008993 })], verdicts: 'safe safe' },
  {
    it: 'the previous one is the one that arrived last, not the one that happened last',
    log: [at(0), at(500, degree), at(1, degree)],
    verdicts: 'safe safe safe',
  },
  {
    it: 'half way around the earth along the date line is no distance',
    log: [at(0, { lon: 180 }), at(0, { lon: -180 })],
    verdicts: 'safe safe',
  },
  {
    it: 'the antipode takes 80,060 s',
    log: [at(0, { lat: 90 }), at(80_060, { lat: -90 }), at(0, { lat: 90, card: 8 }), at(80_061, { lat: -90, card: 8 })],
    verdicts: 'safe too-fast safe safe',
  },

  // 4: n >= 20, n·a > S, (n·a − S)² > 16·(n·Q − S²); of 10 of 10 and 10 of 20: S = 300, Q = 5000, so (20a − 300)² > 160,000, a > 35
  {
    it: 'an amount of more than four deviations above the mean of 20 is flagged',
    log: [...times(20, (i) => at(60 * i, cents(i % 2 === 0 ? 10 : 20))), at(1300, cents(36))],
    verdicts: `${safe(20)} unusual-amount`,
  },
  {
    it: 'exactly four deviations are not',
    log: [...times(20, (i) => at(60 * i, cents(i % 2 === 0 ? 10 : 20))), at(1300, cents(35))],
    verdicts: safe(21),
  },
  {
    it: 'nineteen earlier ones are too few',
    log: [...times(19, (i) => at(60 * i, cents(10))), at(1300, cents(9999))],
    verdicts: safe(20),
  },
  {
    it: 'with twenty equal ones a cent more is unusual, a cent less is not',
    log: [
      ...times(20, (i) => at(60 * i, cents(110))),
      at(1300, cents(109)),
      ...times(20, (i) => at(60 * i, { card: 8, amountCents: 110 })),
      at(1300, { card: 8, amountCents: 111 }),
    ],
    verdicts: `${safe(21)} ${safe(20)} unusual-amount`,
  },
  {
    it: 'sums are exact where doubles are not',
    log: [...times(20, (i) => at(60 * i, cents(9_007_199_254_740_990))), at(1300, cents(9_007_199_254_740_991))],
    verdicts: `${safe(20)} unusual-amount`,
  },
  {
    it: 'amounts are never forgotten by age',
    log: [...times(20, (i) => at(i * hour, cents(110))), at(10 * day, cents(111))],
    verdicts: `${safe(20)} unusual-amount`,
  },

  // What is remembered
  { it: 'exactly 11 minutes behind the highest event time is accepted', log: [at(660), at(0)], verdicts: 'safe safe' },
  { it: 'a millisecond more is too old', log: [at(660), at(-0.001)], verdicts: 'safe too-old' },
  {
    it: 'a too old one is forgotten: it is neither the previous one nor counted',
    log: [at(1000), at(0, { lat: 50, amountCents: 1 }), ...times(9, (i) => at(1001 + i)), at(1015)],
    verdicts: `safe too-old ${safe(9)} too-many`,
  },
  {
    it: 'history older than 11 minutes does not count, what is exactly as old does',
    log: [
      at(0, cents(1)),
      at(660.001),
      at(1, cents(60_000)),
      at(0, { card: 8, amountCents: 1 }),
      at(660, { card: 8 }),
      at(1, { card: 8, amountCents: 60_000 }),
    ],
    verdicts: 'safe safe safe safe safe small-then-large',
  },
  {
    it: 'a card unseen for exactly 30 days is remembered, a millisecond longer it starts afresh',
    log: [
      at(0),
      at(30 * day, { lat: 1 }),
      at(30 * day, { lat: 50 }),
      at(60 * day + 0.001, { lat: 50 }),
      at(60 * day - 1000, { lat: 50 }),
    ],
    verdicts: 'safe safe too-fast safe too-old',
  },

  // What is no transaction
  {
    it: 'text that is no JSON, no object, or not whole is malformed',
    log: ['', '{', 'null', '[]', '7', '"x"', '{}', `${JSON.stringify(valid)}x`],
    verdicts: Array(8).fill('malformed').join(' '),
  },
  {
    it: 'a missing, renamed or additional field is malformed',
    log: [withoutLat, { ...withoutLat, latitude: 0 }, { ...valid, currency: 1 }],
    verdicts: 'malformed malformed malformed',
  },
  {
    it: 'numbers as text, fractions and what a double rounds are malformed',
    log: [
      at(0, { id: '1' }),
      at(0, { amountCents: 10.5 }),
      at(0, { timestampMs: null }),
      JSON.stringify(valid).replace('"id":1', '"id":9007199254740993'),
    ],
    verdicts: 'malformed malformed malformed malformed',
  },
  {
    it: 'degrees go to the poles and around, not further',
    log: [
      at(0, { lat: 90, lon: -180 }),
      at(0, { lat: 90.00001 }),
      at(0, { lon: -180.1 }),
      at(0, { lat: '1' }),
      JSON.stringify(valid).replace('"lon":0', '"lon":1e999'),
    ],
    verdicts: 'safe malformed malformed malformed malformed',
  },
  {
    it: 'times before 1970 and after 9999 are malformed',
    log: [at(0, { timestampMs: -1 }), at(0, { timestampMs: 253_402_300_800_000 })],
    verdicts: 'malformed malformed',
  },
  {
    it: 'a malformed record changes nothing',
    log: [at(0), at(1, { lat: 50, extra: 1 }), at(2)],
    verdicts: 'safe malformed safe',
  },
  {
    it: 'two rules can break at once',
    log: [at(0, cents(5)), at(1, { amountCents: 70_000, lat: 10 })],
    verdicts: 'safe small-then-large+too-fast',
  },
]

/** The case's records as they lie in the log. */
export function logOf({ log }: Case): { shard: string; sequenceNumber: string; text: string }[] {
  return log.map((record, i) => ({
    shard: 'shardId-000000000000',
    sequenceNumber: String(i + 1),
    text: typeof record === 'string' ? record : JSON.stringify(record),
  }))
}
