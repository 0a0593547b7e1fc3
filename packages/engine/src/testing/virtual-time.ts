import { type Cancellable, type Clock, type Scheduler, systemScheduler } from '../common/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly fn: () => void
}

/**
 * A clock and scheduler whose time passes only in `advance`: minutes of waiting run in milliseconds, in the same order
 * every time. Promises settle between timers; whoever waits for real I/O needs real time.
 */
export class VirtualTime implements Clock, Scheduler {
  readonly #startMs: number
  #nowMs: number
  #order = 0
  readonly #timers = new Set<Timer>()
  #soon: (() => void)[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#startMs = startMs
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs
  }

  after(delayMs: number, fn: () => void): Cancellable {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  soon(fn: () => void): void {
    this.#soon.push(fn)
  }

  /** Timers that wait. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Lets `ms` pass: everything that falls due runs at its time, with all promises settled before and after. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#nowMs + ms
    await this.#settle()
    for (;;) {
      const timer = this.#next()
      if (timer === undefined || timer.dueMs > targetMs) break
      this.#timers.delete(timer)
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.fn()
      await this.#settle()
    }
    this.#nowMs = targetMs
  }

  /** Advances by `stepMs` until the condition holds; throws after `limitMs`. */
  async advanceUntil(condition: () => boolean, limitMs = 600_000, stepMs = 50): Promise<void> {
    const endMs = this.#nowMs + limitMs
    while (!condition()) {
      if (this.#nowMs >= endMs) throw new Error(`the condition didn't hold within ${limitMs} ms of virtual time`)
      await this.advance(stepMs)
    }
  }

  #next(): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (
        first === undefined ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.order < first.order)
      ) {
        first = timer
      }
    }
    return first
  }

  async #settle(): Promise<void> {
    do {
      const due = this.#soon
      this.#soon = []
      for (const fn of due) fn()
      await new Promise<void>((resolve) => systemScheduler.soon(resolve))
    } while (this.#soon.length > 0)
  }
}
