import { createHash } from 'node:crypto'
import { EngineError } from '../common/errors.ts'
import type { PartitionerDescription } from '../runtime/task/partitioner-description.ts'
import type { EdgeDescription, JobGraph, OperatorDescription, OutputTarget } from '../runtime/task/task-description.ts'
import type { StreamGraph, StreamInput, StreamNode } from './stream-graph.ts'

export interface CompileSettings {
  readonly name: string
  /** Of every operator that doesn't say otherwise. */
  readonly parallelism: number
  readonly maxParallelism: number
}

/**
 * Turns what a program declared into tasks: operators of equal parallelism on a forward edge become one chain (rule JN-8).
 * Errors: `GRAPH_EMPTY`, `GRAPH_WITHOUT_SINK`, `UID_DUPLICATE`, `PARALLELISM_INVALID`, all `invalid`.
 */
export function compile(graph: StreamGraph, settings: CompileSettings): JobGraph {
  check(graph, settings)
  const chains = assignChains(graph, settings)
  const edges: EdgeDescription[] = []
  const outputs = new Map<StreamNode, OutputTarget[]>(graph.nodes.map((node) => [node, []]))
  for (const node of graph.nodes) {
    const own = chains.of(node)
    for (const input of node.inputs) {
      const from = chains.of(input.node)
      const targets = outputs.get(input.node) as OutputTarget[]
      if (from.task === own.task) {
        targets.push({ tag: input.tag, to: { kind: 'chained', operator: own.position } })
        continue
      }
      const partitioner = settlePartitioner(input, node, settings)
      targets.push({ tag: input.tag, to: { kind: 'edge', edge: edges.length } })
      edges.push({ index: edges.length, sourceTask: from.task, targetTask: own.task, partitioner })
    }
  }
  const tasks = chains.tasks.map((nodes, index) => ({
    index,
    name: nodes.map((node) => node.name).join(' -> '),
    parallelism: parallelismOf(nodes[0] as StreamNode, settings),
    operators: nodes.map((node) => describeOperator(node, outputs.get(node) as OutputTarget[])),
  }))
  const { name, maxParallelism } = settings
  return { name, maxParallelism, hash: hashOf(graph, settings), tasks, edges }
}

function describeOperator(node: StreamNode, outputs: readonly OutputTarget[]): OperatorDescription {
  const { name, stateful, factory } = node
  return { id: operatorId(node), name, hasUid: node.uid !== undefined, stateful, factory, outputs }
}

/** The uid, or the position of the declaration: any edit of the program before it may then change it. */
function operatorId(node: StreamNode): string {
  return node.uid ?? `operator-${node.index}`
}

function parallelismOf(node: StreamNode, settings: CompileSettings): number {
  return node.parallelism ?? settings.parallelism
}

/** A forward edge between unequal parallelism spreads the records evenly instead, as in Flink. */
function settlePartitioner(input: StreamInput, node: StreamNode, settings: CompileSettings): PartitionerDescription {
  const { partitioner } = input
  if (partitioner.kind === 'hash') return { ...partitioner, operator: node.name }
  if (partitioner.kind !== 'forward') return partitioner
  return parallelismOf(input.node, settings) === parallelismOf(node, settings) ? partitioner : { kind: 'rebalance' }
}

interface Chains {
  /** The nodes of each task, head first. */
  readonly tasks: readonly (readonly StreamNode[])[]
  of(node: StreamNode): { readonly task: number; readonly position: number }
}

function assignChains(graph: StreamGraph, settings: CompileSettings): Chains {
  const tasks: StreamNode[][] = []
  const taskOf = new Map<StreamNode, number>()
  for (const node of graph.nodes) {
    const upstream = chainableInput(node, settings)
    const task = upstream === undefined ? tasks.length : (taskOf.get(upstream.node) as number)
    taskOf.set(node, task)
    const nodes = tasks[task] ?? []
    tasks[task] = nodes
    nodes.push(node)
  }
  return {
    tasks,
    of(node) {
      const task = taskOf.get(node) as number
      return { task, position: (tasks[task] as StreamNode[]).indexOf(node) }
    },
  }
}

/** The only input of a node, when the node can run in the same chain. */
function chainableInput(node: StreamNode, settings: CompileSettings): StreamInput | undefined {
  const [input, ...others] = node.inputs
  if (input === undefined || others.length > 0 || input.partitioner.kind !== 'forward') return undefined
  return parallelismOf(input.node, settings) === parallelismOf(node, settings) ? input : undefined
}

function check(graph: StreamGraph, settings: CompileSettings): void {
  if (graph.nodes.length === 0) {
    throw new EngineError('GRAPH_EMPTY', {
      kind: 'invalid',
      message: `The application '${settings.name}' declares nothing.`,
      hint: 'Start with env.fromSource(…) or env.fromCollection(…) and end in sinkTo(…).',
    })
  }
  if (!graph.nodes.some((node) => node.kind === 'sink')) {
    throw new EngineError('GRAPH_WITHOUT_SINK', {
      kind: 'invalid',
      message: `The application '${settings.name}' has no sink: nothing would leave it.`,
      hint: 'End a stream in sinkTo(…) or print().',
    })
  }
  const seen = new Map<string, StreamNode>()
  for (const node of graph.nodes) {
    const id = operatorId(node)
    const other = seen.get(id)
    if (other !== undefined) {
      throw new EngineError('UID_DUPLICATE', {
        kind: 'invalid',
        message: `Two operators have the uid '${id}': '${other.name}' and '${node.name}'.`,
        hint: 'State belongs to a uid: give each operator one of its own.',
        details: { uid: id },
      })
    }
    seen.set(id, node)
    const parallelism = parallelismOf(node, settings)
    if (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > settings.maxParallelism) {
      throw new EngineError('PARALLELISM_INVALID', {
        kind: 'invalid',
        message: `Operator '${node.name}' has parallelism ${parallelism}; it must be 1 to ${settings.maxParallelism} (maxParallelism).`,
        details: { operator: node.name, parallelism, maxParallelism: settings.maxParallelism },
      })
    }
  }
}

/** Structure, names, uids and parallelism: what all threads, and a savepoint's reader, must agree on. */
function hashOf(graph: StreamGraph, settings: CompileSettings): string {
  const shape = graph.nodes.map((node) => ({
    id: operatorId(node),
    name: node.name,
    kind: node.kind,
    parallelism: parallelismOf(node, settings),
    inputs: node.inputs.map((input) => [operatorId(input.node), input.tag ?? null, input.partitioner.kind]),
  }))
  return createHash('sha256')
    .update(JSON.stringify([settings.maxParallelism, shape]))
    .digest('hex')
    .slice(0, 32)
}
