import type { Counter, MetricGroup } from '@millrace/engine/spi'
import type { RetrySurroundings } from '../aws/retry.ts'
import type { KinesisApi } from './kinesis-api.ts'

/** What the fetchers of one reader share. */
export interface Fetching {
  readonly api: KinesisApi
  readonly around: Omit<RetrySurroundings, 'signal'>
  readonly settings: {
    readonly maxRecordsPerFetch: number
    readonly unavailableAfterMs: number
    readonly subscriptionTimeoutMs: number
  }
  readonly metrics: FetchMetrics
}

/** Counted by fetchers. */
export interface FetchMetrics {
  /** Calls the service refused for their rate. */
  readonly throttles: Counter
  /** Iterators that grew older than five minutes, for instance under back-pressure. */
  readonly expiredIterators: Counter
  /** Subscriptions opened after a shard's first one. */
  readonly resubscriptions: Counter
  /** Answers that carried records, and the records they carried. */
  readonly fetches: Counter
  readonly fetchedRecords: Counter
}

/** Registers the fetchers' metrics, and `recordsPerFetch`, their mean. */
export function createFetchMetrics(metrics: MetricGroup): FetchMetrics {
  const fetches = metrics.counter('fetches')
  const fetchedRecords = metrics.counter('fetchedRecords')
  metrics.gauge('recordsPerFetch', () => (fetches.value === 0 ? null : fetchedRecords.value / fetches.value))
  return {
    throttles: metrics.counter('throttles'),
    expiredIterators: metrics.counter('expiredIterators'),
    resubscriptions: metrics.counter('resubscriptions'),
    fetches,
    fetchedRecords,
  }
}
