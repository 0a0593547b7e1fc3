import { files } from '@millrace/connectors/files'
import {
  type Collector,
  type FunctionContext,
  type KeyedProcessFunction,
  type MapState,
  mapState,
  outputTag,
  type Sink,
  type StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  type ValueState,
  valueState,
  WatermarkStrategy,
} from '@millrace/engine'
import { type DeliveryStore, deliverySink } from './delivery-sink.ts'
import { logSource } from './log-source.ts'
import type { Phase, Scenario } from './scenario.ts'
import type { LogRecord, SimulatedLog } from './simulated-log.ts'

/** Every record of a key, in the order its owner saw them. */
export interface Judged {
  readonly kind: 'judged'
  readonly id: string
  readonly key: string
  /** How many of the key so far, this one included. */
  readonly count: number
  /** The one before it. */
  readonly previous: string | null
}

/** An event-time timer and the records that asked for it. */
export interface Fired {
  readonly kind: 'fired'
  readonly key: string
  readonly timerMs: number
  readonly ids: readonly string[]
}

/** The n-th processing-time timer of a key. */
export interface Ticked {
  readonly kind: 'ticked'
  readonly key: string
  readonly n: number
}

export type KeyedOutput = Judged | Fired | Ticked

export interface WindowRow {
  readonly key: string
  readonly startMs: number
  readonly ids: readonly string[]
}

/** Where each output goes. */
export const folders = {
  keyed: '/out/keyed',
  windows: '/out/windows',
  late: '/out/late',
  firedWindows: '/out/fired-windows',
  firedLate: '/out/fired-late',
  dead: '/out/dead',
} as const

/** What the job meets outside, and who looks on. */
export interface JobSurroundings {
  readonly log: SimulatedLog
  readonly deliveries: DeliveryStore
  watchSink<T>(sink: Sink<T>): Sink<T>
  /** A key was met in a subtask. */
  met(key: string, context: FunctionContext): void
}

/** Records the filter drops. */
export function isKept(record: LogRecord): boolean {
  return record.n % 7 !== 3
}

const lateTag = outputTag<LogRecord>('late')
const firedLateTag = outputTag<Fired>('fired-late')

/** The simulated job: source → filter → keyed state and timers → files; windows with late output; an alert for some. */
export function declareJob(
  env: StreamExecutionEnvironment,
  { input, job }: Scenario,
  phase: Phase,
  { log, deliveries, watchSink, met }: JobSurroundings,
): void {
  const bounded = WatermarkStrategy.forBoundedOutOfOrderness<LogRecord>(input.boundMs)
  const strategy = input.idleTimeoutMs === undefined ? bounded : bounded.withIdleness(input.idleTimeoutMs)
  const { sinkParallelism, parallelism } = phase
  const out = <T>(path: string): Sink<T> => watchSink(files<T>({ path, format: lines, rolling: { openMs: 200 } }))

  const source = env
    .fromSource(
      logSource(log, input, job.reassignSplits),
      strategy.withTimestampAssigner((record) => record.at),
      'log',
    )
    .uid('log')
  source
    .deadLetters()
    .map((letter) => `${letter.splitId}:${letter.position}`)
    .sinkTo(out(folders.dead))
    .uid('dead')

  const kept = source.filter(isKept)
  const keyed = kept
    .keyBy((record) => record.key)
    .process<KeyedOutput>(() => new Judge(job.timerMs, job.tickMs, met))
    .uid('judge')
  keyed.sinkTo(out<KeyedOutput>(folders.keyed)).uid('keyed').setParallelism(sinkParallelism)
  keyed
    .filter((output) => output.kind === 'judged' && output.count % 3 === 0)
    .map((output) => (output as Judged).id)
    .sinkTo(deliverySink(deliveries, job.slowSinkMs))
    .uid('alerts')
    .setParallelism(parallelism)

  // What timers emit is never behind the watermark that made them fire: it must not overtake them on the way here.
  const firedWindows = keyed
    .filter((output) => output.kind === 'fired')
    .map((output) => output as Fired)
    .keyBy((fired) => fired.key)
    .window(TumblingEventTimeWindows.of(job.windowMs))
    .sideOutputLateData(firedLateTag)
    .process<WindowRow>((key, window, fired, collector) =>
      collector.collect({ key, startMs: window.startMs, ids: fired.flatMap(({ ids }) => ids) }),
    )
    .uid('fired-windows')
    .setParallelism(sinkParallelism)
  firedWindows.sinkTo(out<WindowRow>(folders.firedWindows)).uid('fired-windows-out')
  firedWindows.getSideOutput(firedLateTag).sinkTo(out<Fired>(folders.firedLate)).uid('fired-late-out')

  const windows = kept
    .keyBy((record) => record.key)
    .window(TumblingEventTimeWindows.of(job.windowMs))
    .allowedLateness(job.latenessMs)
    .sideOutputLateData(lateTag)
    .process<WindowRow>((key, window, records, collector) =>
      collector.collect({ key, startMs: window.startMs, ids: records.map((record) => record.id) }),
    )
    .uid('windows')
  windows.sinkTo(out<WindowRow>(folders.windows)).uid('windows-out')
  windows
    .getSideOutput(lateTag)
    .map((record) => record.id)
    .sinkTo(out(folders.late))
    .uid('late-out')
}

