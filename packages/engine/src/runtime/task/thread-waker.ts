/** A bell that other threads ring, as much of it as a waiting thread needs (see runtime/exchange/doorbell.ts). */
export interface Bell {
  sample(): number
  wait(seen: number, timeoutMs: number): Promise<void>
}

/** No ring is missed, so nothing waits for this; each time it passes costs a look for work. */
const BELL_TIMEOUT_MS = 30_000

/**
 * How a thread's loop sleeps: until something on its own thread calls `wake` or another thread rings its bell.
 * Between `prepare` and `wait` nothing gets lost: a wake in between makes `wait` return at once.
 */
export class ThreadWaker {
  readonly #bell: Bell | undefined
  #awake = false
  #resolve: (() => void) | undefined
  #seen = 0
  #listening = false

  constructor(bell?: Bell) {
    this.#bell = bell
  }

  /** Before looking for work: what wakes from here on is not missed. */
  prepare(): void {
    this.#awake = false
    if (this.#bell !== undefined) this.#seen = this.#bell.sample()
  }

  wake(): void {
    this.#awake = true
    const resolve = this.#resolve
    this.#resolve = undefined
    resolve?.()
  }

  wait(): Promise<void> {
    if (this.#awake) return Promise.resolve()
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#listen()
    })
  }

  /** At most one wait on the bell is pending, however often the thread is woken from its own side. */
  #listen(): void {
    if (this.#bell === undefined || this.#listening) return
    this.#listening = true
    void this.#bell.wait(this.#seen, BELL_TIMEOUT_MS).then(() => {
      this.#listening = false
      this.wake()
    })
  }
}
