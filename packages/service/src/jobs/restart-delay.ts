import type { Clock, Random } from '@millrace/engine/spi'

const initialDelayMs = 250
const maxDelayMs = 60_000
const multiplier = 2
const jitter = 0.1
/** A job that ran this long has got over what made it fail. */
const calmMs = 60_000

/**
 * How long a failed job waits for its next process: 250 ms, then twice as long each time up to a minute, ±10 %; afresh
 * after a minute of running. It never gives up, as Amazon's service doesn't: the cause may lie outside and pass.
 */
export class RestartDelay {
  readonly #clock: Clock
  readonly #random: Random
  #failures = 0
  #runningSinceMs: number | undefined

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** The job runs. */
  running(): void {
    this.#runningSinceMs = this.#clock.monotonicMs()
  }

  /** The job failed: the delay before its next process, ms. */
  next(): number {
    const since = this.#runningSinceMs
    if (since !== undefined && this.#clock.monotonicMs() - since >= calmMs) this.#failures = 0
    this.#runningSinceMs = undefined
    // The exponent is bounded so that an application that fails for months doesn't overflow.
    const delayMs = Math.min(maxDelayMs, initialDelayMs * multiplier ** Math.min(this.#failures, 16))
    this.#failures++
    return Math.round(delayMs * (1 + jitter * (2 * this.#random.next() - 1)))
  }
}
