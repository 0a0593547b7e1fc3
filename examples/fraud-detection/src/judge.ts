import type { Transaction } from './transaction.ts'

export type Rule = 'small-then-large' | 'too-many' | 'too-fast' | 'unusual-amount'

/** What each broken rule rests on: enough to check it by hand. */
export interface Evidence {
  /** Event time of the newest amount below 100 within the last 60 s. */
  'small-then-large'?: { smallAtMs: number }
  /** Transactions in the last 60 s, this one included. */
  'too-many'?: { count: number }
  /** To the previous one: meters, time between them, and their quotient, null where no time passed. */
  'too-fast'?: { distanceM: number; elapsedMs: number; speedKmh: number | null }
  /** Number, sum and sum of squares of the earlier amounts; the sums in decimal, since they outgrow a double. */
  'unusual-amount'?: { n: number; sum: string; squares: string }
}

export type Verdict =
  | { readonly kind: 'safe' }
  | { readonly kind: 'flagged'; readonly rules: readonly Rule[]; readonly evidence: Evidence }
  /** Older than what is remembered of its card, whose highest event time is given. */
  | { readonly kind: 'too-old'; readonly highestMs: number }

/** What is remembered of a card, as plain data: the engine keeps it as keyed state. */
export interface CardState {
  /** Highest event time of the accepted ones. */
  highestMs: number
  /** The one accepted last, in order of arrival. */
  lastMs: number
  lastLat: number
  lastLon: number
  /** Number, sum and sum of squares of all accepted amounts. */
  n: number
  sum: bigint
  squares: bigint
  /** Event times of the accepted ones, ascending, and of those below 100 cents; what is older than the horizon is dropped in lots. */
  times: number[]
  smallTimes: number[]
}

const WINDOW_MS = 60_000
/** History reaches this far behind the card's highest event time: the window and ten minutes for disorder. */
const HISTORY_MS = WINDOW_MS + 10 * 60_000
/** A card unseen for longer starts afresh. */
export const FORGET_AFTER_MS = 30 * 24 * 3_600_000

const SMALL_BELOW_CENTS = 100
const LARGE_ABOVE_CENTS = 50_000
const MANY_ABOVE = 10
const FAST_ABOVE_KMH = 900
const JUMP_ABOVE_KM = 1
const EARTH_RADIUS_KM = 6371
const KNOWN_FROM = 20
const SAFE: Verdict = { kind: 'safe' }

/**
 * Judges a transaction against its card's earlier accepted ones, flagged or not, and remembers it in `card` unless it
 * is too old. To be called once for every record, in the order of its shard. `card` is undefined for the first one.
 *
 * - `small-then-large`: more than 50,000 cents after one of less than 100 with event time in [t − 60 s, t]
 * - `too-many`: more than 10 with event time in (t − 60 s, t], this one included
 * - `too-fast`: from the one accepted before it more than 900 km/h over |Δt|; at Δt = 0 more than 1 km
 * - `unusual-amount`: with n ≥ 20 earlier amounts, more than 4 standard deviations above their mean, in whole numbers
 *
 * The history of the first two is what isn't older than the card's highest event time − 60 s − 10 min; a transaction
 * that is older itself is `too-old`. Costs about a microsecond; memory is bounded by 11 minutes of one card.
 */
export function judge(card: CardState | undefined, t: Transaction): { verdict: Verdict; card: CardState } {
  if (card === undefined || t.timestampMs > card.highestMs + FORGET_AFTER_MS) {
    // Every rule needs an earlier one, so the first is safe.
    return { verdict: SAFE, card: firstState(t) }
  }
  if (t.timestampMs < card.highestMs - HISTORY_MS) {
    return { verdict: { kind: 'too-old', highestMs: card.highestMs }, card }
  }
  const verdict = judgeAgainst(card, t)
  remember(card, t)
  return { verdict, card }
}

function judgeAgainst(card: CardState, t: Transaction): Verdict {
  const evidence: Evidence = {}
  smallThenLarge(card, t, evidence)
  tooMany(card, t, evidence)
  tooFast(card, t, evidence)
  unusualAmount(card, t, evidence)
  const rules = Object.keys(evidence) as Rule[]
  return rules.length === 0 ? SAFE : { kind: 'flagged', rules, evidence }
}

