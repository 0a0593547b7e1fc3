import { invalidArgument } from '../wire/api-error.ts'
import type { Shard } from './shard.ts'

/** Where reading may begin. */
export const positionTypes = ['TRIM_HORIZON', 'LATEST', 'AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER', 'AT_TIMESTAMP']

export interface StartingPosition {
  /** One of `positionTypes`. */
  readonly type: string
  readonly sequenceNumber: string | undefined
  readonly timestampMs: number | undefined
}

/**
 * The log index from which on records are read. A number whose record is trimmed, or that none has, means the next one.
 * Errors: InvalidArgumentException.
 */
export async function resolvePosition(shard: Shard, start: StartingPosition, nowMs: number): Promise<number> {
  const { type, sequenceNumber, timestampMs } = start
  switch (type) {
    case 'TRIM_HORIZON':
      return shard.log.trimIndex
    case 'LATEST':
      return shard.log.tipIndex
    case 'AT_TIMESTAMP':
      if (timestampMs === undefined) throw invalidArgument('AT_TIMESTAMP needs Timestamp.')
      if (timestampMs > nowMs) throw invalidArgument('The Timestamp is in the future.')
      return shard.log.indexAtTime(timestampMs)
    default: {
      if (sequenceNumber === undefined) throw invalidArgument(`${type} needs a sequence number.`)
      const index = shard.indexOf(sequenceNumber)
      return type === 'AT_SEQUENCE_NUMBER' ? index : index + 1
    }
  }
}
