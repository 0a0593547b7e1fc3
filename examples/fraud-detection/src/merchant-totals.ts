import type { AggregateFunction, WindowFunction } from '@millrace/engine'
import type { TotalRow } from './rows.ts'
import type { LoggedTransaction } from './transaction.ts'

export const TOTALS_WINDOW_MS = 10_000

/** What a merchant's transactions of a window come to so far. */
export interface Total {
  count: number
  amountCents: bigint
  /** Highest sequence number by shard. */
  readonly positions: Record<string, string>
}

export const sumAmounts: AggregateFunction<LoggedTransaction, Total, Total> = {
  createAccumulator: () => ({ count: 0, amountCents: 0n, positions: {} }),
  add({ shard, sequenceNumber, amountCents }, total) {
    total.count++
    total.amountCents += BigInt(amountCents)
    const highest = total.positions[shard]
    if (highest === undefined || isLater(sequenceNumber, highest)) total.positions[shard] = sequenceNumber
    return total
  },
  getResult: (total) => total,
}

export const totalRow: WindowFunction<number, Total, TotalRow> = (merchant, window, total, out) => {
  const { count, positions } = total
  const { startMs: windowStartMs, endMs: windowEndMs } = window
  out.collect({ merchant, windowStartMs, windowEndMs, count, amountCents: String(total.amountCents), positions })
}

/** Sequence numbers are decimal numbers, too large for a double. */
function isLater(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}
