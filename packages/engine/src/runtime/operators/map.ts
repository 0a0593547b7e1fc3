import { EngineError } from '../../common/errors.ts'
import { Operator, type OperatorContext, type Output } from './operator.ts'

/** Emits `fn(value)` with the record's timestamp. */
export class MapOperator<I, O> extends Operator<I> {
  readonly #fn: (value: I) => O
  readonly #out: Output<O>
  readonly #name: string
  #checked = false

  constructor(fn: (value: I) => O, context: OperatorContext) {
    super()
    this.#fn = fn
    this.#out = context.output
    this.#name = context.operatorName
  }

  override process(value: I, timestampMs: number): void {
    const result = this.#fn(value)
    if (!this.#checked) {
      refusePromise(result, this.#name)
      this.#checked = true
    }
    this.#out.emit(result, timestampMs)
  }
}

/** Functions are synchronous: a promise would leave the operator before its barrier. Looked at on the first record only. */
export function refusePromise(result: unknown, operatorName: string): void {
  if (typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function') {
    throw new EngineError('FUNCTION_ASYNC', {
      kind: 'invalid',
      message: `The function of operator '${operatorName}' returned a Promise.`,
      hint: 'Functions of a stream are synchronous. Do I/O in a source or a sink.',
    })
  }
}
