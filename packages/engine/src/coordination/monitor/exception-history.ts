import type { Clock } from '../../common/clock.ts'
import { type EngineError, type SerializedError, serializeError } from '../../common/errors.ts'

/** A failure of an attempt, the newest first where there are several. */
export interface ExceptionEntry {
  readonly timestampMs: number
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number
  /** The task's name and the subtask's number; null when it was no subtask that failed. */
  readonly task: string | null
  readonly subtask: number | null
  readonly error: SerializedError
}

/** As many as Flink keeps (`web.exception-history-size`). */
const HISTORY_LENGTH = 16

/** The failures that ended attempts, over the life of the process. */
export class ExceptionHistory {
  readonly #clock: Clock
  readonly #entries: ExceptionEntry[] = []
  #forgotten = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(attempt: number, failure: EngineError): void {
    const error = serializeError(failure)
    const { task, subtask } = failure.details
    this.#entries.unshift({
      timestampMs: this.#clock.now(),
      attempt,
      task: typeof task === 'string' ? task : null,
      subtask: typeof subtask === 'number' ? subtask : null,
      error,
    })
    if (this.#entries.length > HISTORY_LENGTH) {
      this.#entries.pop()
      this.#forgotten++
    }
  }

  get entries(): readonly ExceptionEntry[] {
    return [...this.#entries]
  }

  /** There were older ones. */
  get truncated(): boolean {
    return this.#forgotten > 0
  }
}
