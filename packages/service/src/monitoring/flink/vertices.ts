import type { SubtaskExecution } from '@millrace/engine/host'
import { type FlinkJob, type FlinkVertex, requestedJob, requestedVertex } from './flink-job.ts'
import type { FlinkHandler, FlinkRequest } from './flink-request.ts'
import { ioMetricsOf, subtaskFigures } from './io-metrics.ts'
import { host, taskManagerId } from './task-manager.ts'
import { executionStates, stateDurations, subtaskTimes, vertexTimes } from './vertex-times.ts'

/** `/jobs/:jobid/vertices/:vertexid` */
export const vertex: FlinkHandler = async (request) => {
  const { job, vertex, base } = await requested(request)
  const figures = await subtaskFigures(job)
  const ofSubtask = ({ subtask }: SubtaskExecution) => figures(vertex.task, subtask)
  const { subtasks } = vertex.details
  const all = ioMetricsOf(subtasks.map(ofSubtask))
  return {
    json: {
      ...base,
      parallelism: vertex.details.parallelism,
      maxParallelism: job.details?.maxParallelism ?? -1,
      subtasks: subtasks.map((subtask) => ({
        ...describeSubtask(job, subtask),
        metrics: ioMetricsOf([ofSubtask(subtask)]),
      })),
      aggregated: { metrics: all },
    },
  }
}

/** `/jobs/:jobid/vertices/:vertexid/subtasktimes` */
export const subtaskTimesOfVertex: FlinkHandler = async (request) => {
  const { job, vertex, base } = await requested(request)
  const subtasks = vertex.details.subtasks.map((execution) => ({
    subtask: execution.subtask,
    host,
    endpoint: host,
    duration: subtaskTimes(execution, job.nowMs).durationMs,
    timestamps: Object.fromEntries(executionStates.map((state) => [state, timestampOf(execution, state)])),
  }))
  return { json: { ...base, subtasks } }
}

/** `/jobs/:jobid/vertices/:vertexid/taskmanagers`: all subtasks run in the one process. */
export const vertexTaskManagers: FlinkHandler = async (request) => {
  const { job, vertex, base } = await requested(request)
  const figures = await subtaskFigures(job)
  const { subtasks } = vertex.details
  const { state, startMs, endMs, durationMs } = vertexTimes(vertex, job.nowMs)
  const count = (name: string): number => subtasks.filter((subtask) => subtask.state === name).length
  const taskManager = {
    host,
    endpoint: host,
    status: state,
    'start-time': startMs,
    'end-time': endMs,
    duration: durationMs,
    metrics: ioMetricsOf(subtasks.map(({ subtask }) => figures(vertex.task, subtask))),
    'status-counts': Object.fromEntries(executionStates.map((name) => [name, count(name)])),
    'taskmanager-id': taskManagerId(job),
  }
  return { json: { ...base, taskmanagers: subtasks.length === 0 ? [] : [taskManager] } }
}

/** `/jobs/:jobid/vertices/:vertexid/watermarks` */
export const watermarks: FlinkHandler = async (request) => {
  const { job, vertex } = await requested(request)
  const figures = await subtaskFigures(job)
  const json = vertex.details.subtasks.flatMap(({ subtask }) => {
    const value = figures(vertex.task, subtask)['currentInputWatermark'] ?? undefined
    return value === undefined ? [] : [{ id: `${subtask}.currentInputWatermark`, value: String(value) }]
  })
  return { json }
}

/** `/jobs/:jobid/vertices/:vertexid/accumulators` */
export const vertexAccumulators: FlinkHandler = async (request) => {
  const { vertex } = await requested(request)
  return { json: { id: vertex.node.id, 'user-accumulators': [] } }
}

/** `/jobs/:jobid/vertices/:vertexid/subtasks/accumulators` */
export const subtaskAccumulators: FlinkHandler = async (request) => {
  const { vertex } = await requested(request)
  const subtasks = vertex.details.subtasks.map(({ subtask, attempt }) => ({
    subtask,
    attempt: attempt - 1,
    host,
    endpoint: host,
    'user-accumulators': [],
  }))
  return { json: { id: vertex.node.id, parallelism: vertex.details.parallelism, subtasks } }
}

/** Fields of every answer about a vertex. */
async function requested(request: FlinkRequest): Promise<{ job: FlinkJob; vertex: FlinkVertex; base: object }> {
  const job = await requestedJob(request)
  const vertex = requestedVertex(job, request)
  return { job, vertex, base: { id: vertex.node.id, name: vertex.details.name, now: job.nowMs } }
}

function describeSubtask(job: FlinkJob, execution: SubtaskExecution) {
  const { startMs, endMs, durationMs } = subtaskTimes(execution, job.nowMs)
  return {
    subtask: execution.subtask,
    status: execution.state,
    // Flink counts from 0.
    attempt: execution.attempt - 1,
    host,
    endpoint: host,
    'start-time': startMs,
    'end-time': endMs,
    duration: durationMs,
    'taskmanager-id': taskManagerId(job),
    'status-duration': stateDurations(execution, job.nowMs),
    start_time: startMs,
  }
}

function timestampOf({ timestamps }: SubtaskExecution, state: string): number {
  return (timestamps as Readonly<Record<string, number | undefined>>)[state] ?? 0
}
