import type { TimeSpent } from './subtask-time.ts'

/** How long a step may take: between two of them the thread answers messages and serves its other subtasks. Ms. */
const STEP_MS = 10
/** In how long a subtask shall be through with what waits before it, since barriers wait behind that. Ms. */
const WAITING_MS = 500
/** How much work a measurement takes, ms. */
const MEASURED_MS = 20
const FIRST_STEP_RECORDS = 16
const MOST_STEP_RECORDS = 1024

/** What may wait before a subtask until it's known how fast it is. */
export const FIRST_WAITING_RECORDS = 256

/**
 * How many records a subtask takes at a time, and how many may wait before it: few where each takes long, so that
 * checkpoints, stops and questions don't. Flink bounds what waits in the same way (buffer debloating, FLIP-183).
 */
export class Pace {
  /** How many records the next step takes. */
  stepRecords = FIRST_STEP_RECORDS
  /** How many may wait before the subtask. */
  waitingRecords = FIRST_WAITING_RECORDS
  /** All before was measured. */
  #measuredMs: number
  #workedMs = 0
  #records = 0

  constructor(startMs: number) {
    this.#measuredMs = startMs
  }

  /** A step took so many records and so long. It may take twice as many the next time at most. */
  stepped(records: number, ms: number): void {
    const fitting = ms <= 0 ? MOST_STEP_RECORDS : Math.ceil((records * STEP_MS) / ms)
    this.stepRecords = Math.min(fitting, 2 * this.stepRecords, MOST_STEP_RECORDS)
  }

  /** Whether enough time has passed for another look. */
  isDue(nowMs: number): boolean {
    return nowMs - this.#measuredMs >= MEASURED_MS
  }

  /**
   * Looks at all that the subtask has done. Time in which its outputs were full counts: what waits leaves at that pace, too.
   * Of a single slow moment, such as a collection of garbage, only half is believed.
   */
  measure(nowMs: number, records: number, { busyMs, backPressuredMs }: TimeSpent): void {
    this.#measuredMs = nowMs
    const workedMs = busyMs + backPressuredMs
    if (workedMs - this.#workedMs < MEASURED_MS || records === this.#records) return
    const fitting = ((records - this.#records) * WAITING_MS) / (workedMs - this.#workedMs)
    this.waitingRecords = Math.ceil(Math.max(fitting, this.waitingRecords / 2))
    this.#workedMs = workedMs
    this.#records = records
  }
}
