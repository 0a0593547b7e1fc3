import { seededRandom } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import { BLOCK, type GeneratedRecord, generate, MAX_DISORDER_MS, START_MS, STEP_MS } from './generator.ts'
import { type CardState, judge, type Rule } from './judge.ts'
import { decodeTransaction, MalformedTransaction } from './transaction.ts'

/** What a log gives: per index the rules it was flagged with, or `malformed`, or nothing. */
function judgeLog(log: readonly GeneratedRecord[]): Map<number, string[]> {
  const cards = new Map<number, CardState>()
  const found = new Map<number, string[]>()
  for (const { index, data } of log) {
    try {
      const transaction = decodeTransaction(Buffer.from(data))
      const { verdict, card } = judge(cards.get(transaction.card), transaction)
      cards.set(transaction.card, card)
      const rules = verdict.kind === 'flagged' ? [...verdict.rules] : verdict.kind === 'too-old' ? ['too-old'] : []
      found.set(index, [...(found.get(index) ?? []), ...rules])
    } catch (error) {
      if (!(error instanceof MalformedTransaction)) throw error
      found.set(index, ['malformed'])
    }
  }
  return found
}

const plantsOf = (records: readonly GeneratedRecord[]): [number, Rule][] =>
  records.flatMap(({ index, plants }) => (plants === undefined ? [] : [[index, plants]]))

const missed = (records: readonly GeneratedRecord[], found: Map<number, string[]>) =>
  plantsOf(records).filter(([index, rule]) => !found.get(index)?.includes(rule))

test('20,000 records hold 10,000 cards, all four kinds of planted fraud, some malformed, and hardly a false alarm', () => {
  const records = [...generate({ seed: 1, transactions: 20_000 })]
  expect(records.map(({ index }) => index)).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
  expect(new Set(records.map(({ data }) => data)).size).toBe(20_000)

  const found = judgeLog(records)
  expect(missed(records, found)).toEqual([])
  const kinds = plantsOf(records).map(([, rule]) => rule)
  expect(new Set(kinds).size).toBe(4)
  expect(kinds.length).toBe(20 * 6)

  const words = [...found.values()].flat()
  expect(words.filter((word) => word === 'malformed').length).toBeGreaterThan(40)
  expect(words).not.toContain('too-old')
  const plantedCards = new Set(records.filter(({ ordered }) => ordered).map(({ partitionKey }) => partitionKey))
  const falseAlarms = records.filter((r) => !plantedCards.has(r.partitionKey) && found.get(r.index)![0] !== undefined)
  expect(falseAlarms.filter((r) => found.get(r.index)![0] !== 'malformed').length).toBeLessThan(5)
})

test('the same seed gives the same records, another seed others', () => {
  const one = [...generate({ seed: 5, transactions: 3000 })]
  expect([...generate({ seed: 5, transactions: 3000 })]).toEqual(one)
  expect([...generate({ seed: 6, transactions: 3000 })]).not.toEqual(one)
})

test('event time is out of order, by five seconds at most', () => {
  let [highest, behind] = [0, 0]
  for (const { index, data } of generate({ seed: 3, transactions: 10_000 })) {
    let timestampMs: number
    try {
      timestampMs = decodeTransaction(Buffer.from(data)).timestampMs
    } catch {
      continue
    }
    expect(START_MS + index * STEP_MS - timestampMs).toBeLessThanOrEqual(MAX_DISORDER_MS)
    highest = Math.max(highest, timestampMs)
    behind = Math.max(behind, highest - timestampMs)
  }
  expect(behind).toBeLessThanOrEqual(MAX_DISORDER_MS)
  expect(behind).toBeGreaterThan(MAX_DISORDER_MS / 2)
})

test.each([1, 9, 10, 79, 80, 100, 999, 1000, 1001, 2500])('%i records hold what fits', (transactions) => {
  const records = [...generate({ seed: 2, transactions })]
  expect(records.length).toBe(transactions)
  expect(missed(records, judgeLog(records))).toEqual([])
  const kinds = new Set(plantsOf(records).map(([, rule]) => rule)).size
  expect(kinds).toBe(transactions < 10 ? 0 : transactions < 80 ? 2 : 4)
})

test('plants are found also when a card is used again, and by a run that goes on where another ended', () => {
  const cards = new Map<string, number>()
  const records = [
    ...generate({ seed: 4, transactions: 100_000 }),
    ...generate({ seed: 4, transactions: 80_000, first: 100_000 }),
  ]
  for (const { plants, partitionKey } of records)
    if (plants) cards.set(partitionKey, (cards.get(partitionKey) ?? 0) + 1)
  expect(Math.max(...cards.values())).toBeGreaterThan(1)
  expect(missed(records, judgeLog(records))).toEqual([])
})

test('a card used for the tenth time still breaks its rule', () => {
  const small = (block: number) => [...generate({ seed: 8, transactions: 200, first: block * BLOCK })]
  const records = Array.from({ length: 24 }, (_, block) => small(block)).flat()
  expect(missed(records, judgeLog(records))).toEqual([])
})

test.each([1, 2, 3, 4, 5])('plants are found though records are repeated and overtake each other (seed %i)', (seed) => {
  const records = [...generate({ seed, transactions: 20_000 })]
  const found = judgeLog(disturb(records, seed))
  expect(missed(records, found)).toEqual([])
})

/** The log as a producer with lost answers and throttled entries leaves it, ordered records only behind their card's. */
function disturb(records: readonly GeneratedRecord[], seed: number): GeneratedRecord[] {
  const random = seededRandom(seed)
  const log: GeneratedRecord[] = []
  const waiting: { at: number; record: GeneratedRecord }[] = []
  const drop = (until: (w: { at: number; record: GeneratedRecord }) => boolean) => {
    for (const w of waiting.filter(until)) {
      waiting.splice(waiting.indexOf(w), 1)
      log.push(w.record)
    }
  }
  for (const [i, record] of records.entries()) {
    drop((w) => w.at <= i || (record.ordered && w.record.partitionKey === record.partitionKey))
    if (random.next() < 0.1) log.push(record)
    if (random.next() < 0.2) waiting.push({ at: i + random.int(1, 300), record })
    else log.push(record)
  }
  drop(() => true)
  return log
}
