import type { Scheduler } from '@millrace/engine/spi'

/** Work that a later call has made pointless: it ends without a trace. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted')
    this.name = 'Interrupted'
  }
}

/** One piece of work on an application, which others may interrupt. */
export class Turn {
  readonly #scheduler: Scheduler
  #interrupted = false
  #wake: () => void = () => {}

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  get interrupted(): boolean {
    return this.#interrupted
  }

  interrupt(): void {
    this.#interrupted = true
    this.#wake()
  }

  /** Throws `Interrupted` once it is. */
  check(): void {
    if (this.#interrupted) throw new Interrupted()
  }

  /** Throws `Interrupted` as soon as it is. */
  async sleep(delayMs: number): Promise<void> {
    this.check()
    await new Promise<void>((resolve) => {
      const timer = this.#scheduler.after(delayMs, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
    this.check()
  }
}

/** The promise's outcome, or `late()`'s error when it takes longer than `limitMs`. */
export async function within<T>(
  scheduler: Scheduler,
  limitMs: number,
  promise: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = scheduler.after(limitMs, () => reject(late()))
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
