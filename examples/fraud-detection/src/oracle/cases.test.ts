import { expect, test } from 'vitest'
import { cases, logOf } from './cases.ts'
import { compare, type OutputName, type Row } from './compare.ts'
import { recompute } from './verdicts.ts'

const word = ({ output, row }: { output: string; row: Row }) =>
  output === 'flagged' ? (row['rules'] as string[]).join('+') : output === 'rejected' ? row['reason'] : output

test.each(cases)('$it', (example) => {
  expect(recompute(logOf(example)).judgements.map(word).join(' ')).toBe(example.verdicts)
})

test('there are thirty cases at least', () => expect(cases.length).toBeGreaterThanOrEqual(30))

const transaction = (id: number, seconds: number, merchant = 3) => ({
  id,
  card: id,
  merchant,
  amountCents: 100 * id,
  timestampMs: 1_700_000_000_000 + seconds * 1000,
  lat: 0,
  lon: 0,
})
const logged = [transaction(1, 1), transaction(2, 9.999), transaction(3, 10), transaction(4, 1, 5)]
const log = logged.map((t, i) => ({ shard: `shard-${i % 2}`, sequenceNumber: `${100 + i}`, text: JSON.stringify(t) }))
const rows: Row[] = logged.map((t, i) => ({ shard: `shard-${i % 2}`, sequenceNumber: `${100 + i}`, ...t }))

const total = (
  merchant: number,
  second: number,
  count: number,
  cents: number,
  positions: Record<string, string>,
): Row => ({
  merchant,
  windowStartMs: 1_700_000_000_000 + second * 1000,
  windowEndMs: 1_700_000_010_000 + second * 1000,
  count,
  amountCents: `${cents}`,
  positions,
})
const right: Record<OutputName, Row[]> = {
  safe: rows,
  flagged: [],
  rejected: [],
  totals: [
    total(3, 0, 2, 300, { 'shard-0': '100', 'shard-1': '101' }),
    total(3, 10, 1, 300, { 'shard-0': '102' }),
    total(5, 0, 1, 400, { 'shard-1': '103' }),
  ],
  late: [],
}

test('right outputs are equal', () => {
  expect(compare(log, right)).toEqual({ equal: true, differences: 0, examples: [], lost: 0, duplicated: 0 })
})

test('totals and late together must be right', () => {
  const [first, second] = right.totals as [Row, Row]
  const late = [rows[1]!, rows[3]!]
  const totals = [{ ...first, count: 1, amountCents: '100', positions: { 'shard-0': '100' } }, second]
  expect(compare(log, { ...right, totals, late })).toMatchObject({ equal: true })
  expect(compare(log, { ...right, totals: [first, second], late })).toMatchObject({ equal: false, differences: 1 })
  expect(compare(log, { ...right, totals, late: [...late, rows[1]!] })).toMatchObject({ equal: false })
})

test.each<[string, Partial<Record<OutputName, Row[]>>, object]>([
  ['a missing row is lost', { safe: rows.slice(1) }, { lost: 1, duplicated: 0, differences: 1 }],
  ['a row twice is duplicated', { safe: [...rows, rows[2]!] }, { lost: 0, duplicated: 1, differences: 1 }],
  ['a row in two outputs is duplicated', { rejected: [rows[2]!] }, { lost: 0, duplicated: 1, differences: 1 }],
  ['a row in the wrong output differs', { safe: rows.slice(1), flagged: [rows[0]!] }, { lost: 0, differences: 1 }],
  [
    'a changed field differs',
    { safe: [{ ...rows[0], amountCents: 101 }, ...rows.slice(1)] },
    { lost: 0, differences: 1 },
  ],
  ['a row from nowhere differs', { rejected: [{ shard: 's', sequenceNumber: '9' }] }, { lost: 0, differences: 1 }],
  ['a missing total differs', { totals: right.totals.slice(1) }, { lost: 0, differences: 1 }],
  ['a total twice differs', { totals: [...right.totals, right.totals[0]!] }, { duplicated: 0, differences: 1 }],
  [
    'a wrong count differs',
    { totals: [{ ...right.totals[0], count: 3 }, ...right.totals.slice(1)] },
    { differences: 1 },
  ],
  [
    'a wrong position differs',
    { totals: [{ ...right.totals[0], positions: {} }, ...right.totals.slice(1)] },
    { differences: 1 },
  ],
])('%s', (_it, change, expected) => {
  expect(compare(log, { ...right, ...change })).toMatchObject({ equal: false, ...expected })
})

test('an acknowledged position that the log does not have is lost', () => {
  expect(compare(log, right, ['shard-0 100', 'shard-0 104'])).toMatchObject({ equal: false, lost: 1, differences: 1 })
})
