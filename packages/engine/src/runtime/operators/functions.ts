import type { Logger } from '../../common/logger.ts'
import type { MetricGroup } from '../../spi/metrics.ts'
import type { StateDescriptor, StateHandle } from '../../spi/state.ts'
import type { Collector } from './flat-map.ts'

/** Names a side output and the type of its records. The id is unique in the application. */
export interface OutputTag<T> {
  readonly id: string
  /** Only for the compiler. */
  readonly type?: T
}

/** Names a side output: `const late = outputTag<Transaction>('late')`. */
export function outputTag<T>(id: string): OutputTag<T> {
  return { id }
}

/** What a function sees of its subtask when it opens. */
export interface FunctionContext {
  readonly applicationName: string
  readonly operatorName: string
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly attempt: number
  readonly logger: Logger
  readonly metrics: MetricGroup
}

/** The same in a keyed operator: state handles are made here. */
export interface KeyedFunctionContext extends FunctionContext {
  /** The handle of that state; it always acts on the key of the record or timer in hand. */
  getState<D extends StateDescriptor>(descriptor: D): StateHandle<D>
}

/** Event and processing time, and timers of the current key. Registering the same time twice is one timer. */
export interface TimerService {
  currentWatermark(): number
  /** Epoch ms, read from the clock at each call. */
  currentProcessingTime(): number
  registerEventTimeTimer(timestampMs: number): void
  registerProcessingTimeTimer(timestampMs: number): void
  deleteEventTimeTimer(timestampMs: number): void
  deleteProcessingTimeTimer(timestampMs: number): void
}

export interface ProcessContext {
  /** The event time of the record in hand, or null. */
  timestamp(): number | null
  /** Emits to a side output, with the timestamp of the record or timer in hand. */
  output<T>(tag: OutputTag<T>, value: T): void
  currentWatermark(): number
  currentProcessingTime(): number
}

export interface KeyedProcessContext<K> extends ProcessContext {
  readonly currentKey: K
  readonly timers: TimerService
}

export interface OnTimerContext<K> extends KeyedProcessContext<K> {
  readonly timeDomain: 'event' | 'processing'
}

/** Sees every record, emits any number. One instance a subtask. */
export interface ProcessFunction<I, O> {
  open?(context: FunctionContext): void
  processElement(value: I, context: ProcessContext, out: Collector<O>): void
  close?(): void
}

/**
 * Sees every record with the state and timers of its key. One instance a subtask.
 * `onTimer` never runs at the same time as `processElement`; its records carry the timer's timestamp.
 */
export interface KeyedProcessFunction<K, I, O> {
  open?(context: KeyedFunctionContext): void
  processElement(value: I, context: KeyedProcessContext<K>, out: Collector<O>): void
  onTimer?(timestampMs: number, context: OnTimerContext<K>, out: Collector<O>): void
  close?(): void
}
