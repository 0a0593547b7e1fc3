import { MIN_TIMESTAMP } from '../../spi/batch.ts'
import type { Collector } from './flat-map.ts'
import type { FunctionContext, OutputTag, ProcessContext, ProcessFunction } from './functions.ts'
import { refusePromise } from './map.ts'
import { Operator, type OperatorContext } from './operator.ts'

/** Runs a process function without keyed state. */
export class ProcessOperator<I, O> extends Operator<I> {
  readonly #context: OperatorContext
  readonly #fn: ProcessFunction<I, O>
  readonly #recordContext: RecordContext
  readonly #collector: Collector<O>
  #checked = false

  constructor(create: () => ProcessFunction<I, O>, context: OperatorContext) {
    super()
    this.#context = context
    this.#fn = create()
    this.#recordContext = new RecordContext(context)
    this.#collector = { collect: (value) => context.output.emit(value, this.#recordContext.timestampMs) }
  }

  override open(): void {
    this.#fn.open?.(functionContext(this.#context))
  }

  override process(value: I, timestampMs: number): void {
    this.#recordContext.timestampMs = timestampMs
    const result: unknown = this.#fn.processElement(value, this.#recordContext, this.#collector)
    if (!this.#checked) {
      refusePromise(result, this.#context.operatorName)
      this.#checked = true
    }
  }

  override advanceWatermark(watermarkMs: number): void {
    this.#recordContext.watermarkMs = watermarkMs
  }

  override close(): void {
    this.#fn.close?.()
  }
}

/** The record (or timer) in hand; one object a subtask, its fields set before each call. */
export class RecordContext implements ProcessContext {
  timestampMs = MIN_TIMESTAMP
  watermarkMs = MIN_TIMESTAMP
  protected readonly context: OperatorContext

  constructor(context: OperatorContext) {
    this.context = context
  }

  timestamp(): number | null {
    return this.timestampMs === MIN_TIMESTAMP ? null : this.timestampMs
  }

  output<T>(tag: OutputTag<T>, value: T): void {
    this.context.sideOutput(tag.id).emit(value, this.timestampMs)
  }

  currentWatermark(): number {
    return this.watermarkMs
  }

  currentProcessingTime(): number {
    return this.context.clock.now()
  }
}

export function functionContext(context: OperatorContext): FunctionContext {
  const { applicationName, operatorName, subtaskIndex, parallelism, attempt, logger, metrics } = context
  return { applicationName, operatorName, subtaskIndex, parallelism, attempt, logger, metrics }
}
