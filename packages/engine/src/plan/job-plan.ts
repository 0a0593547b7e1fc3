import { createHash } from 'node:crypto'
import type { JobGraph, TaskDescription } from '../runtime/task/task-description.ts'

/** An edge into a task, in the words of Flink's plan. */
export interface JobPlanInput {
  readonly num: number
  /** The vertex the records come from. */
  readonly id: string
  readonly ship_strategy: 'FORWARD' | 'REBALANCE' | 'HASH' | 'BROADCAST' | 'GLOBAL'
  readonly exchange: 'pipelined_bounded'
}

/** A task, in the words of Flink's plan. */
export interface JobPlanNode {
  /** 32 hex digits from the uid of the task's first operator: the same as long as that keeps it. */
  readonly id: string
  readonly parallelism: number
  readonly operator: string
  readonly operator_strategy: string
  /** The names of the chained operators. Plain text, as the application gives them. */
  readonly description: string
  /** Absent for sources. */
  readonly inputs?: readonly JobPlanInput[]
  readonly optimizer_properties: Readonly<Record<string, unknown>>
}

/** Flink's JSON of a job's plan, but for the `jid`, which whoever runs the job gives. */
export interface JobPlan {
  readonly name: string
  readonly type: 'STREAMING'
  /** By the number of their task in the graph. */
  readonly nodes: readonly JobPlanNode[]
}

/** The plan as it's shown. Source: Flink's REST API, `/jobs/:jobid/plan`. */
export function jobPlan(graph: JobGraph): JobPlan {
  const nodes = graph.tasks.map((task): JobPlanNode => {
    const inputs = inputsOf(graph, task)
    return {
      id: vertexId(task),
      parallelism: task.parallelism,
      operator: '',
      operator_strategy: '',
      description: task.name,
      ...(inputs.length === 0 ? {} : { inputs }),
      optimizer_properties: {},
    }
  })
  return { name: graph.name, type: 'STREAMING', nodes }
}

function inputsOf(graph: JobGraph, { index }: TaskDescription): JobPlanInput[] {
  return graph.edges
    .filter(({ targetTask }) => targetTask === index)
    .map(({ sourceTask, partitioner }, num) => ({
      num,
      id: vertexId(graph.tasks[sourceTask] as TaskDescription),
      ship_strategy: partitioner.kind.toUpperCase() as JobPlanInput['ship_strategy'],
      exchange: 'pipelined_bounded',
    }))
}

function vertexId(task: TaskDescription): string {
  const head = task.operators[0]?.id ?? task.name
  return createHash('sha256').update(head).digest('hex').slice(0, 32)
}
