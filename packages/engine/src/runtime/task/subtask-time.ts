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
 * for a turn on its thread while there is something to do is busy too, as waiting for a core is, but for the time that
 * the thread spends on what lies downstream: that holds the subtask back as a full output would.
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
  readonly #downstreamMs: () => number
  /** What that was when all before was accounted for. */
  #downstreamSinceMs: number

  /** `downstreamMs`: the time that the thread has spent so far on tasks downstream of this one. */
  constructor(startMs: number, downstreamMs: () => number = () => 0) {
    this.#sinceMs = startMs
    this.#downstreamMs = downstreamMs
    this.#downstreamSinceMs = downstreamMs()
  }

  /** A step worked from then till then (monotonic ms); `full`: its outputs take no more now. */
  worked(fromMs: number, tillMs: number, full: boolean): void {
    this.#settle(fromMs)
    this.#busyMs += tillMs - fromMs
    this.#sinceMs = tillMs
    this.#downstreamSinceMs = this.#downstreamMs()
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
    const downstreamMs = this.#downstreamMs()
    if (this.#between === 'idle') this.#idleMs += betweenMs
    else if (this.#between === 'backPressured') this.#backPressuredMs += betweenMs
    else {
      const heldMs = Math.min(downstreamMs - this.#downstreamSinceMs, betweenMs)
      this.#backPressuredMs += heldMs
      this.#busyMs += betweenMs - heldMs
    }
    this.#sinceMs = nowMs
    this.#downstreamSinceMs = downstreamMs
  }
}
