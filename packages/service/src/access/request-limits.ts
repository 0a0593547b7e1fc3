import type { Clock } from '@millrace/engine/spi'
import { TokenBucket } from '../ingest/token-bucket.ts'
import { ApiError } from '../wire/api-error.ts'

const maxRemembered = 10_000

/** Calls a second that each principal may make; one second of burst. */
export class PrincipalRates {
  readonly #perSecond: number
  readonly #clock: Clock
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond
    this.#clock = clock
  }

  /** Errors: `ThrottlingException` (400, which SDKs try again later). */
  take(principalArn: string): void {
    let bucket = this.#buckets.get(principalArn)
    if (bucket === undefined) {
      if (this.#buckets.size >= maxRemembered) this.#buckets.clear()
      bucket = new TokenBucket(this.#clock, this.#perSecond)
      this.#buckets.set(principalArn, bucket)
    }
    if (!bucket.has(1)) throw new ApiError('ThrottlingException', 'Rate exceeded')
    bucket.take(1)
  }
}

const freeFailures = 50
const firstDelayMs = 100
const maxDelayMs = 5_000
const forgottenMs = 60_000

/**
 * How long a failed authentication has to wait for its answer, by where it came from: nothing at first, then longer with
 * each further one, until there was none for a minute. Calls that are right never wait.
 */
export class FailureDelays {
  readonly #clock: Clock
  readonly #failures = new Map<string, { count: number; lastMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts a failure; milliseconds until it is answered. */
  failed(sourceIp: string): number {
    const nowMs = this.#clock.monotonicMs()
    const before = this.#failures.get(sourceIp)
    const isRecent = before !== undefined && nowMs - before.lastMs < forgottenMs
    const count = isRecent ? before.count + 1 : 1
    if (this.#failures.size >= maxRemembered) this.#failures.clear()
    this.#failures.set(sourceIp, { count, lastMs: nowMs })
    return count <= freeFailures ? 0 : Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(count - freeFailures - 1, 10))
  }
}
