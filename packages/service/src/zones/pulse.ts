import type { Cancellable, Scheduler } from '@millrace/engine/spi'

/** Work that is done every so often, and at once when it is asked for; never twice at the same time. */
export class Pulse {
  readonly #scheduler: Scheduler
  readonly #intervalMs: number
  readonly #work: () => Promise<void>
  #running: Promise<void> | undefined
  #again = false
  #stopped = false
  #timer: Cancellable | undefined

  /** `work` handles its own failures. */
  constructor(scheduler: Scheduler, intervalMs: number, work: () => Promise<void>) {
    this.#scheduler = scheduler
    this.#intervalMs = intervalMs
    this.#work = work
  }

  /** Does the work now; once more when it is under way, for what it may have missed. */
  kick(): void {
    if (this.#stopped) return
    this.#again = true
    this.#timer?.cancel()
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      await this.#work()
    }
    this.#running = undefined
    if (!this.#stopped) this.#timer = this.#scheduler.after(this.#intervalMs, () => this.kick())
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#running
  }
}
