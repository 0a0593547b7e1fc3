/** Where time comes from. Handed in everywhere, so that a whole application runs in one test at any speed. */
export interface Clock {
  /** Wall time, epoch milliseconds. May jump; never used to measure a duration. */
  now(): number
  /** Monotonic milliseconds with fraction, from an arbitrary origin. */
  monotonicMs(): number
}

/** A timer that can be taken back. Cancelling one that ran or was cancelled does nothing. */
export interface Cancellable {
  cancel(): void
}

/** Runs things later, on the same thread. `soon` in order of arrival; timers by due time, ties by arrival. */
export interface Scheduler {
  /** Runs `fn` once after at least `delayMs`. A pending timer never keeps a process alive by itself. */
  after(delayMs: number, fn: () => void): Cancellable
  /** Runs `fn` once after pending I/O was looked at: the way a loop lets others run. */
  soon(fn: () => void): void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** Node's event loop. */
export const systemScheduler: Scheduler = {
  after(delayMs, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), 0x7fff_ffff))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  soon(fn) {
    setImmediate(fn)
  },
}

/** Keeps the process alive until cancelled: unreferenced timers and pending `Atomics.waitAsync` don't. */
export function holdProcess(): Cancellable {
  const timer = setInterval(() => {}, 0x7fff_ffff)
  return { cancel: () => clearInterval(timer) }
}

/** Resolves after `delayMs` of the scheduler's time. */
export function sleep(scheduler: Scheduler, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    scheduler.after(delayMs, resolve)
  })
}
