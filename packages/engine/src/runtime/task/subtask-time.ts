/** What a subtask has spent its time on since it began to run; the three add up to that time. Ms. */
export interface TimeSpent {
  readonly busyMs: number
  /** Nothing to do. */
  readonly idleMs: number
  /** Held back by an output that is full. */
  readonly backPressuredMs: number
}

type Between = 'ready' | 'idle' | 'backPressured'

/**
 * Watches how a subtask spends its time, by Flink's definitions: what is neither idle nor back-pressured is busy. Waiting
 * for a turn on its thread while there is something to do is busy too, as waiting for a core is.
 *
 * The clock is read once a step that did something, never for one that didn't.
 */
export class SubtaskTime {
  #busyMs = 0
  #idleMs = 0
  #backPressuredMs = 0
  /** All before is accounted for. */
  #sinceMs: number
  #between: Between = 'idle'

  constructor(startMs: number) {
    this.#sinceMs = startMs
  }

  /** A step worked from then till then (monotonic ms); `full`: its outputs take no more now. */
  worked(fromMs: number, tillMs: number, full: boolean): void {
    this.#settle(fromMs)
    this.#busyMs += tillMs - fromMs
    this.#sinceMs = tillMs
    this.#between = full ? 'backPressured' : 'ready'
  }

  /** A step about then found nothing to do, or its outputs full. */
  rested(nowMs: number, full: boolean): void {
    const between = full ? 'backPressured' : 'idle'
    if (between === this.#between) return
    // There was nothing left when the last step ended, as is seen only now.
    if (this.#between !== 'ready') this.#settle(nowMs)
    this.#between = between
  }

  /** Up to now. */
  spent(nowMs: number): TimeSpent {
    this.#settle(nowMs)
    return { busyMs: this.#busyMs, idleMs: this.#idleMs, backPressuredMs: this.#backPressuredMs }
  }

  /** The time between steps up to then goes where it belongs. */
  #settle(nowMs: number): void {
    const betweenMs = nowMs - this.#sinceMs
    if (this.#between === 'idle') this.#idleMs += betweenMs
    else if (this.#between === 'ready') this.#busyMs += betweenMs
    else this.#backPressuredMs += betweenMs
    this.#sinceMs = nowMs
  }
}
