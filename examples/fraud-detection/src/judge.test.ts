import { expect, test } from 'vitest'
import { type CardState, judge } from './judge.ts'
import { cases, logOf } from './oracle/cases.ts'
import { decodeTransaction, MalformedTransaction, type Transaction } from './transaction.ts'

/** The application's word on a record, as the cases spell it. */
function judgeText(cards: Map<number, CardState>, text: string): string {
  let transaction: Transaction
  try {
    transaction = decodeTransaction(Buffer.from(text))
  } catch (error) {
    if (error instanceof MalformedTransaction) return 'malformed'
    throw error
  }
  const { verdict, card } = judge(cards.get(transaction.card), transaction)
  cards.set(transaction.card, card)
  return verdict.kind === 'flagged' ? verdict.rules.join('+') : verdict.kind
}

test.each(cases)('$it', (example) => {
  const cards = new Map<number, CardState>()
  const verdicts = logOf(example).map(({ text }) => judgeText(cards, text))
  expect(verdicts.join(' ')).toBe(example.verdicts)
})

test.each([
  ['{', 'not JSON'],
  ['[1]', 'not a JSON object'],
  ['{"id":1}', "field 'card' is missing"],
  ['{"id":"x"}', "field 'id' is not a whole number below 2^53"],
  [
    '{"id":1,"card":1,"merchant":1,"amountCents":1,"timestampMs":1,"lat":91,"lon":0}',
    "field 'lat' is not a number from -90 to 90",
  ],
  [
    '{"id":1,"card":1,"merchant":1,"amountCents":1,"timestampMs":-1,"lat":9,"lon":0}',
    "field 'timestampMs' is not epoch",
  ],
  ['{"id":1,"card":1,"merchant":1,"amountCents":1,"timestampMs":1,"lat":9,"lon":0,"x":1}', '1 unknown field'],
])('%s is malformed: %s', (text, reason) => {
  expect(() => decodeTransaction(Buffer.from(text))).toThrow(reason)
})

test('what a card remembers is bounded by eleven minutes of it', () => {
  let card: CardState | undefined
  for (let i = 0; i < 20_000; i++) {
    const timestampMs = 1_700_000_000_000 + i * 1000
    const transaction = { id: i, card: 1, merchant: 1, amountCents: i % 100, timestampMs, lat: 0, lon: 0 }
    card = judge(card, transaction).card
    expect(card.times.length).toBeLessThanOrEqual(2 * 662)
  }
  expect(card?.n).toBe(20_000)
})
