import type { Clock } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import { exceptionFrame } from '../wire/event-stream-frame.ts'
import type { Subscription } from './subscription.ts'

interface Entry {
  readonly startedMs: number
  subscription: Subscription | undefined
}

/** The live subscriptions: one per consumer and shard. */
export class SubscriptionTable {
  readonly #clock: Clock
  readonly #takeoverMs: number
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock, takeoverMs: number) {
    this.#clock = clock
    this.#takeoverMs = takeoverMs
  }

  /**
   * Claims the place of `consumerArn` on `shardId` for the subscription that `start` makes. A call soon after another
   * successful one is refused (ResourceInUseException); a later one takes over, and the older stream ends with that error.
   */
  subscribe(consumerArn: string, shardId: string, start: (onEnd: () => void) => Subscription): void {
    const key = `${consumerArn}/${shardId}`
    const nowMs = this.#clock.monotonicMs()
    const previous = this.#entries.get(key)
    if (previous !== undefined && nowMs - previous.startedMs < this.#takeoverMs) {
      const message = `Another active subscription exists for this consumer: ${consumerArn} on ${shardId}.`
      throw new ApiError('ResourceInUseException', message)
    }
    previous?.subscription?.end(
      exceptionFrame('ResourceInUseException', `Another subscription took over ${consumerArn} on ${shardId}.`),
    )
    this.#forgetOld(nowMs)
    const entry: Entry = { startedMs: nowMs, subscription: undefined }
    let isOver = false
    const subscription = start(() => {
      isOver = true
      entry.subscription = undefined
    })
    if (!isOver) entry.subscription = subscription
    this.#entries.set(key, entry)
  }

  /** Ends the subscriptions of a consumer, or of all consumers under a stream's ARN. */
  endUnder(arn: string, lastFrame: Buffer): void {
    for (const [key, entry] of this.#entries) {
      if (!key.startsWith(`${arn}/`)) continue
      entry.subscription?.end(lastFrame)
      this.#entries.delete(key)
    }
  }

  /** Ends all subscriptions cleanly: their clients come back with their last continuation. */
  endAll(): void {
    for (const { subscription } of this.#entries.values()) subscription?.end()
    this.#entries.clear()
  }

  get liveCount(): number {
    let count = 0
    for (const { subscription } of this.#entries.values()) if (subscription !== undefined) count++
    return count
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { subscription, startedMs }] of this.#entries) {
      if (subscription === undefined && nowMs - startedMs >= this.#takeoverMs) this.#entries.delete(key)
    }
  }
}
