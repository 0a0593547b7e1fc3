import type { Cancellable, Logger, Scheduler } from '@millrace/engine/spi'
import type { DeliveryOutcome } from './http-delivery.ts'

/** One thing to deliver; `attempt` may be called again and again. */
export interface Delivery {
  /** Deliveries of one group go out one after the other, in order. */
  readonly groupId: string | undefined
  readonly sizeBytes: number
  attempt(): Promise<DeliveryOutcome>
  /** Called once: it is out of our hands. */
  settled(): void
}

interface Waiting {
  readonly delivery: Delivery
  attempts: number
}

const maxConcurrent = 16
const immediateAttempts = 4
const maxAttempts = 100
const firstBackoffMs = 1_000
const maxBackoffMs = 20_000

/**
 * Deliveries to one subscriber: many at a time, but one at a time within a group. A failed one is tried again three
 * times at once, then with growing pauses up to 20 s; after 100 attempts, or when the subscriber refuses it (4xx), it is
 * given up, counted and told. Whoever fills it looks at `waitingBytes` first.
 */
export class SubscriptionQueue {
  readonly #scheduler: Scheduler
  readonly #logger: Logger
  readonly #ready: Waiting[] = []
  /** Groups with a delivery under way or pausing, and what waits behind it. */
  readonly #groups = new Map<string, Waiting[]>()
  readonly #pauses = new Set<Cancellable>()
  #active = 0
  #givenUp = 0
  #closed = false
  #waitingCount = 0
  #waitingBytes = 0

  constructor(scheduler: Scheduler, logger: Logger) {
    this.#scheduler = scheduler
    this.#logger = logger
  }

  get waitingCount(): number {
    return this.#waitingCount
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  add(delivery: Delivery): void {
    const waiting = { delivery, attempts: 0 }
    this.#waitingCount++
    this.#waitingBytes += delivery.sizeBytes
    const { groupId } = delivery
    const behind = groupId === undefined ? undefined : this.#groups.get(groupId)
    if (behind !== undefined) behind.push(waiting)
    else {
      if (groupId !== undefined) this.#groups.set(groupId, [])
      this.#ready.push(waiting)
    }
    this.#run()
  }

  /** Starts nothing more; what waits stays unsettled. */
  close(): void {
    this.#closed = true
    for (const pause of this.#pauses) pause.cancel()
  }

  #run(): void {
    while (!this.#closed && this.#active < maxConcurrent && this.#ready.length > 0) {
      this.#active++
      void this.#attempt(this.#ready.shift()!)
    }
  }

  async #attempt(waiting: Waiting): Promise<void> {
    waiting.attempts++
    const outcome = await waiting.delivery.attempt()
    this.#active--
    if (outcome === 'retry' && waiting.attempts < maxAttempts) this.#retry(waiting)
    else {
      if (outcome !== 'delivered') this.#tellGivenUp(outcome, waiting.attempts)
      this.#finish(waiting)
    }
    this.#run()
  }

  #retry(waiting: Waiting): void {
    const pauses = waiting.attempts - immediateAttempts
    if (pauses < 0) {
      this.#ready.unshift(waiting)
      return
    }
    const delayMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.min(pauses, 10))
    const pause = this.#scheduler.after(delayMs, () => {
      this.#pauses.delete(pause)
      this.#ready.push(waiting)
      this.#run()
    })
    this.#pauses.add(pause)
  }

  #finish({ delivery }: Waiting): void {
    this.#waitingCount--
    this.#waitingBytes -= delivery.sizeBytes
    const { groupId } = delivery
    if (groupId !== undefined) {
      const next = this.#groups.get(groupId)?.shift()
      if (next === undefined) this.#groups.delete(groupId)
      else this.#ready.push(next)
    }
    delivery.settled()
  }

  #tellGivenUp(outcome: DeliveryOutcome, attempts: number): void {
    this.#givenUp++
    this.#logger.warn('notification given up', { outcome, attempts, givenUp: this.#givenUp })
  }
}
