/**
 * The fraud application's definition once more, written from its description alone and as plainly as possible: every
 * verdict looks at the whole list of the card's earlier transactions. Imports nothing, so that it can't share a mistake.
 */

/** A record of the log, in the order of its shard. */
export interface LogRecord {
  readonly shard: string
  readonly sequenceNumber: string
  readonly text: string
}

/** What must be found for a record: in which output, and its row. `detail` texts are for people and not compared. */
export interface Judgement {
  readonly output: 'safe' | 'flagged' | 'rejected'
  readonly row: Record<string, unknown>
}

export interface Total {
  count: number
  amountCents: bigint
  /** Highest sequence number by shard. */
  positions: Record<string, string>
}

interface Tx {
  id: number
  card: number
  merchant: number
  amountCents: number
  timestampMs: number
  lat: number
  lon: number
}

const minute = 60_000
const fields = ['amountCents', 'card', 'id', 'lat', 'lon', 'merchant', 'timestampMs']

export const totalKey = (merchant: unknown, windowStartMs: unknown) => `merchant ${merchant} window ${windowStartMs}`

/** Verdicts in the order of `log`, and totals of the accepted ones by `totalKey`. */
export function recompute(log: readonly LogRecord[]): { judgements: Judgement[]; totals: Map<string, Total> } {
  const cards = new Map<number, Tx[]>()
  const totals = new Map<string, Total>()
  const judgements = log.map(({ shard, sequenceNumber, text }): Judgement => {
    const position = { shard, sequenceNumber }
    const t = read(text)
    if (t === undefined) return { output: 'rejected', row: { ...position, reason: 'malformed' } }
    let earlier = cards.get(t.card) ?? []
    const highest = earlier.reduce((max, e) => Math.max(max, e.timestampMs), Number.NEGATIVE_INFINITY)
    if (t.timestampMs - highest > 30 * 24 * 60 * minute) earlier = []
    else if (t.timestampMs < highest - 11 * minute)
      return { output: 'rejected', row: { ...position, reason: 'too-old' } }
    const evidence = findings(t, earlier, highest - 11 * minute)
    cards.set(t.card, earlier)
    earlier.push(t)
    addTo(totals, t, position)
    const rules = Object.keys(evidence)
    if (rules.length === 0) return { output: 'safe', row: { ...position, ...t } }
    return { output: 'flagged', row: { ...position, ...t, rules, evidence } }
  })
  return { judgements, totals }
}

function read(text: string): Tx | undefined {
  try {
    const t = JSON.parse(text)
    if (Object.keys(t).sort().join() !== fields.join()) return undefined
    const whole = [t.id, t.card, t.merchant, t.amountCents, t.timestampMs].every(Number.isSafeInteger)
    const dated = t.timestampMs >= 0 && t.timestampMs < Date.UTC(10000, 0)
    const placed = typeof t.lat === 'number' && typeof t.lon === 'number' && t.lat ** 2 <= 8100 && t.lon ** 2 <= 32400
    return whole && dated && placed ? t : undefined
  } catch {
    return undefined
  }
}

function findings(t: Tx, earlier: readonly Tx[], oldest: number): Record<string, object> {
  const found: Record<string, object> = {}
  const age = (e: Tx) => t.timestampMs - e.timestampMs
  const history = earlier.filter((e) => e.timestampMs >= oldest && age(e) >= 0)

  const smalls = history.filter((e) => e.amountCents < 100 && age(e) <= minute).map((e) => e.timestampMs)
  if (t.amountCents > 50_000 && smalls.length > 0) found['small-then-large'] = { smallAtMs: Math.max(...smalls) }

  const count = 1 + history.filter((e) => age(e) < minute).length
  if (count > 10) found['too-many'] = { count }

  const previous = earlier.at(-1)
  if (previous !== undefined) {
    const km = haversine(previous, t)
    const elapsedMs = Math.abs(age(previous))
    const kmh = elapsedMs > 0 ? km / (elapsedMs / 3_600_000) : km > 1 ? Number.POSITIVE_INFINITY : 0
    const speedKmh = elapsedMs > 0 ? Math.round(kmh) : null
    if (kmh > 900) found['too-fast'] = { distanceM: Math.round(km * 1000), elapsedMs, speedKmh }
  }

  if (earlier.length >= 20) {
    const amounts = earlier.map((e) => BigInt(e.amountCents))
    const [n, a] = [BigInt(amounts.length), BigInt(t.amountCents)]
    const sum = amounts.reduce((s, x) => s + x, 0n)
    const squares = amounts.reduce((q, x) => q + x * x, 0n)
    const unusual = n * a > sum && (n * a - sum) ** 2n > 16n * (n * squares - sum ** 2n)
    if (unusual) found['unusual-amount'] = { n: earlier.length, sum: `${sum}`, squares: `${squares}` }
  }
  return found
}

function haversine(p: Tx, q: Tx): number {
  const rad = (degrees: number) => degrees * (Math.PI / 180)
  const hav = (angle: number) => Math.sin(angle / 2) ** 2
  const a = hav(rad(q.lat - p.lat)) + Math.cos(rad(p.lat)) * Math.cos(rad(q.lat)) * hav(rad(q.lon - p.lon))
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(a)))
}

function addTo(totals: Map<string, Total>, t: Tx, position: { shard: string; sequenceNumber: string }): void {
  const key = totalKey(t.merchant, t.timestampMs - (t.timestampMs % 10_000))
  const total = totals.get(key) ?? { count: 0, amountCents: 0n, positions: {} }
  totals.set(key, total)
  total.count++
  total.amountCents += BigInt(t.amountCents)
  const highest = total.positions[position.shard] ?? '0'
  if (BigInt(position.sequenceNumber) > BigInt(highest)) total.positions[position.shard] = position.sequenceNumber
}