function smallThenLarge(card: CardState, t: Transaction, evidence: Evidence): void {
  if (t.amountCents <= LARGE_ABOVE_CENTS) return
  const newest = countUpTo(card.smallTimes, t.timestampMs) - 1
  const smallAtMs = card.smallTimes[newest]
  if (smallAtMs === undefined || smallAtMs < t.timestampMs - WINDOW_MS || smallAtMs < horizon(card)) return
  evidence['small-then-large'] = { smallAtMs }
}

function tooMany(card: CardState, t: Transaction, evidence: Evidence): void {
  // Times are whole milliseconds, so "not older than the horizon" is "later than the one before it".
  const after = Math.max(t.timestampMs - WINDOW_MS, horizon(card) - 1)
  const count = countUpTo(card.times, t.timestampMs) - countUpTo(card.times, after) + 1
  if (count > MANY_ABOVE) evidence['too-many'] = { count }
}

function tooFast(card: CardState, t: Transaction, evidence: Evidence): void {
  const km = distanceKm(card.lastLat, card.lastLon, t.lat, t.lon)
  const elapsedMs = Math.abs(t.timestampMs - card.lastMs)
  const kmh = km / (elapsedMs / 3_600_000)
  if (elapsedMs === 0 ? km <= JUMP_ABOVE_KM : kmh <= FAST_ABOVE_KMH) return
  const speedKmh = elapsedMs === 0 ? null : Math.round(kmh)
  evidence['too-fast'] = { distanceM: Math.round(km * 1000), elapsedMs, speedKmh }
}

function unusualAmount(card: CardState, t: Transaction, evidence: Evidence): void {
  if (card.n < KNOWN_FROM) return
  const n = BigInt(card.n)
  const above = n * BigInt(t.amountCents) - card.sum
  if (above <= 0n || above * above <= 16n * (n * card.squares - card.sum * card.sum)) return
  evidence['unusual-amount'] = { n: card.n, sum: String(card.sum), squares: String(card.squares) }
}

/** Great-circle distance by the haversine formula on a sphere. */
function distanceKm(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const radians = Math.PI / 180
  const sinLat = Math.sin(((lat2 - lat1) * radians) / 2)
  const sinLon = Math.sin(((lon2 - lon1) * radians) / 2)
  const a = sinLat * sinLat + Math.cos(lat1 * radians) * Math.cos(lat2 * radians) * sinLon * sinLon
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(a)))
}

function firstState(t: Transaction): CardState {
  const amount = BigInt(t.amountCents)
  return {
    highestMs: t.timestampMs,
    lastMs: t.timestampMs,
    lastLat: t.lat,
    lastLon: t.lon,
    n: 1,
    sum: amount,
    squares: amount * amount,
    times: [t.timestampMs],
    smallTimes: t.amountCents < SMALL_BELOW_CENTS ? [t.timestampMs] : [],
  }
}

function remember(card: CardState, t: Transaction): void {
  const amount = BigInt(t.amountCents)
  card.highestMs = Math.max(card.highestMs, t.timestampMs)
  card.lastMs = t.timestampMs
  card.lastLat = t.lat
  card.lastLon = t.lon
  card.n++
  card.sum += amount
  card.squares += amount * amount
  insert(card.times, t.timestampMs)
  if (t.amountCents < SMALL_BELOW_CENTS) insert(card.smallTimes, t.timestampMs)
  trim(card.times, horizon(card))
  trim(card.smallTimes, horizon(card))
}

/** What is older isn't history. */
function horizon(card: CardState): number {
  return card.highestMs - HISTORY_MS
}

/** How many of the ascending times are ≤ `limit`. */
function countUpTo(times: readonly number[], limit: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! <= limit) low = middle + 1
    else high = middle
  }
  return low
}

function insert(times: number[], time: number): void {
  const newest = times[times.length - 1]
  if (newest === undefined || newest <= time) times.push(time)
  else times.splice(countUpTo(times, time), 0, time)
}

/** Drops what is older than the horizon once it is half of all, so that a record's share of the work stays constant. */
function trim(times: number[], horizonMs: number): void {
  const first = times[0]
  if (first === undefined || first >= horizonMs) return
  const stale = countUpTo(times, horizonMs - 1)
  if (stale * 2 >= times.length) times.splice(0, stale)
}
