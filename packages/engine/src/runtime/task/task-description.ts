import type { Source } from '../../spi/source.ts'
import type { Operator, OperatorContext } from '../operators/operator.ts'
import type { SourceCoordinatorGateway, SourceOperator } from '../source/source-operator.ts'
import type { PartitionerDescription } from './partitioner-description.ts'

/** Where an operator's records of one output go: on in the chain, or over an edge. `tag` undefined is the main output. */
export interface OutputTarget {
  readonly tag: string | undefined
  readonly to:
    | { readonly kind: 'chained'; readonly operator: number }
    | { readonly kind: 'edge'; readonly edge: number }
}

/** How a subtask makes its instance of an operator. */
export type OperatorFactory =
  | { readonly kind: 'operator'; create(context: OperatorContext): Operator }
  | {
      readonly kind: 'source'
      readonly source: Source<any>
      create(context: OperatorContext, gateway: SourceCoordinatorGateway): SourceOperator<any>
    }

export interface OperatorDescription {
  /** The uid, or an id from the position in the graph. State belongs to it. */
  readonly id: string
  readonly name: string
  readonly hasUid: boolean
  readonly stateful: boolean
  readonly factory: OperatorFactory
  readonly outputs: readonly OutputTarget[]
}

/** Where an operator stands on a record's road: reads it first, sees it last, or in between. */
export type OperatorRole = 'source' | 'operator' | 'sink'

/** A sink is what hands no record on. */
export function operatorRole({ factory, outputs }: OperatorDescription): OperatorRole {
  if (factory.kind === 'source') return 'source'
  return outputs.length === 0 ? 'sink' : 'operator'
}

/** A chain of operators that run as one: operators[0] is its head, each later one is fed by an earlier one. */
export interface TaskDescription {
  readonly index: number
  readonly name: string
  readonly parallelism: number
  readonly operators: readonly OperatorDescription[]
}

/** Records from one task to another. */
export interface EdgeDescription {
  readonly index: number
  readonly sourceTask: number
  readonly targetTask: number
  readonly partitioner: PartitionerDescription
}

/** A job as the runtime executes it. Every thread derives the same one from the application; `hash` proves it. */
export interface JobGraph {
  readonly name: string
  readonly maxParallelism: number
  /** Structure, names, uids, parallelism; not the text of functions. */
  readonly hash: string
  readonly tasks: readonly TaskDescription[]
  readonly edges: readonly EdgeDescription[]
}

/** One channel of an edge: producer subtask to consumer subtask. Ids number all channels of a job. */
export interface ChannelDescription {
  readonly id: number
  readonly edge: number
  readonly sourceSubtask: number
  readonly targetSubtask: number
}

/** The channels of a job in a fixed order: the same on every thread. Forward edges connect equal indices only. */
export function channelsOf(graph: JobGraph): readonly ChannelDescription[] {
  const channels: ChannelDescription[] = []
  for (const edge of graph.edges) {
    const sources = graph.tasks[edge.sourceTask]?.parallelism ?? 0
    const targets = graph.tasks[edge.targetTask]?.parallelism ?? 0
    for (let sourceSubtask = 0; sourceSubtask < sources; sourceSubtask++) {
      for (let targetSubtask = 0; targetSubtask < targets; targetSubtask++) {
        if (edge.partitioner.kind === 'forward' && sourceSubtask !== targetSubtask) continue
        channels.push({ id: channels.length, edge: edge.index, sourceSubtask, targetSubtask })
      }
    }
  }
  return channels
}

/** The thread a subtask runs on. Equal indices share a thread, so a forward edge never crosses one. */
export function threadOf(subtaskIndex: number, threads: number): number {
  return subtaskIndex % threads
}
