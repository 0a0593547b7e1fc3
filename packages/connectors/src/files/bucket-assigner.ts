import { EngineError } from '@millrace/engine/spi'
import { checkTimePattern, formatUtc } from './time-pattern.ts'

/** Says which folder below the sink's path a record goes to. */
export interface BucketAssigner<in T> {
  /** A relative folder without leading or trailing slash; `''` is the sink's path itself. */
  bucketOf(value: T, timestampMs: number): string
  /** Event time (epoch ms) from which no more records of that record's bucket are expected: then its part is closed. */
  endMs?(timestampMs: number): number
}

/** Settings of `eventTimeBuckets`. */
export interface EventTimeBucketOptions {
  /** Event time that one bucket covers, aligned to the epoch; one hour unless set. */
  readonly sizeMs?: number
  /**
   * The folder's name from the start of the bucket, in UTC: `yyyy MM dd HH mm ss` are replaced, text in quotes stands as
   * it is, `/` makes folders. `yyyy-MM-dd--HH` unless set, as Flink's.
   */
  readonly pattern?: string
}

/**
 * Buckets by event time: one folder an hour unless set otherwise, closed when the watermark passes its end. A record
 * that comes later still goes to its bucket, in a new part.
 *
 * @throws `OPTION_INVALID`; while running `TIMESTAMP_MISSING` for a record without event time.
 */
export function eventTimeBuckets(options: EventTimeBucketOptions = {}): BucketAssigner<unknown> {
  const { sizeMs = 3_600_000, pattern = 'yyyy-MM-dd--HH' } = options
  if (!Number.isSafeInteger(sizeMs) || sizeMs <= 0) {
    const message = `eventTimeBuckets: option 'sizeMs' must be a positive whole number, got ${sizeMs}.`
    throw new EngineError('OPTION_INVALID', { kind: 'invalid', message, details: { option: 'sizeMs' } })
  }
  checkTimePattern(pattern)
  const startOf = (timestampMs: number) => Math.floor(timestampMs / sizeMs) * sizeMs
  // Neighbouring records share a bucket nearly always.
  let lastStartMs = Number.NaN
  let lastBucket = ''
  return {
    bucketOf(_value, timestampMs) {
      const startMs = startOf(timestampMs)
      if (startMs !== lastStartMs) {
        if (!Number.isFinite(timestampMs)) throw timestampMissing()
        lastBucket = formatUtc(pattern, startMs)
        lastStartMs = startMs
      }
      return lastBucket
    },
    endMs: (timestampMs) => startOf(timestampMs) + sizeMs,
  }
}

function timestampMissing(): EngineError {
  return new EngineError('TIMESTAMP_MISSING', {
    kind: 'application',
    message: 'A record without event time came to a files sink with event-time buckets.',
    hint: 'Give the source a watermark strategy with timestamps, or choose the bucket from the record itself.',
  })
}

/**
 * Refuses folders that would leave the sink's path, or that readers take for hidden.
 *
 * @throws `BUCKET_INVALID`
 */
export function checkBucket(bucket: string): void {
  if (bucket === '') return
  const bad = bucket.split('/').find((part) => part === '' || /^[._]/.test(part) || part.includes('\0'))
  if (bad === undefined) return
  throw new EngineError('BUCKET_INVALID', {
    kind: 'application',
    message: `'${bucket}' can't be a bucket: its part '${bad}' is empty or begins with '.' or '_'.`,
    hint: "A bucket is a relative folder like 'day=2026-01-31/hour=5'; names that begin with '.' or '_' are hidden.",
    details: { bucket },
  })
}