const encoder = new TextEncoder()
const lines = { encode: (value: unknown) => encoder.encode(JSON.stringify(value)) }

class Judge implements KeyedProcessFunction<string, LogRecord, KeyedOutput> {
  readonly #timerMs: number
  readonly #tickMs: number
  readonly #met: JobSurroundings['met']
  #context!: FunctionContext
  #count!: ValueState<number>
  #previous!: ValueState<string>
  #ticks!: ValueState<number>
  #nextTick!: ValueState<number>
  #waiting!: MapState<number, string[]>

  constructor(timerMs: number, tickMs: number, met: JobSurroundings['met']) {
    this.#timerMs = timerMs
    this.#tickMs = tickMs
    this.#met = met
  }

  open(context: Parameters<NonNullable<KeyedProcessFunction<string, LogRecord, KeyedOutput>['open']>>[0]): void {
    this.#context = context
    this.#count = context.getState(valueState<number>('count'))
    this.#previous = context.getState(valueState<string>('previous'))
    this.#ticks = context.getState(valueState<number>('ticks'))
    this.#nextTick = context.getState(valueState<number>('next-tick'))
    this.#waiting = context.getState(mapState<number, string[]>('waiting'))
  }

  processElement(
    { id, key, at }: LogRecord,
    { timers }: Parameters<KeyedProcessFunction<string, LogRecord, KeyedOutput>['processElement']>[1],
    out: Collector<KeyedOutput>,
  ): void {
    this.#met(key, this.#context)
    const count = (this.#count.value() ?? 0) + 1
    const previous = this.#previous.value()
    this.#count.update(count)
    this.#previous.update(id)
    out.collect({ kind: 'judged', id, key, count, previous })

    const timerMs = at + this.#timerMs
    this.#waiting.put(timerMs, [...(this.#waiting.get(timerMs) ?? []), id])
    timers.registerEventTimeTimer(timerMs)
    if (this.#nextTick.value() === null) {
      const dueMs = timers.currentProcessingTime() + this.#tickMs
      this.#nextTick.update(dueMs)
      timers.registerProcessingTimeTimer(dueMs)
    }
  }

  onTimer(
    timestampMs: number,
    context: Parameters<NonNullable<KeyedProcessFunction<string, LogRecord, KeyedOutput>['onTimer']>>[1],
    out: Collector<KeyedOutput>,
  ): void {
    const key = context.currentKey
    this.#met(key, this.#context)
    if (context.timeDomain === 'processing') {
      const n = (this.#ticks.value() ?? 0) + 1
      this.#ticks.update(n)
      this.#nextTick.clear()
      out.collect({ kind: 'ticked', key, n })
      return
    }
    const ids = this.#waiting.get(timestampMs) ?? []
    this.#waiting.remove(timestampMs)
    out.collect({ kind: 'fired', key, timerMs: timestampMs, ids })
  }
}
