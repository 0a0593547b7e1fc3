import { EngineError } from '../../common/errors.ts'
import { MIN_TIMESTAMP } from '../../spi/batch.ts'
import type { Counter } from '../../spi/metrics.ts'
import type { SnapshotReason } from '../../spi/sink.ts'
import type { Collector } from '../operators/flat-map.ts'
import { Operator, type OperatorContext, type OperatorSnapshot, type Output } from '../operators/operator.ts'
import type { HeapKeyedStateBackend } from '../state/heap-keyed-state-backend.ts'
import type { Timer } from '../state/timer.ts'
import type { TimerQueue } from '../state/timer-queue.ts'
import { maxTimestampMs, type TimeWindow, type TumblingWindows, windowStartMs } from './window.ts'

/** What a window remembers of its records, and what it makes of it. */
export type WindowContents<I, A, R> =
  /** One accumulator a window; `add` gets undefined for the first record. */
  | { readonly kind: 'fold'; add(accumulator: A | undefined, value: I): A; result(accumulator: A): R }
  /** All records of the window, in order of arrival. */
  | { readonly kind: 'list' }

export interface WindowSettings<K, I, A, R, O> {
  readonly windows: TumblingWindows
  readonly allowedLatenessMs: number
  /** Where records go that come after their window was cleaned; counted as dropped when undefined. */
  readonly lateTag: string | undefined
  readonly contents: WindowContents<I, A, R>
  /** Called when the window fires, with its result or its records. What it returns is emitted too, unless undefined. */
  emit(key: K, window: TimeWindow, contents: R | readonly I[], out: Collector<O>): O | void
}

/**
 * Windows a key with the default trigger: fires when time passes the window's end, and again at each late record while
 * the window is kept.
 *
 * Out:   records with timestamp `endMs - 1`.
 * State: contents by (key, window), removed when time reaches `endMs - 1 + allowedLatenessMs`.
 * Late:  a record whose window was removed goes to the late output, else is counted as `numLateRecordsDropped`.
 * Source: rules WN-1 to WN-5, WN-8, of Flink 2.3's WindowOperator; Akidau et al., "The Dataflow Model", VLDB 2015.
 */
export class WindowOperator<K, I, A, R, O> extends Operator<I> {
  readonly #context: OperatorContext
  readonly #keyOf: (value: I) => K
  readonly #settings: WindowSettings<K, I, A, R, O>
  readonly #state: HeapKeyedStateBackend
  readonly #timers: TimerQueue
  readonly #contents: ContentsStore<I, R>
  readonly #late: Output<I> | undefined
  readonly #lateDropped: Counter
  readonly #collector: Collector<O>
  #resultTimestampMs = MIN_TIMESTAMP
  #timeMs = MIN_TIMESTAMP

  constructor(keyOf: (value: I) => K, settings: WindowSettings<K, I, A, R, O>, context: OperatorContext) {
    super()
    this.#context = context
    this.#keyOf = keyOf
    this.#settings = settings
    this.#state = context.createKeyedState()
    this.#timers = this.#state.timers(settings.windows.time)
    this.#contents = contentsStore(settings.contents, this.#state)
    this.#late = settings.lateTag === undefined ? undefined : context.sideOutput(settings.lateTag)
    this.#lateDropped = context.metrics.counter('numLateRecordsDropped')
    this.#collector = { collect: (value) => context.output.emit(value, this.#resultTimestampMs) }
  }

  override process(value: I, timestampMs: number): void {
    const { windows } = this.#settings
    const isEventTime = windows.time === 'event'
    if (isEventTime && timestampMs === MIN_TIMESTAMP) throw missingTimestamp(this.#context.operatorName)
    if (!isEventTime) this.#timeMs = this.#context.clock.now() - 1
    const startMs = windowStartMs(isEventTime ? timestampMs : this.#context.clock.now(), windows)
    const window = { startMs, endMs: startMs + windows.sizeMs }
    if (isEventTime && this.#cleanupTimeMs(window) <= this.#timeMs) {
      this.#takeLate(value, timestampMs)
      return
    }
    this.#state.setCurrentKey(this.#keyOf(value))
    this.#contents.add(startMs, value)
    if (maxTimestampMs(window) <= this.#timeMs) this.#fire(window)
    else this.#timers.register(maxTimestampMs(window), startMs)
    this.#timers.register(this.#cleanupTimeMs(window), startMs)
    if (!isEventTime) this.#context.wake()
  }

  #takeLate(value: I, timestampMs: number): void {
    if (this.#late === undefined) this.#lateDropped.value++
    else this.#late.emit(value, timestampMs)
  }

  #cleanupTimeMs(window: TimeWindow): number {
    return maxTimestampMs(window) + (this.#settings.windows.time === 'event' ? this.#settings.allowedLatenessMs : 0)
  }

  override advanceWatermark(watermarkMs: number): void {
    if (this.#settings.windows.time === 'event') this.#advance(watermarkMs)
  }

  override nextProcessingTimeMs(): number {
    return this.#settings.windows.time === 'processing' ? this.#timers.peekTimestamp() : Number.POSITIVE_INFINITY
  }

  override advanceProcessingTime(nowMs: number): void {
    if (this.#settings.windows.time === 'processing') this.#advance(nowMs)
  }

  #advance(timeMs: number): void {
    this.#timeMs = timeMs
    this.#timers.advance(timeMs, (timer) => this.#onTimer(timer))
  }

  #onTimer(timer: Timer): void {
    const startMs = timer.namespace as number
    const window = { startMs, endMs: startMs + this.#settings.windows.sizeMs }
    if (timer.timestampMs === maxTimestampMs(window)) this.#fire(window)
    if (timer.timestampMs === this.#cleanupTimeMs(window)) this.#contents.clear(startMs)
  }

  #fire(window: TimeWindow): void {
    const contents = this.#contents.read(window.startMs)
    if (contents === undefined) return
    this.#resultTimestampMs = maxTimestampMs(window)
    const result = this.#settings.emit(this.#state.currentKey() as K, window, contents, this.#collector)
    if (result !== undefined) this.#collector.collect(result)
  }

  override snapshot(_checkpointId: number, _reason: SnapshotReason): OperatorSnapshot {
    return { keyed: { backend: this.#state, sweep: this.#state.snapshot() } }
  }
}

/** Contents of the current key's windows, by window start. */
interface ContentsStore<I, R> {
  add(startMs: number, value: I): void
  read(startMs: number): R | readonly I[] | undefined
  clear(startMs: number): void
}

function contentsStore<I, A, R>(contents: WindowContents<I, A, R>, state: HeapKeyedStateBackend): ContentsStore<I, R> {
  if (contents.kind === 'list') {
    const list = state.namespacedList<I>('window-contents')
    return {
      add: (startMs, value) => list.add(startMs, value),
      read(startMs) {
        const values = list.get(startMs)
        return values.length === 0 ? undefined : values
      },
      clear: (startMs) => list.clear(startMs),
    }
  }
  const value = state.namespacedValue<A>('window-contents')
  return {
    add: (startMs, element) => value.set(startMs, contents.add(value.get(startMs) ?? undefined, element)),
    read(startMs) {
      const accumulator = value.get(startMs)
      return accumulator === null ? undefined : contents.result(accumulator)
    },
    clear: (startMs) => value.clear(startMs),
  }
}

function missingTimestamp(operatorName: string): EngineError {
  return new EngineError('TIMESTAMP_MISSING', {
    kind: 'invalid',
    message: `A record without a timestamp reached the event-time window '${operatorName}'.`,
    hint: 'Give the source a watermark strategy with a timestamp assigner, or use a processing-time window.',
  })
}
