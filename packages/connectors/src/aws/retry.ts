import type { Clock, Random, Scheduler } from '@millrace/engine/spi'
import { type AwsErrorClass, awsFailure, classifyAwsError } from './aws-errors.ts'
import { Aborted, type Backoff, fullJitterMs, sleepUnlessAborted } from './backoff.ts'

/** What a retry needs from its surroundings. */
export interface RetrySurroundings {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  /** Ends waiting and calling at once. */
  readonly signal: AbortSignal
}

/** Decides about one failure in a row of failures: how long to wait, or the error to give up with. */
export class RetryRow {
  readonly #around: RetrySurroundings
  readonly #what: string
  readonly #unavailableAfterMs: number
  #failures = 0
  #sinceMs = 0

  /** `what` names the call in errors; after `unavailableAfterMs` of failures only, the row is given up. */
  constructor(around: RetrySurroundings, what: string, unavailableAfterMs: number) {
    this.#around = around
    this.#what = what
    this.#unavailableAfterMs = unavailableAfterMs
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures
  }

  succeeded(): void {
    this.#failures = 0
  }

  /**
   * Waits before the next try, `floorMs` at least, or throws the job's error when there shall be none. `kind` overrides
   * what the error is taken for.
   */
  async failed(error: unknown, floorMs = 0, kind: AwsErrorClass = classifyAwsError(error)): Promise<AwsErrorClass> {
    const { scheduler, signal } = this.#around
    await sleepUnlessAborted(scheduler, this.pauseAfter(error, floorMs, kind), signal)
    return kind
  }

  /** How long to wait before the next try, ms, for who has something to do meanwhile; throws as `failed` does. */
  pauseAfter(error: unknown, floorMs = 0, kind: AwsErrorClass = classifyAwsError(error)): number {
    const { clock, random, signal } = this.#around
    if (signal.aborted) throw new Aborted()
    if (kind === 'denied' || kind === 'rejected' || kind === 'missing') throw awsFailure(this.#what, error)
    const nowMs = clock.monotonicMs()
    if (this.#failures++ === 0) this.#sinceMs = nowMs
    if (nowMs - this.#sinceMs >= this.#unavailableAfterMs) throw awsFailure(this.#what, error)
    return floorMs + fullJitterMs(random, this.#failures, backoffs[kind])
  }
}

const transient: Backoff = { baseMs: 100, maxMs: 2_000 }
const throttled: Backoff = { baseMs: 200, maxMs: 5_000 }

const backoffs: Record<'throttled' | 'transient' | 'expired' | 'in-use', Backoff> = {
  throttled,
  transient,
  expired: { baseMs: 10, maxMs: 1_000 },
  'in-use': throttled,
}

/** Calls until it succeeds, or fails in a way that repeating doesn't help, or has failed for `unavailableAfterMs`. */
export async function retrying<V>(
  around: RetrySurroundings,
  what: string,
  unavailableAfterMs: number,
  call: () => Promise<V>,
): Promise<V> {
  const row = new RetryRow(around, what, unavailableAfterMs)
  for (;;) {
    try {
      return await call()
    } catch (error) {
      await row.failed(error)
    }
  }
}
