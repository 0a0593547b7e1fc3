import type { Cancellable, Split } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'

/** Tells when the sources of a stopped application have something for it. */
export interface SourceProbe {
  /**
   * Calls the listener once, as soon as anything lies behind the splits' positions: at once when it does already. Undefined
   * when one of them can't be watched.
   */
  watch(application: ApplicationRecord, splits: readonly Split[], listener: SourceListener): Cancellable | undefined
}

/** One of the two is called, and then no more. */
export interface SourceListener {
  onData(): void
  /** They can't be watched after all; `reason`: what their service says. */
  onRefused(reason: string): void
}

/** Where a split of a Kinesis stream stands, as the source's readers store it. */
export interface ShardPlace {
  readonly streamArn: string
  readonly shardId: string
  readonly position:
    | { readonly type: 'TRIM_HORIZON' }
    | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }
    | { readonly type: 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string }
}

/**
 * The shards that aren't read to their end; undefined when a split isn't one of a Kinesis stream. Splits are what
 * connectors make them: nothing is taken for granted.
 */
export function unfinishedShards(splits: readonly Split[]): readonly ShardPlace[] | undefined {
  const places: ShardPlace[] = []
  for (const split of splits) {
    const { id, streamArn, position, finished } = split as Partial<ShardPlace> & Split & { finished?: unknown }
    if (typeof streamArn !== 'string' || !streamArn.includes(':kinesis:') || typeof finished !== 'boolean')
      return undefined
    if (!isPosition(position)) return undefined
    if (!finished) places.push({ streamArn, shardId: id, position })
  }
  return places
}

function isPosition(position: ShardPlace['position'] | undefined): position is ShardPlace['position'] {
  switch (position?.type) {
    case 'TRIM_HORIZON':
      return true
    case 'AT_TIMESTAMP':
      return typeof position.timestampMs === 'number'
    case 'AFTER_SEQUENCE_NUMBER':
      return typeof position.sequenceNumber === 'string'
    default:
      return false
  }
}

/** How the ARNs of the streams begin that an account has in a region. */
export function streamArnPrefix(account: { readonly region: string; readonly accountId: string }): string {
  return `arn:aws:kinesis:${account.region}:${account.accountId}:stream/`
}
