import type { Random, Scheduler } from '@millrace/engine/spi'

/** Growth of a delay over failures in a row. */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
}

/**
 * A delay before the next try, after `failures` (≥ 1) in a row: exponential, uniform over its whole range, so that
 * callers that failed together don't come back together. Never below a quarter of the base.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
 */
export function fullJitterMs(random: Random, failures: number, { baseMs, maxMs }: Backoff): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
  return Math.max(baseMs / 4, random.next() * ceilingMs)
}

/** Thrown where a wait or call was given up because its owner closes. */
export class Aborted extends Error {
  constructor() {
    super('aborted')
    this.name = 'Aborted'
  }
}

/** Resolves after `delayMs`; rejects with `Aborted` at once when the signal fires. */
export function sleepUnlessAborted(scheduler: Scheduler, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Aborted())
    const onAbort = () => {
      timer.cancel()
      reject(new Aborted())
    }
    const timer = scheduler.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** The promise's outcome, or `Aborted` as soon as the signal fires; what comes later is dropped. */
export function unlessAborted<V>(promise: Promise<V>, signal: AbortSignal): Promise<V> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new Aborted())
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
