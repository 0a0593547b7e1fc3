import type { Cancellable, Split } from '@millrace/engine/spi'

/** Tells when the sources of a stopped application have something for it. */
export interface SourceProbe {
  /**
   * Calls `onData` once, as soon as anything lies behind the splits' positions: at once when it does already. Undefined
   * when one of them can't be watched.
   */
  watch(splits: readonly Split[], onData: () => void): Cancellable | undefined
}

/** Where a split of a Kinesis stream stands, as the source's readers store it. */
export interface ShardPlace {
  readonly streamArn: string
  readonly shardId: string
  readonly position:
    | { readonly type: 'TRIM_HORIZON' }
    | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }
    | { readonly type: 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string }
  /** Read to its end. */
  readonly finished: boolean
}

/** Undefined when the split isn't one of a Kinesis stream. Splits are what connectors make them: nothing is taken for granted. */
export function shardPlaceOf(split: Split): ShardPlace | undefined {
  const { id, streamArn, position, finished } = split as Partial<ShardPlace> & Split
  if (typeof streamArn !== 'string' || !streamArn.includes(':kinesis:') || typeof finished !== 'boolean')
    return undefined
  if (typeof position !== 'object' || position === null) return undefined
  switch (position.type) {
    case 'TRIM_HORIZON':
      break
    case 'AT_TIMESTAMP':
      if (typeof position.timestampMs !== 'number') return undefined
      break
    case 'AFTER_SEQUENCE_NUMBER':
      if (typeof position.sequenceNumber !== 'string') return undefined
      break
    default:
      return undefined
  }
  return { streamArn, shardId: id, position, finished }
}
