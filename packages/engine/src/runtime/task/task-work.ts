import type { JobGraph } from './task-description.ts'

/** How much of a thread's time went into which task, all its subtasks there together. */
export class TaskWork {
  readonly #graph: JobGraph
  /** By task, monotonic ms. */
  readonly #workedMs: Float64Array

  constructor(graph: JobGraph) {
    this.#graph = graph
    this.#workedMs = new Float64Array(graph.tasks.length)
  }

  worked(task: number, ms: number): void {
    this.#workedMs[task] = (this.#workedMs[task] as number) + ms
  }

  /** Reads the time that went into all tasks downstream of one. */
  downstreamOf(task: number): () => number {
    const tasks = [...downstream(this.#graph, task)]
    const workedMs = this.#workedMs
    return () => {
      let sum = 0
      for (let i = 0; i < tasks.length; i++) sum += workedMs[tasks[i] as number] as number
      return sum
    }
  }
}

function downstream(graph: JobGraph, task: number, found = new Set<number>()): Set<number> {
  for (const { sourceTask, targetTask } of graph.edges) {
    if (sourceTask !== task || found.has(targetTask)) continue
    found.add(targetTask)
    downstream(graph, targetTask, found)
  }
  return found
}
