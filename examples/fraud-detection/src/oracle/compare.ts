import { type LogRecord, recompute, totalKey } from './verdicts.ts'

export type OutputName = 'safe' | 'flagged' | 'rejected' | 'totals' | 'late'
export const outputNames: readonly OutputName[] = ['safe', 'flagged', 'rejected', 'totals', 'late']

export type Row = Readonly<Record<string, unknown>>

export interface Comparison {
  readonly equal: boolean
  readonly differences: number
  /** The first differences in words. */
  readonly examples: readonly string[]
  /** Positions, of the log or acknowledged to the producer, that are in none of safe, flagged, rejected. */
  readonly lost: number
  /** Positions that are there more than once. */
  readonly duplicated: number
}

/**
 * Compares the outputs with what the log demands. `acknowledged` are positions (`shard sequenceNumber`) that the
 * producer was told are stored; one that the log doesn't have is lost.
 */
export function compare(
  log: readonly LogRecord[],
  outputs: Readonly<Record<OutputName, readonly Row[]>>,
  acknowledged: Iterable<string> = [],
): Comparison {
  const { judgements, totals } = recompute(log)
  const differences: string[] = []
  const found = new Map<string, { output: string; row: Row }[]>()
  for (const output of ['safe', 'flagged', 'rejected'] as const) {
    for (const row of outputs[output]) {
      const position = `${row['shard']} ${row['sequenceNumber']}`
      const there = found.get(position)
      if (there === undefined) found.set(position, [{ output, row }])
      else there.push({ output, row })
    }
  }

  const wanted = new Set<string>()
  const lost = new Set<string>()
  for (const [index, { shard, sequenceNumber }] of log.entries()) {
    const position = `${shard} ${sequenceNumber}`
    wanted.add(position)
    const { output, row } = judgements[index]!
    const there = found.get(position)?.[0]
    if (there === undefined) lost.add(position)
    else if (there.output !== output) differences.push(`${position} is in ${there.output}, should be in ${output}`)
    else if (canonical(comparable(there.output, there.row)) !== canonical(row)) {
      differences.push(`${position} in ${output} is ${canonical(there.row)}, should be ${canonical(row)}`)
    }
  }
  for (const position of acknowledged) if (!wanted.has(position)) lost.add(position)
  for (const position of lost) differences.push(`${position} is lost`)

  let duplicated = 0
  for (const [position, rows] of found) {
    if (!wanted.has(position)) differences.push(`${position} is in ${rows[0]!.output} but not in the log`)
    if (rows.length === 1) continue
    duplicated++
    differences.push(`${position} is there ${rows.length} times: ${rows.map(({ output }) => output).join(', ')}`)
  }

  compareTotals(totals, outputs, judgements, differences)
  const examples = differences.slice(0, 20)
  return { equal: differences.length === 0, differences: differences.length, examples, lost: lost.size, duplicated }
}

function compareTotals(
  wanted: ReturnType<typeof recompute>['totals'],
  outputs: Readonly<Record<OutputName, readonly Row[]>>,
  judgements: ReturnType<typeof recompute>['judgements'],
  differences: string[],
): void {
  const accepted = new Map(judgements.filter((j) => j.output !== 'rejected').map(({ row }) => [placeOf(row), row]))
  const late = new Map<string, { count: number; amountCents: bigint }>()
  for (const row of outputs.late) {
    const place = placeOf(row)
    const { rules: _rules, evidence: _evidence, ...transaction } = accepted.get(place) ?? {}
    if (canonical(row) !== canonical(transaction)) differences.push(`${place} in late isn't an accepted transaction`)
    accepted.delete(place)
    const time = Number(row['timestampMs'])
    const key = totalKey(row['merchant'], time - (time % 10_000))
    const sum = late.get(key) ?? { count: 0, amountCents: 0n }
    late.set(key, { count: sum.count + 1, amountCents: sum.amountCents + BigInt(row['amountCents'] as number) })
  }
  const left = new Map(wanted)
  for (const row of outputs.totals) {
    const key = totalKey(row['merchant'], row['windowStartMs'])
    const total = left.get(key)
    left.delete(key)
    if (total === undefined) {
      differences.push(`${key} is in totals ${wanted.has(key) ? 'twice' : 'but not in the log'}`)
      continue
    }
    const behind = late.get(key) ?? { count: 0, amountCents: 0n }
    late.delete(key)
    const should = {
      merchant: row['merchant'],
      windowStartMs: row['windowStartMs'],
      windowEndMs: Number(row['windowStartMs']) + 10_000,
      count: total.count - behind.count,
      amountCents: String(total.amountCents - behind.amountCents),
      // Which positions a window has seen isn't known once some came behind it.
      positions: behind.count === 0 ? total.positions : row['positions'],
    }
    if (canonical(row) !== canonical(should)) {
      differences.push(`${key} in totals is ${canonical(row)}, should be ${canonical(should)}`)
    }
  }
  for (const [key, total] of left) {
    const behind = late.get(key)
    if (behind?.count === total.count && behind.amountCents === total.amountCents) continue
    differences.push(`${key} is in neither totals nor late as a whole`)
  }
}

const placeOf = (row: Row) => `${row['shard']} ${row['sequenceNumber']}`

/** A rejected row also says in words what was wrong and holds what was read: for people, not compared. */
function comparable(output: string, row: Row): Row {
  if (output !== 'rejected') return row
  return { shard: row['shard'], sequenceNumber: row['sequenceNumber'], reason: row['reason'] }
}

/** JSON with sorted keys: equal text, equal content. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
