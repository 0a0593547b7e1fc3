import type { Clock } from '../../common/clock.ts'
import type { SubtaskId } from '../../runtime/task/messages.ts'
import type { JobGraph } from '../../runtime/task/task-description.ts'

/** A subtask's states, in Flink's words. The last three are final. */
export type ExecutionState =
  | 'CREATED'
  | 'DEPLOYING'
  | 'INITIALIZING'
  | 'RUNNING'
  | 'CANCELING'
  | 'FINISHED'
  | 'CANCELED'
  | 'FAILED'

/** One subtask in the present attempt. */
export interface SubtaskExecution {
  readonly subtask: number
  /** From 1. */
  readonly attempt: number
  readonly state: ExecutionState
  /** When it came into its states, epoch ms. */
  readonly timestamps: Readonly<Partial<Record<ExecutionState, number>>>
}

const final: readonly ExecutionState[] = ['FINISHED', 'CANCELED', 'FAILED']

/** What state each subtask is in, and since when. */
export class SubtaskExecutions {
  readonly #graph: JobGraph
  readonly #clock: Clock
  #tasks: SubtaskExecution[][] = []

  constructor(graph: JobGraph, clock: Clock) {
    this.#graph = graph
    this.#clock = clock
    this.begin(1)
  }

  /** A new attempt: all subtasks are made anew. */
  begin(attempt: number): void {
    const nowMs = this.#clock.now()
    this.#tasks = this.#graph.tasks.map(({ parallelism }) =>
      Array.from({ length: parallelism }, (_, subtask) => ({
        subtask,
        attempt,
        state: 'CREATED' as const,
        timestamps: { CREATED: nowMs },
      })),
    )
  }

  /** All that haven't ended go into the state. */
  allTo(state: ExecutionState): void {
    for (const [task, executions] of this.#tasks.entries()) {
      for (const { subtask } of executions) this.to({ task, subtask }, state)
    }
  }

  /** One that has ended stays so. */
  to({ task, subtask }: SubtaskId, state: ExecutionState): void {
    const executions = this.#tasks[task]
    const execution = executions?.[subtask]
    if (executions === undefined || execution === undefined || final.includes(execution.state)) return
    const timestamps = { ...execution.timestamps, [state]: this.#clock.now() }
    executions[subtask] = { ...execution, state, timestamps }
  }

  /** By task, in the order of the graph. */
  get tasks(): readonly (readonly SubtaskExecution[])[] {
    return this.#tasks.map((executions) => [...executions])
  }
}
