import type { SnapshotReason } from '../../spi/sink.ts'
import type { HeapKeyedStateBackend } from '../state/heap-keyed-state-backend.ts'
import type { TimerQueue } from '../state/timer-queue.ts'
import type { Collector } from './flat-map.ts'
import type { KeyedProcessFunction, OnTimerContext, TimerService } from './functions.ts'
import { refusePromise } from './map.ts'
import { Operator, type OperatorContext, type OperatorSnapshot } from './operator.ts'
import { functionContext, RecordContext } from './process.ts'

/** Runs a keyed process function: sets the key before each record and timer, keeps its timers with the state. */
export class KeyedProcessOperator<K, I, O> extends Operator<I> {
  readonly #context: OperatorContext
  readonly #keyOf: (value: I) => K
  readonly #fn: KeyedProcessFunction<K, I, O>
  readonly #state: HeapKeyedStateBackend
  readonly #eventTimers: TimerQueue
  readonly #processingTimers: TimerQueue
  readonly #current: KeyedContext<K>
  readonly #collector: Collector<O>
  #checked = false

  constructor(keyOf: (value: I) => K, create: () => KeyedProcessFunction<K, I, O>, context: OperatorContext) {
    super()
    this.#context = context
    this.#keyOf = keyOf
    this.#fn = create()
    this.#state = context.createKeyedState()
    this.#eventTimers = this.#state.timers('event')
    this.#processingTimers = this.#state.timers('processing')
    this.#current = new KeyedContext(context, this.#state, this.#eventTimers, this.#processingTimers)
    this.#collector = { collect: (value) => context.output.emit(value, this.#current.timestampMs) }
  }

  override open(): void {
    this.#fn.open?.({
      ...functionContext(this.#context),
      getState: (descriptor) => this.#state.getState(descriptor),
    })
  }

  override process(value: I, timestampMs: number): void {
    this.#state.setCurrentKey(this.#keyOf(value))
    this.#current.timestampMs = timestampMs
    const result: unknown = this.#fn.processElement(value, this.#current, this.#collector)
    if (!this.#checked) {
      refusePromise(result, this.#context.operatorName)
      this.#checked = true
    }
  }

  override advanceWatermark(watermarkMs: number): void {
    this.#current.watermarkMs = watermarkMs
    this.#current.timeDomain = 'event'
    this.#eventTimers.advance(watermarkMs, (timer) => this.#fire(timer.timestampMs))
  }

  override nextProcessingTimeMs(): number {
    return this.#processingTimers.peekTimestamp()
  }

  override advanceProcessingTime(nowMs: number): void {
    this.#current.timeDomain = 'processing'
    this.#processingTimers.advance(nowMs, (timer) => this.#fire(timer.timestampMs))
  }

  #fire(timestampMs: number): void {
    this.#current.timestampMs = timestampMs
    this.#fn.onTimer?.(timestampMs, this.#current, this.#collector)
  }

  override snapshot(_checkpointId: number, _reason: SnapshotReason): OperatorSnapshot {
    return { keyed: { backend: this.#state, sweep: this.#state.snapshot() } }
  }

  override close(): void {
    this.#fn.close?.()
  }
}

/** The record or timer in hand, its key and the key's timers. */
class KeyedContext<K> extends RecordContext implements OnTimerContext<K>, TimerService {
  timeDomain: 'event' | 'processing' = 'event'
  readonly #state: HeapKeyedStateBackend
  readonly #eventTimers: TimerQueue
  readonly #processingTimers: TimerQueue

  constructor(
    context: OperatorContext,
    state: HeapKeyedStateBackend,
    eventTimers: TimerQueue,
    processingTimers: TimerQueue,
  ) {
    super(context)
    this.#state = state
    this.#eventTimers = eventTimers
    this.#processingTimers = processingTimers
  }

  get timers(): TimerService {
    return this
  }

  get currentKey(): K {
    return this.#state.currentKey() as K
  }

  registerEventTimeTimer(timestampMs: number): void {
    this.#eventTimers.register(timestampMs, null)
  }

  registerProcessingTimeTimer(timestampMs: number): void {
    this.#processingTimers.register(timestampMs, null)
    this.context.wake()
  }

  deleteEventTimeTimer(timestampMs: number): void {
    this.#eventTimers.delete(timestampMs, null)
  }

  deleteProcessingTimeTimer(timestampMs: number): void {
    this.#processingTimers.delete(timestampMs, null)
  }
}
