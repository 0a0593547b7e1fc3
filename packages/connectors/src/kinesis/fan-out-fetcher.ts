import { asEngineError } from '@millrace/engine/spi'
import { classifyAwsError } from '../aws/aws-errors.ts'
import { Aborted, sleepUnlessAborted, unlessAborted } from '../aws/backoff.ts'
import { RetryRow } from '../aws/retry.ts'
import type { Fetching } from './fetching.ts'
import type { SubscriptionEvent } from './kinesis-api.ts'
import { pollShard } from './polling-fetcher.ts'
import type { ShardFeed } from './shard-feed.ts'
import type { ShardPosition } from './splits.ts'

/**
 * Within five seconds of a successful subscription the next one is refused, later it takes over. When the last one was,
 * after a crash, nobody knows: so it is asked again about every second. Source: Kinesis API reference, SubscribeToShard.
 */
const takeoverRetryMs = 1_000

/**
 * Reads a shard by SubscribeToShard until it ends or the feed closes.
 *
 * Subscriptions live five minutes; the next one starts after the last continuation that was received. Events are taken
 * only while the feed has room, so flow control reaches the service. While a subscription is refused because another one
 * is too young, the shard is read by GetRecords, and the subscription goes on from the position reached. Rejects with
 * `Aborted` at close, else with the job's error.
 *
 * @param consumerArn resolves with the consumer to use, at each subscription anew
 */
export async function subscribeShard(
  feed: ShardFeed,
  fetching: Fetching,
  consumerArn: () => Promise<string>,
): Promise<void> {
  const { api, around, settings, metrics } = fetching
  const { signal } = feed
  const { id: shardId } = feed.split
  const failures = new RetryRow({ ...around, signal }, `Subscribing to ${shardId}`, settings.unavailableAfterMs)
  let position: ShardPosition = feed.split.position
  for (;;) {
    await feed.room()
    const consumer = await unlessAborted(consumerArn(), signal)
    const subscription = new AbortController()
    const abort = () => subscription.abort()
    signal.addEventListener('abort', abort, { once: true })
    let received = 0
    try {
      const opening = api.subscribe(consumer, shardId, position, subscription.signal)
      const events = await firstAnswer(unlessAborted(opening, signal), fetching, settings.subscriptionTimeoutMs)
      for (;;) {
        await feed.room()
        const next = await unlessAborted(events.next(), signal)
        if (next.done === true) break
        received++
        failures.succeeded()
        if (next.value.continuation !== undefined) {
          position = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: next.value.continuation }
        }
        if (deliver(feed, next.value, fetching)) return
      }
      if (received === 0) throw new SubscriptionEnded()
    } catch (error) {
      if (signal.aborted) throw new Aborted()
      const kind = classifyAwsError(error)
      if (kind === 'missing') {
        await feed.missing()
        await failures.failed(error, 0, 'transient')
        continue
      }
      feed.interrupted()
      if (kind === 'throttled') metrics.throttles.value++
      if (kind === 'in-use') {
        const pauseMs = failures.pauseAfter(error, takeoverRetryMs)
        const reached = await pollMeanwhile(feed, fetching, position, pauseMs)
        if (reached === undefined) return
        position = reached
      } else {
        await failures.failed(error)
      }
    } finally {
      signal.removeEventListener('abort', abort)
      subscription.abort()
    }
    metrics.resubscriptions.value++
  }
}

/**
 * Reads by GetRecords for a while, as far as that is allowed: a role of a fan-out application may have no right to it.
 * Answers with the position reached, undefined at the shard's end.
 */
async function pollMeanwhile(
  feed: ShardFeed,
  fetching: Fetching,
  from: ShardPosition,
  pauseMs: number,
): Promise<ShardPosition | undefined> {
  const { clock, scheduler } = fetching.around
  const untilMs = clock.monotonicMs() + pauseMs
  try {
    return await pollShard(feed, fetching, { from, untilMs })
  } catch (error) {
    if (feed.signal.aborted) throw new Aborted()
    if (asEngineError(error).code !== 'AWS_ACCESS_DENIED') throw error
    await sleepUnlessAborted(scheduler, Math.max(0, untilMs - clock.monotonicMs()), feed.signal)
    return from
  }
}

/** Hands an event to the feed; true at the shard's end. */
function deliver(feed: ShardFeed, event: SubscriptionEvent, { around, metrics }: Fetching): boolean {
  const end = event.continuation === undefined
  if (event.records.length > 0) {
    metrics.fetches.value++
    metrics.fetchedRecords.value += event.records.length
  }
  feed.received({ ...event, end, receivedMs: around.clock.now() })
  return end
}

/** A subscription that brought nothing before it ended: repeated after a pause, like a failure. */
class SubscriptionEnded extends Error {
  constructor() {
    super('the subscription ended before its first event')
    this.name = 'TimeoutError'
  }
}

class FirstAnswerLate extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'TimeoutError'
  }
}

function firstAnswer<V>(opening: Promise<V>, { around }: Fetching, timeoutMs: number): Promise<V> {
  return new Promise((resolve, reject) => {
    const timer = around.scheduler.after(timeoutMs, () => reject(new FirstAnswerLate(timeoutMs)))
    opening.then(resolve, reject).finally(() => timer.cancel())
  })
}
