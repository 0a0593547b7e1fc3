import type { Clock, Random } from '@millrace/engine/spi'

const initialDelayMs = 250
const maxDelayMs = 60_000
const multiplier = 2
const jitter = 0.1
/** A job that ran this long, or this many times as long as it had waited, has got over what made it fail. */
const calmMs = 60_000
const calmDelays = 20

/**
 * How long a failed job waits for its next process: 250 ms, then twice as long each time up to a minute, ±10 %; afresh
 * once it ran for a minute or for twenty times the delay (5 s after the first one): what fails now and then, a machine
 * that kills its largest process for instance, isn't kept waiting. It never gives up, as Amazon's service doesn't: the cause may lie outside and pass.
 */
export class RestartDelay {
  readonly #clock: Clock
  readonly #random: Random
  #failures = 0
  #runningSinceMs: number | undefined
  #lastDelayMs = 0

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
    const enoughMs = Math.min(calmMs, calmDelays * this.#lastDelayMs)
    if (since !== undefined && this.#clock.monotonicMs() - since >= enoughMs) this.#failures = 0
    this.#runningSinceMs = undefined
    // The exponent is bounded so that an application that fails for months doesn't overflow.
    const delayMs = Math.min(maxDelayMs, initialDelayMs * multiplier ** Math.min(this.#failures, 16))
    this.#failures++
    this.#lastDelayMs = delayMs
    return Math.round(delayMs * (1 + jitter * (2 * this.#random.next() - 1)))
  }
}
