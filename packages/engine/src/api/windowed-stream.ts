import { EngineError } from '../common/errors.ts'
import type { Collector } from '../runtime/operators/flat-map.ts'
import type { OutputTag } from '../runtime/operators/functions.ts'
import type { TimeWindow, TumblingWindows } from '../runtime/window/window.ts'
import { type WindowContents, WindowOperator } from '../runtime/window/window-operator.ts'
import type { KeyedStream, SingleOutputStream } from './data-stream.ts'
import type { Key, Synchronous } from './types.ts'

/** Aggregates records one by one into an accumulator (plain data: it is state). */
export interface AggregateFunction<I, A, R> {
  createAccumulator(): A
  /** May change and return the accumulator it was given. */
  add(value: I, accumulator: A): A
  getResult(accumulator: A): R
}

/**
 * Sees what a window holds when it fires: the aggregate, or all its records. What it returns is emitted, unless that is
 * undefined; any number of records go to the collector.
 */
export type WindowFunction<K, C, R> = (key: K, window: TimeWindow, contents: C, out: Collector<R>) => R | void

/** Windows of event time, aligned to the epoch plus an offset. */
export const TumblingEventTimeWindows = {
  of: (sizeMs: number, offsetMs = 0): TumblingWindows => tumbling('event', sizeMs, offsetMs),
}

/** Windows of the machine's time. */
export const TumblingProcessingTimeWindows = {
  of: (sizeMs: number, offsetMs = 0): TumblingWindows => tumbling('processing', sizeMs, offsetMs),
}

function tumbling(time: TumblingWindows['time'], sizeMs: number, offsetMs: number): TumblingWindows {
  if (!Number.isInteger(sizeMs) || sizeMs <= 0) {
    throw new EngineError('WINDOW_SIZE_INVALID', {
      kind: 'invalid',
      message: `The window size is ${sizeMs} ms; it must be a positive whole number.`,
    })
  }
  if (!Number.isInteger(offsetMs) || Math.abs(offsetMs) >= sizeMs) {
    throw new EngineError('WINDOW_OFFSET_INVALID', {
      kind: 'invalid',
      message: `The window offset is ${offsetMs} ms; it must be a whole number between -${sizeMs} and ${sizeMs}.`,
    })
  }
  return { time, sizeMs, offsetMs }
}

/** A keyed stream grouped by window: say what to make of each window. */
export class WindowedStream<T, K extends Key> {
  readonly #keyed: KeyedStream<T, K>
  readonly #windows: TumblingWindows
  #allowedLatenessMs = 0
  #lateTag: string | undefined

  constructor(keyed: KeyedStream<T, K>, windows: TumblingWindows) {
    this.#keyed = keyed
    this.#windows = windows
  }

  /** Keeps windows that long after they fired; each late record then fires its window again. */
  allowedLateness(latenessMs: number): this {
    this.#allowedLatenessMs = latenessMs
    return this
  }

  /** Where records go whose window is gone. */
  sideOutputLateData(tag: OutputTag<T>): this {
    this.#lateTag = tag.id
    return this
  }

  reduce<V extends T | PromiseLike<unknown>>(combine: ((a: T, b: T) => V) & Synchronous<V>): SingleOutputStream<T>
  reduce<V extends T | PromiseLike<unknown>, R>(
    combine: ((a: T, b: T) => V) & Synchronous<V>,
    fn: WindowFunction<K, T, R>,
  ): SingleOutputStream<R>
  reduce<R>(combine: (a: T, b: T) => T, fn?: WindowFunction<K, T, R>): SingleOutputStream<R> {
    const contents: WindowContents<T, T, T> = {
      kind: 'fold',
      add: (before, value) => (before === undefined ? value : combine(before, value)),
      result: (accumulator) => accumulator,
    }
    return this.#apply('Window(reduce)', contents, fn ?? emitResult)
  }

  aggregate<A, R>(aggregate: AggregateFunction<T, A, R>): SingleOutputStream<R>
  aggregate<A, R, O>(aggregate: AggregateFunction<T, A, R>, fn: WindowFunction<K, R, O>): SingleOutputStream<O>
  aggregate<A, R, O>(aggregate: AggregateFunction<T, A, R>, fn?: WindowFunction<K, R, O>): SingleOutputStream<O> {
    const contents: WindowContents<T, A, R> = {
      kind: 'fold',
      add: (before, value) => aggregate.add(value, before === undefined ? aggregate.createAccumulator() : before),
      result: (accumulator) => aggregate.getResult(accumulator),
    }
    return this.#apply('Window(aggregate)', contents, fn ?? emitResult)
  }

  /** Keeps all records of the window until it fires. */
  process<O>(fn: WindowFunction<K, readonly T[], O>): SingleOutputStream<O> {
    return this.#apply<never, never, O>('Window(process)', { kind: 'list' }, fn as WindowFunction<K, any, O>)
  }

  #apply<A, R, O>(
    name: string,
    contents: WindowContents<T, A, R>,
    emit: WindowFunction<K, any, O>,
  ): SingleOutputStream<O> {
    const settings = {
      windows: this.#windows,
      allowedLatenessMs: this.#allowedLatenessMs,
      lateTag: this.#lateTag,
      contents,
      emit,
    }
    const { keyOf, partitioned } = this.#keyed
    return partitioned.transform<O>(
      name,
      true,
      (context) => new WindowOperator<K, T, A, R, O>(keyOf, settings, context),
    )
  }
}

const emitResult: WindowFunction<any, any, any> = (_key, _window, result) => result
