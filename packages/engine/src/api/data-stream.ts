import { EngineError } from '../common/errors.ts'
import type { StreamInput, StreamNode } from '../plan/stream-graph.ts'
import { FilterOperator } from '../runtime/operators/filter.ts'
import { type Collector, FlatMapOperator } from '../runtime/operators/flat-map.ts'
import type { KeyedProcessFunction, OutputTag, ProcessFunction } from '../runtime/operators/functions.ts'
import { KeyedProcessOperator } from '../runtime/operators/keyed-process.ts'
import { MapOperator } from '../runtime/operators/map.ts'
import type { Operator, OperatorContext } from '../runtime/operators/operator.ts'
import { ProcessOperator } from '../runtime/operators/process.ts'
import { SinkOperator } from '../runtime/sink/sink-operator.ts'
import { DEAD_LETTER_TAG } from '../runtime/source/source-operator.ts'
import type { PartitionerDescription } from '../runtime/task/partitioner-description.ts'
import type { TumblingWindows } from '../runtime/window/window.ts'
import { print } from '../spi/print-sink.ts'
import type { Sink } from '../spi/sink.ts'
import type { DeadLetter } from '../spi/source.ts'
import { valueState } from '../spi/state.ts'
import type { StreamExecutionEnvironment } from './environment.ts'
import type { AsyncRefused, Key, Synchronous } from './types.ts'
import { WindowedStream } from './windowed-stream.ts'

/** Records of one type, to be transformed. Nothing runs until the environment executes. */
export class DataStream<T> {
  readonly env: StreamExecutionEnvironment
  readonly inputs: readonly StreamInput[]

  constructor(env: StreamExecutionEnvironment, inputs: readonly StreamInput[]) {
    this.env = env
    this.inputs = inputs
  }

  /** One record out for each in. */
  map<R>(fn: ((value: T) => R) & Synchronous<R>): SingleOutputStream<R> {
    refuseAsync(fn, 'map')
    return this.transform('Map', false, (context) => new MapOperator<T, R>(fn as (value: T) => R, context))
  }

  filter<S extends T>(keep: (value: T) => value is S): SingleOutputStream<S>
  filter<R extends boolean | PromiseLike<unknown>>(keep: ((value: T) => R) & Synchronous<R>): SingleOutputStream<T>
  filter(keep: (value: T) => boolean): SingleOutputStream<T> {
    refuseAsync(keep, 'filter')
    return this.transform('Filter', false, (context) => new FilterOperator<T>(keep, context))
  }

  /** Any number of records out: return them, or hand them to the collector. */
  flatMap<R>(fn: (value: T, out: Collector<R>) => Iterable<R> | void | AsyncRefused): SingleOutputStream<R> {
    refuseAsync(fn, 'flatMap')
    const each = fn as (value: T, out: Collector<R>) => Iterable<R> | void
    return this.transform('FlatMap', false, (context) => new FlatMapOperator<T, R>(each, context))
  }

  /** Runs a process function; `create` is called once a subtask. */
  process<R>(create: () => ProcessFunction<T, R>): SingleOutputStream<R> {
    refuseInstance(create, 'process')
    return this.transform('Process', false, (context) => new ProcessOperator<T, R>(create, context))
  }

  /** Sends each record to the subtask that owns its key: what follows has state and timers a key. */
  keyBy<K extends Key | PromiseLike<unknown>>(keyOf: ((value: T) => K) & Synchronous<K>): KeyedStream<T, K & Key> {
    refuseAsync(keyOf, 'keyBy')
    return new KeyedStream(this, keyOf as (value: T) => K & Key)
  }

  /** The records of all streams, in no particular order; event time is the lowest of them. */
  union(...others: readonly DataStream<T>[]): DataStream<T> {
    return new DataStream<T>(
      this.env,
      [this, ...others].flatMap((stream) => stream.inputs),
    )
  }

  /** Spreads the records evenly over the subtasks of what follows. */
  rebalance(): DataStream<T> {
    return this.partitioned({ kind: 'rebalance' })
  }

  /** Every record to every subtask of what follows. */
  broadcast(): DataStream<T> {
    return this.partitioned({ kind: 'broadcast' })
  }

  /** All records to the first subtask of what follows. */
  global(): DataStream<T> {
    return this.partitioned({ kind: 'global' })
  }

  sinkTo(sink: Sink<T>): StreamSink {
    const node = this.env.graph.add({
      kind: 'sink',
      name: `Sink: ${sink.name}`,
      stateful: sink.guarantee === 'exactly-once',
      inputs: this.inputs,
      factory: { kind: 'operator', create: (context) => new SinkOperator<T>(sink, context) },
    })
    return new StreamSink(node)
  }

  /** Prints each record to the terminal, behind a label if there is one. */
  print(label?: string): StreamSink {
    return this.sinkTo(print<T>(label === undefined ? {} : { label }))
  }

