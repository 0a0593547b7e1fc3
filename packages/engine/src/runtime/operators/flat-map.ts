import { refusePromise } from './map.ts'
import { Operator, type OperatorContext, type Output } from './operator.ts'

/** Where a function's records go; they get the timestamp of the record or timer in hand. */
export interface Collector<in T> {
  collect(value: T): void
}

/** Emits what `fn` collects, or the elements of what it returns, each with the record's timestamp. */
export class FlatMapOperator<I, O> extends Operator<I> {
  readonly #fn: (value: I, out: Collector<O>) => Iterable<O> | void
  readonly #out: Output<O>
  readonly #collector: Collector<O>
  readonly #name: string
  #timestampMs = 0
  #checked = false

  constructor(fn: (value: I, out: Collector<O>) => Iterable<O> | void, context: OperatorContext) {
    super()
    this.#fn = fn
    this.#out = context.output
    this.#name = context.operatorName
    this.#collector = { collect: (value) => this.#out.emit(value, this.#timestampMs) }
  }

  override process(value: I, timestampMs: number): void {
    this.#timestampMs = timestampMs
    const result = this.#fn(value, this.#collector)
    if (!this.#checked) {
      refusePromise(result, this.#name)
      this.#checked = true
    }
    if (result !== undefined) for (const each of result) this.#out.emit(each, timestampMs)
  }
}
