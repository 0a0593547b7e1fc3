import type { Clock } from '@millrace/engine/spi'

/** A rate limit with one second of burst. Something larger than the burst passes when the bucket is full. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perSecond: number
  #tokens: number
  #refilledMs: number

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#tokens = perSecond
    this.#refilledMs = clock.monotonicMs()
  }

  /** True when `amount` may be taken now. */
  has(amount: number): boolean {
    this.#refill()
    return this.#tokens >= Math.min(amount, this.#perSecond)
  }

  /** Takes `amount`, if need be into debt: what is taken later has to wait for it. */
  take(amount: number): void {
    this.#tokens -= amount
  }

  /** Milliseconds until the bucket is out of debt; 0 when it isn't in debt. */
  debtMs(): number {
    this.#refill()
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / this.#perSecond) * 1000)
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs()
    const gained = ((nowMs - this.#refilledMs) / 1000) * this.#perSecond
    this.#tokens = Math.min(this.#perSecond, this.#tokens + gained)
    this.#refilledMs = nowMs
  }
}
