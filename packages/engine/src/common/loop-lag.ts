import type { Cancellable, Clock, Scheduler } from './clock.ts'

const INTERVAL_MS = 2000
const SAMPLES = 5

/** Watches how late an event loop runs its timers: what blocks it, or too little of a core, makes them late. */
export class LoopLag {
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #samplesMs: number[] = []
  #timer: Cancellable

  /** Looks every two seconds until it is stopped. */
  constructor(clock: Clock, scheduler: Scheduler) {
    this.#clock = clock
    this.#scheduler = scheduler
    this.#timer = this.#next()
  }

  #next(): Cancellable {
    const dueMs = this.#clock.monotonicMs() + INTERVAL_MS
    return this.#scheduler.after(INTERVAL_MS, () => {
      this.#samplesMs.push(Math.max(this.#clock.monotonicMs() - dueMs, 0))
      if (this.#samplesMs.length > SAMPLES) this.#samplesMs.shift()
      this.#timer = this.#next()
    })
  }

  /** The greatest of the last ten seconds, ms. */
  get worstMs(): number {
    return Math.max(0, ...this.#samplesMs)
  }

  stop(): void {
    this.#timer.cancel()
  }
}