  /** Runs the whole program in this process and answers with this stream's records. Only for bounded input. */
  executeAndCollect(): Promise<T[]> {
    return this.env.executeAndCollect(this)
  }

  partitioned(partitioner: PartitionerDescription): DataStream<T> {
    return new DataStream<T>(
      this.env,
      this.inputs.map((input) => ({ ...input, partitioner })),
    )
  }

  /** Adds an operator that takes this stream. */
  transform<R>(name: string, stateful: boolean, create: (context: OperatorContext) => Operator): SingleOutputStream<R> {
    const node = this.env.graph.add({
      kind: 'operator',
      name,
      stateful,
      inputs: this.inputs,
      factory: { kind: 'operator', create },
    })
    return new SingleOutputStream<R>(this.env, node)
  }
}

/** The output of one operator, which can be named and set here. */
export class SingleOutputStream<T> extends DataStream<T> {
  readonly node: StreamNode

  constructor(env: StreamExecutionEnvironment, node: StreamNode) {
    super(env, [{ node, tag: undefined, partitioner: { kind: 'forward' } }])
    this.node = node
  }

  /** The identity of the operator's state: keep it the same from version to version. */
  uid(uid: string): this {
    this.node.uid = uid
    return this
  }

  name(name: string): this {
    this.node.name = name
    return this
  }

  setParallelism(parallelism: number): this {
    this.node.parallelism = parallelism
    return this
  }

  /** What the operator emitted to that tag. */
  getSideOutput<U>(tag: OutputTag<U>): DataStream<U> {
    return new DataStream<U>(this.env, [{ node: this.node, tag: tag.id, partitioner: { kind: 'forward' } }])
  }
}

/** The output of a source. */
export class SourceStream<T> extends SingleOutputStream<T> {
  /** Records that couldn't be read, when the source's policy is `dead-letter`. */
  deadLetters(): DataStream<DeadLetter> {
    return this.getSideOutput<DeadLetter>({ id: DEAD_LETTER_TAG })
  }
}

/** The end of a stream. */
export class StreamSink {
  readonly #node: StreamNode

  constructor(node: StreamNode) {
    this.#node = node
  }

  uid(uid: string): this {
    this.#node.uid = uid
    return this
  }

  name(name: string): this {
    this.#node.name = name
    return this
  }

  setParallelism(parallelism: number): this {
    this.#node.parallelism = parallelism
    return this
  }
}

/** A stream partitioned by key. */
export class KeyedStream<T, K extends Key> {
  readonly keyOf: (value: T) => K
  readonly partitioned: DataStream<T>

  constructor(stream: DataStream<T>, keyOf: (value: T) => K) {
    this.keyOf = keyOf
    this.partitioned = stream.partitioned({ kind: 'hash', keySelector: keyOf, operator: '' })
  }

  /** Runs a function with state and timers a key; `create` is called once a subtask. */
  process<R>(create: () => KeyedProcessFunction<K, T, R>): SingleOutputStream<R> {
    refuseInstance(create, 'process')
    const { keyOf } = this
    return this.partitioned.transform(
      'KeyedProcess',
      true,
      (context) => new KeyedProcessOperator<K, T, R>(keyOf, create, context),
    )
  }

  /** Combines all records of a key so far; emits after every record, the first unchanged. */
  reduce<R extends T | PromiseLike<unknown>>(combine: ((a: T, b: T) => R) & Synchronous<R>): SingleOutputStream<T> {
    const reduce = combine as unknown as (a: T, b: T) => T
    return this.process<T>(() => {
      let state: { value(): T | null; update(value: T): void }
      return {
        open(context) {
          state = context.getState(valueState<T>('reduced'))
        },
        processElement(value, _context, out) {
          const before = state.value()
          const after = before === null ? value : reduce(before, value)
          state.update(after)
          out.collect(after)
        },
      }
    }).name('Reduce')
  }

  /** Groups the records of a key by time. */
  window(windows: TumblingWindows): WindowedStream<T, K> {
    return new WindowedStream(this, windows)
  }
}

/** For programs without a compiler, and for functions typed `any`. */
function refuseAsync(fn: unknown, method: string): void {
  if (typeof fn !== 'function') {
    throw new EngineError('FUNCTION_INVALID', {
      kind: 'invalid',
      message: `${method}() needs a function, not ${typeof fn}.`,
    })
  }
  if (fn.constructor.name === 'AsyncFunction') {
    throw new EngineError('FUNCTION_ASYNC', {
      kind: 'invalid',
      message: `${method}() was given an async function.`,
      hint: 'Functions of a stream are synchronous. Do I/O in a source or a sink.',
    })
  }
}

function refuseInstance(create: unknown, method: string): void {
  if (typeof create === 'function') return
  throw new EngineError('FUNCTION_INVALID', {
    kind: 'invalid',
    message: `${method}() needs a function that makes the process function, not an instance.`,
    hint: `Write ${method}(() => new MyFunction()): each subtask needs an instance of its own.`,
  })
}
