import { EngineError } from '../../common/errors.ts'
import { MIN_TIMESTAMP } from '../../spi/batch.ts'

/** Watches the timestamps of one split and says how far event time has come. */
export interface WatermarkGenerator<in T> {
  /** Called after the record was emitted. */
  onEvent(value: T, timestampMs: number): void
  /** The watermark now, epoch ms; only growth counts. */
  currentWatermarkMs(): number
}

/**
 * How records get their timestamps and how watermarks follow from them.
 * Idleness is looked at each auto-watermark interval: an input becomes idle between the time-out and two intervals later. A
 * thread that had nothing to do for fifty intervals looks every two seconds, until there is something.
 */
export class WatermarkStrategy<T> {
  readonly createGenerator: (() => WatermarkGenerator<T>) | undefined
  readonly timestampOf: ((value: T, recordTimestampMs: number) => number) | undefined
  readonly idleTimeoutMs: number | undefined

  private constructor(
    createGenerator: (() => WatermarkGenerator<T>) | undefined,
    timestampOf?: (value: T, recordTimestampMs: number) => number,
    idleTimeoutMs?: number,
  ) {
    this.createGenerator = createGenerator
    this.timestampOf = timestampOf
    this.idleTimeoutMs = idleTimeoutMs
  }

  /** Records may come up to `boundMs` late: the watermark is the highest timestamp − `boundMs` − 1. */
  static forBoundedOutOfOrderness<T = any>(boundMs: number): WatermarkStrategy<T> {
    if (!(boundMs >= 0)) {
      throw new EngineError('WATERMARK_BOUND_INVALID', {
        kind: 'invalid',
        message: `The out-of-orderness bound is ${boundMs} ms; it must be 0 or more.`,
      })
    }
    return new WatermarkStrategy<T>(() => new BoundedOutOfOrderness(boundMs))
  }

  /** Timestamps never fall. */
  static forMonotonousTimestamps<T = any>(): WatermarkStrategy<T> {
    return WatermarkStrategy.forBoundedOutOfOrderness<T>(0)
  }

  /** Event time doesn't advance until the end of a bounded input. */
  static noWatermarks<T = any>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>(undefined)
  }

  static forGenerator<T = any>(create: () => WatermarkGenerator<T>): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>(create)
  }

  /** Takes the timestamp (epoch ms) from the record; without it the source's own is used. */
  withTimestampAssigner<U extends T>(
    timestampOf: (value: U, recordTimestampMs: number) => number,
  ): WatermarkStrategy<U> {
    return new WatermarkStrategy<U>(this.createGenerator, timestampOf, this.idleTimeoutMs)
  }

  /** An input without records for that long stops holding event time back. */
  withIdleness(timeoutMs: number): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>(this.createGenerator, this.timestampOf, timeoutMs)
  }
}

class BoundedOutOfOrderness implements WatermarkGenerator<unknown> {
  readonly #boundMs: number
  #highestMs = MIN_TIMESTAMP

  constructor(boundMs: number) {
    this.#boundMs = boundMs
  }

  onEvent(_value: unknown, timestampMs: number): void {
    if (timestampMs > this.#highestMs) this.#highestMs = timestampMs
  }

  currentWatermarkMs(): number {
    return this.#highestMs - this.#boundMs - 1
  }
}
