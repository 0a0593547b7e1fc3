import type { ExecutionState, SubtaskExecution } from '@millrace/engine/host'
import { type FlinkVertex, isEnded } from './flink-job.ts'

/** A subtask's states as Flink lists them. */
export const executionStates = [
  'CREATED',
  'SCHEDULED',
  'DEPLOYING',
  'INITIALIZING',
  'RUNNING',
  'CANCELING',
  'CANCELED',
  'FINISHED',
  'FAILED',
  'RECONCILING',
] as const

/** Since when and until when something ran; -1: not yet. */
export interface Times {
  readonly startMs: number
  readonly endMs: number
  readonly durationMs: number
}

export function subtaskTimes(execution: SubtaskExecution, nowMs: number): Times {
  const { DEPLOYING: startMs = -1 } = execution.timestamps
  const endMs = isEnded(execution) ? (execution.timestamps[execution.state] ?? -1) : -1
  return { startMs, endMs, durationMs: startMs === -1 ? -1 : (endMs === -1 ? nowMs : endMs) - startMs }
}

/** Of all subtasks of a vertex: from the first that started to the last that ended. */
export function vertexTimes({ details }: FlinkVertex, nowMs: number): Times & { readonly state: ExecutionState } {
  const times = details.subtasks.map((subtask) => subtaskTimes(subtask, nowMs))
  const starts = times.map(({ startMs }) => startMs).filter((startMs) => startMs !== -1)
  const startMs = starts.length === 0 ? -1 : Math.min(...starts)
  const allEnded = details.subtasks.every(isEnded)
  const endMs = allEnded ? Math.max(-1, ...times.map((one) => one.endMs)) : -1
  const durationMs = startMs === -1 ? -1 : (endMs === -1 ? nowMs : endMs) - startMs
  return { startMs, endMs, durationMs, state: aggregate(details.subtasks.map(({ state }) => state)) }
}

/** How long it was in each of its states until now or its end; Flink's `status-duration`. */
export function stateDurations({ timestamps }: SubtaskExecution, nowMs: number): Record<string, number> {
  const entered = Object.entries(timestamps).sort(([, a], [, b]) => a - b)
  const durations: Record<string, number> = {}
  for (const name of ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING', 'RUNNING']) durations[name] = -1
  for (const [i, [name, atMs]] of entered.entries()) {
    if (Object.hasOwn(durations, name)) durations[name] = (entered[i + 1]?.[1] ?? nowMs) - atMs
  }
  return durations
}

/** The worst of the subtasks' states: a vertex runs when none is behind, and has ended when all have. */
function aggregate(states: readonly ExecutionState[]): ExecutionState {
  for (const state of ['FAILED', 'CANCELING', 'CANCELED'] as const) if (states.includes(state)) return state
  if (states.length > 0 && states.every((state) => state === 'FINISHED')) return 'FINISHED'
  for (const state of ['CREATED', 'DEPLOYING', 'INITIALIZING'] as const) if (states.includes(state)) return state
  return states.length === 0 ? 'CREATED' : 'RUNNING'
}
