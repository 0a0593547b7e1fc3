import { classifyAwsError } from '../aws/aws-errors.ts'
import { sleepUnlessAborted, unlessAborted } from '../aws/backoff.ts'
import { RetryRow } from '../aws/retry.ts'
import type { Fetching } from './fetching.ts'
import type { RecordsPage } from './kinesis-api.ts'
import type { ShardFeed } from './shard-feed.ts'
import type { ShardPosition } from './splits.ts'

/** A shard answers five GetRecords calls a second, whoever makes them. Source: Kinesis API reference, GetRecords. */
const minCallIntervalMs = 200
const firstEmptyPauseMs = 250
const maxEmptyPauseMs = 1_000
/** Five such answers a second are more than twice what a shard gives (2 MiB/s); two of them may be queued. */
const targetAnswerBytes = 512 * 1024
const firstLimit = 1_000
const minLimit = 10

/** A part of a shard to read. */
export interface PollSpan {
  readonly from: ShardPosition
  /** By the monotonic clock, ms; to the shard's end unless given. */
  readonly untilMs?: number
}

/**
 * Reads a shard by GetRecords until it ends, which answers with undefined, until `untilMs`, which answers with the
 * position after the last record received, or until the feed closes.
 *
 * At least 200 ms between two calls; 250 ms growing to 1 s while the shard is at its tip and empty; no call while the
 * feed is full. The number of records asked for follows their size. An expired iterator is replaced from the last
 * position, a throttled call comes again after a jittered delay and asks for half. Rejects with `Aborted` at close,
 * else with the job's error.
 */
export async function pollShard(
  feed: ShardFeed,
  { api, around, settings, metrics }: Fetching,
  { from, untilMs = Number.POSITIVE_INFINITY }: PollSpan = { from: feed.split.position },
): Promise<ShardPosition | undefined> {
  const { signal } = feed
  const { id: shardId } = feed.split
  const { clock, scheduler } = around
  const failures = new RetryRow({ ...around, signal }, `Reading ${shardId} by GetRecords`, settings.unavailableAfterMs)
  const limit = new FetchLimit(settings.maxRecordsPerFetch)
  let position = from
  let iterator: string | undefined
  let emptyAnswers = 0
  let nextCallMs = Number.NEGATIVE_INFINITY
  for (;;) {
    await feed.room()
    const pauseMs = Math.min(nextCallMs, untilMs) - clock.monotonicMs()
    if (pauseMs > 0) await sleepUnlessAborted(scheduler, pauseMs, signal)
    if (clock.monotonicMs() >= untilMs) return position
    let page: RecordsPage
    try {
      iterator ??= await unlessAborted(api.getShardIterator(shardId, position, signal), signal)
      nextCallMs = clock.monotonicMs() + minCallIntervalMs
      page = await unlessAborted(api.getRecords(iterator, limit.records, signal), signal)
    } catch (error) {
      const kind = classifyAwsError(error)
      if (kind === 'missing' && !signal.aborted) {
        await feed.missing()
        await failures.failed(error, 0, 'transient')
        iterator = undefined
        continue
      }
      if (kind === 'throttled') {
        metrics.throttles.value++
        limit.throttled()
      }
      if (kind === 'expired') {
        metrics.expiredIterators.value++
        iterator = undefined
      } else if (!signal.aborted) feed.interrupted()
      await failures.failed(error)
      continue
    }
    failures.succeeded()
    const last = page.records[page.records.length - 1]
    if (last === undefined) {
      emptyAnswers++
      if (page.millisBehindLatest === 0) nextCallMs = clock.monotonicMs() + emptyPauseMs(emptyAnswers)
    } else {
      emptyAnswers = 0
      position = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: last.SequenceNumber }
      metrics.fetches.value++
      metrics.fetchedRecords.value += page.records.length
      limit.received(page)
    }
    const end = page.nextIterator === undefined
    feed.received({ ...page, end, receivedMs: clock.now() })
    if (end) return undefined
    iterator = page.nextIterator
  }
}

function emptyPauseMs(emptyAnswers: number): number {
  return Math.min(maxEmptyPauseMs, firstEmptyPauseMs * 2 ** Math.min(emptyAnswers - 1, 10))
}

/** How many records a call asks for: about `targetAnswerBytes` of them, fewer after a throttle. */
class FetchLimit {
  readonly #max: number
  records: number

  constructor(max: number) {
    this.#max = max
    this.records = Math.min(firstLimit, max)
  }

  throttled(): void {
    this.records = Math.max(Math.min(minLimit, this.#max), this.records >> 1)
  }

  received({ records }: RecordsPage): void {
    let bytes = 0
    for (const record of records) bytes += record.Data.length
    const wanted = Math.ceil(targetAnswerBytes / Math.max(1, bytes / records.length))
    // At most doubled at a time: sizes vary, and a throttle's halving shall last for some calls.
    this.records = Math.max(Math.min(minLimit, this.#max), Math.min(wanted, this.records * 2, this.#max))
  }
}
