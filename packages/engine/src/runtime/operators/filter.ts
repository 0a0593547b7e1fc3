import { refusePromise } from './map.ts'
import { Operator, type OperatorContext, type Output } from './operator.ts'

/** Passes on the records for which `keep` holds. */
export class FilterOperator<T> extends Operator<T> {
  readonly #keep: (value: T) => boolean
  readonly #out: Output<T>
  readonly #name: string
  #checked = false

  constructor(keep: (value: T) => boolean, context: OperatorContext) {
    super()
    this.#keep = keep
    this.#out = context.output
    this.#name = context.operatorName
  }

  override process(value: T, timestampMs: number): void {
    const kept = this.#keep(value)
    if (!this.#checked) {
      refusePromise(kept, this.#name)
      this.#checked = true
    }
    if (kept) this.#out.emit(value, timestampMs)
  }
}
