/** Event time before everything: no watermark yet, and the timestamp of a record that has none. */
export const MIN_TIMESTAMP = Number.NEGATIVE_INFINITY
/** Event time after everything: the watermark at the end of a bounded input. */
export const MAX_TIMESTAMP = Number.POSITIVE_INFINITY

/**
 * Some records in order, each with its event time: what operators, channels and sinks are handed.
 *
 * Layouts: `object` holds values as JavaScript values; `columnar` (typed arrays, strings as byte ranges) makes a value
 * when `valueAt` asks. A reader that knows only this interface works with both. A batch is immutable once handed on.
 */
export interface Batch<out T> {
  readonly layout: 'object' | 'columnar'
  readonly length: number
  /** The value at `0 ≤ index < length`. The receiver may keep it and must not change it. */
  valueAt(index: number): T
  /** Event time in epoch ms, `MIN_TIMESTAMP` when the record has none. */
  timestampAt(index: number): number
}

/** A batch of JavaScript values. Owns its arrays: the builder must not touch them afterwards. */
export class ObjectBatch<out T> implements Batch<T> {
  readonly layout = 'object'
  readonly length: number
  readonly #values: readonly T[]
  readonly #timestamps: readonly number[]

  constructor(values: readonly T[], timestamps: readonly number[]) {
    this.length = values.length
    this.#values = values
    this.#timestamps = timestamps
  }

  valueAt(index: number): T {
    return this.#values[index] as T
  }

  timestampAt(index: number): number {
    return this.#timestamps[index] as number
  }
}
