import type { KinesisRecord } from '@millrace/connectors/kinesis'
import type { DeadLetter } from '@millrace/engine'
import type { Evidence, Rule } from './judge.ts'
import type { LoggedTransaction, LogPosition, Transaction } from './transaction.ts'

/** A transaction that breaks rules: a row of `flagged/`, and an alert. */
export interface FlaggedRow extends LoggedTransaction {
  readonly rules: readonly Rule[]
  readonly evidence: Evidence
}

/** A record that wasn't judged: a row of `rejected/`. */
export interface RejectedRow extends LogPosition {
  readonly reason: 'malformed' | 'too-old'
  /** In words. */
  readonly detail: string
  /** The record as it came. */
  readonly data: string
}

/** The accepted transactions of a merchant in ten seconds of event time: a row of `totals/`. */
export interface TotalRow {
  readonly merchant: number
  readonly windowStartMs: number
  readonly windowEndMs: number
  readonly count: number
  /** In decimal: a sum may outgrow a double. */
  readonly amountCents: string
  /** Highest sequence number by shard. */
  readonly positions: Readonly<Record<string, string>>
}

/** A transaction with its place in the log, in the order of fields that the rows have. */
export function logged({ value, shardId, sequenceNumber }: KinesisRecord<Transaction>): LoggedTransaction {
  const { id, card, merchant, amountCents, timestampMs, lat, lon } = value
  return { shard: shardId, sequenceNumber, id, card, merchant, amountCents, timestampMs, lat, lon }
}

export function flaggedRow(t: LoggedTransaction, rules: readonly Rule[], evidence: Evidence): FlaggedRow {
  return { ...t, rules, evidence }
}

/** A flagged transaction as a plain one. */
export function unflagged(row: FlaggedRow): LoggedTransaction {
  const { rules: _rules, evidence: _evidence, ...transaction } = row
  return transaction
}

export function malformedRow({ splitId, position, reason, data }: DeadLetter): RejectedRow {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')
  return { shard: splitId, sequenceNumber: position, reason: 'malformed', detail: reason, data: text }
}

export function tooOldRow(
  { shard, sequenceNumber, ...transaction }: LoggedTransaction,
  highestMs: number,
): RejectedRow {
  const behindS = (highestMs - transaction.timestampMs) / 1000
  const detail = `${behindS} s behind the newest transaction of card ${transaction.card}`
  return { shard, sequenceNumber, reason: 'too-old', detail, data: JSON.stringify(transaction) }
}
