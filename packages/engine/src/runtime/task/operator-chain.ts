import { asEngineError, EngineError } from '../../common/errors.ts'
import type { SnapshotReason } from '../../spi/sink.ts'
import type { PartitionedOutput } from '../exchange/partitioned-output.ts'
import type { Operator, OperatorContext, OperatorSnapshot, Output } from '../operators/operator.ts'
import type { OperatorDescription, TaskDescription } from './task-description.ts'

/** Makes what an operator of this subtask lives with, given its outputs. */
export type MakeContext = (
  operator: OperatorDescription,
  outputs: { readonly output: Output<any>; sideOutput(tag: string): Output<any> },
) => OperatorContext

/** Makes an operator's instance; the source's needs its coordinator. */
export type MakeOperator = (operator: OperatorDescription, context: OperatorContext) => Operator

/** Counts the records that went through it. */
interface CountedOutput extends Output<any> {
  readonly emitted: number
}

interface Link {
  readonly description: OperatorDescription
  readonly operator: Operator
  /** One of those that share a tag: each gets every record. */
  readonly counted: readonly CountedOutput[]
  /** What feeds it from within the chain. */
  readonly inputs: CountedOutput[]
  readonly chained: readonly number[]
  readonly edges: readonly PartitionedOutput[]
}

/**
 * The operators of one subtask, wired so that a record goes from one to the next by a plain call.
 * Watermarks, the end and snapshots pass from head to tail; each operator acts before it passes on.
 */
export class OperatorChain {
  readonly #links: readonly Link[]
  readonly #task: TaskDescription

  constructor(
    task: TaskDescription,
    edgeOutputs: ReadonlyMap<number, PartitionedOutput>,
    makeContext: MakeContext,
    makeOperator: MakeOperator,
  ) {
    this.#task = task
    const links: Link[] = []
    // From tail to head: an operator is made when its outputs exist.
    for (let i = task.operators.length - 1; i >= 0; i--) {
      const description = task.operators[i] as OperatorDescription
      links[i] = wire(description, links, edgeOutputs, makeContext, makeOperator)
    }
    this.#links = links
  }

  get head(): Operator {
    return (this.#links[0] as Link).operator
  }

  /** Opens the operators from tail to head: whoever receives is ready before it is sent to. */
  async open(): Promise<void> {
    for (const { operator, description } of [...this.#links].reverse()) {
      await namingOperator(description, () => operator.open())
    }
  }

  isReady(): boolean {
    for (const { operator } of this.#links) if (!operator.isReady()) return false
    return true
  }

  flush(): void {
    for (const { operator } of this.#links) operator.flush()
  }

  advanceWatermark(watermarkMs: number): void {
    this.#advanceFrom(0, watermarkMs)
    this.flush()
  }

  #advanceFrom(index: number, watermarkMs: number): void {
    const { operator, chained, edges } = this.#links[index] as Link
    operator.advanceWatermark(watermarkMs)
    for (const edge of edges) edge.emitControl({ kind: 'watermark', timestampMs: watermarkMs })
    for (const next of chained) this.#advanceFrom(next, watermarkMs)
  }

  nextProcessingTimeMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { operator } of this.#links) next = Math.min(next, operator.nextProcessingTimeMs())
    return next
  }

  advanceProcessingTime(nowMs: number): void {
    for (const { operator } of this.#links) operator.advanceProcessingTime(nowMs)
    this.flush()
  }

  /** The end of the input, from head to tail; what an operator emits here still passes all after it. */
  finish(): void {
    for (const { operator } of this.#links) {
      operator.finish()
      operator.flush()
    }
  }

  snapshot(
    checkpointId: number,
    reason: SnapshotReason,
  ): readonly { operatorId: string; snapshot: OperatorSnapshot }[] {
    return this.#links.map(({ description, operator }) => ({
      operatorId: description.id,
      snapshot: operator.snapshot(checkpointId, reason),
    }))
  }

  async notifyCheckpointComplete(checkpointId: number): Promise<void> {
    for (const { operator, description } of this.#links) {
      await namingOperator(description, () => operator.notifyCheckpointComplete(checkpointId))
    }
  }

  /** Closes all, also when some fail; the first failure is thrown at the end. */
  async close(): Promise<void> {
    const results = await Promise.allSettled(
      this.#links.map(({ operator, description }) => namingOperator(description, () => operator.close())),
    )
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw asEngineError(failed.reason)
  }

  /** Records that have come into an operator from within the chain, and left it by any output. */
  countsOf(index: number): { readonly recordsIn: number; readonly recordsOut: number } {
    const { inputs, counted } = this.#links[index] as Link
    return { recordsIn: emittedBy(inputs), recordsOut: emittedBy(counted) }
  }

  get taskName(): string {
    return this.#task.name
  }
}

function wire(
  description: OperatorDescription,
  links: readonly Link[],
  edgeOutputs: ReadonlyMap<number, PartitionedOutput>,
  makeContext: MakeContext,
  makeOperator: MakeOperator,
): Link {
  const byTag = new Map<string | undefined, CountedOutput[]>()
  const chained: number[] = []
  const edges: PartitionedOutput[] = []
  for (const { tag, to } of description.outputs) {
    const targets = byTag.get(tag) ?? []
    byTag.set(tag, targets)
    if (to.kind === 'chained') {
      chained.push(to.operator)
      const next = links[to.operator] as Link
      const output = new ChainedOutput(next.operator)
      next.inputs.push(output)
      targets.push(output)
    } else {
      const edge = edgeOutputs.get(to.edge) as PartitionedOutput
      edges.push(edge)
      targets.push(edge)
    }
  }
  const outputs = new Map([...byTag].map(([tag, targets]) => [tag, combined(targets)]))
  const context = makeContext(description, {
    output: outputs.get(undefined) ?? nowhere,
    sideOutput: (tag) => outputs.get(tag) ?? nowhere,
  })
  const counted = [...byTag.values()].map((targets) => targets[0] as CountedOutput)
  return { description, operator: makeOperator(description, context), counted, inputs: [], chained, edges }
}

function emittedBy(outputs: readonly CountedOutput[]): number {
  let emitted = 0
  for (const output of outputs) emitted += output.emitted
  return emitted
}

/** A plain call of the next operator. */
class ChainedOutput implements CountedOutput {
  readonly #next: Operator
  emitted = 0

  constructor(next: Operator) {
    this.#next = next
  }

  emit(value: unknown, timestampMs: number): void {
    this.emitted++
    this.#next.process(value, timestampMs)
  }
}

class SeveralOutputs implements Output<any> {
  readonly #outputs: readonly Output<any>[]

  constructor(outputs: readonly Output<any>[]) {
    this.#outputs = outputs
  }

  emit(value: unknown, timestampMs: number): void {
    for (const output of this.#outputs) output.emit(value, timestampMs)
  }
}

const nowhere: Output<any> = { emit() {} }

function combined(outputs: readonly Output<any>[]): Output<any> {
  return outputs.length === 1 ? (outputs[0] as Output<any>) : new SeveralOutputs(outputs)
}

async function namingOperator(description: OperatorDescription, action: () => Promise<void> | void): Promise<void> {
  try {
    await action()
  } catch (error) {
    const { code, kind, message, hint, details, stack } = asEngineError(error)
    const named = new EngineError(code, {
      kind,
      message: message.includes(`'${description.name}'`) ? message : `Operator '${description.name}': ${message}`,
      hint,
      details: { ...details, operatorId: description.id },
      cause: error,
    })
    if (stack !== undefined) named.stack = stack
    throw named
  }
}
