import type { PartitionerDescription } from '../runtime/task/partitioner-description.ts'
import type { OperatorFactory } from '../runtime/task/task-description.ts'

/** Records that a node takes: from a node's main output, or one of its side outputs. */
export interface StreamInput {
  readonly node: StreamNode
  readonly tag: string | undefined
  readonly partitioner: PartitionerDescription
}

/** One declared operator. Name, uid and parallelism may still change until the graph is compiled. */
export interface StreamNode {
  /** Position of the declaration. */
  readonly index: number
  readonly kind: 'source' | 'operator' | 'sink'
  name: string
  uid: string | undefined
  parallelism: number | undefined
  readonly stateful: boolean
  readonly inputs: readonly StreamInput[]
  readonly factory: OperatorFactory
}

/** What a program has declared, in the order of its declarations: each node comes after its inputs. */
export class StreamGraph {
  readonly nodes: StreamNode[] = []

  add(node: Omit<StreamNode, 'index' | 'uid' | 'parallelism'>): StreamNode {
    const added: StreamNode = { ...node, index: this.nodes.length, uid: undefined, parallelism: undefined }
    this.nodes.push(added)
    return added
  }
}
