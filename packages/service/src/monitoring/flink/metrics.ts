import type { MetricsEvent } from '../../launchers/index.ts'
import { badRequest } from './flink-error.ts'
import { type FlinkVertex, newestJob, requestedJob, requestedVertex } from './flink-job.ts'
import type { FlinkHandler } from './flink-request.ts'
import type { Figures } from './io-metrics.ts'
import { aggregateMetrics, answerMetrics } from './metric-list.ts'

/** `/jobs/:jobid/metrics?get=` */
export const jobMetrics: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  return { json: answerMetrics(jobFigures(await job.inspection.metrics()), request.query) }
}

/** `/jobs/metrics?get=&agg=` */
export const jobsMetrics: FlinkHandler = async (request) => {
  const metrics = await (await newestJob(request))?.inspection.metrics()
  return { json: aggregateMetrics(metrics === undefined ? [] : [jobFigures(metrics)], request.query) }
}

/** `/jobs/:jobid/vertices/:vertexid/metrics?get=`: names begin with the subtask's number. */
export const vertexMetrics: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  const vertex = requestedVertex(job, request)
  const metrics = await job.inspection.metrics()
  const figures = vertex.details.subtasks.flatMap(({ subtask }) =>
    Object.entries(figuresOf(metrics, vertex, subtask)).map(([name, value]) => [`${subtask}.${name}`, value] as const),
  )
  return { json: answerMetrics(Object.fromEntries(figures), request.query) }
}

/** `/jobs/:jobid/vertices/:vertexid/subtasks/metrics?get=&agg=&subtasks=`: over the subtasks. */
export const subtasksMetrics: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  const vertex = requestedVertex(job, request)
  const metrics = await job.inspection.metrics()
  const chosen = chosenSubtasks(request.query.get('subtasks'))
  const scopes = vertex.details.subtasks
    .filter(({ subtask }) => chosen(subtask))
    .map(({ subtask }) => figuresOf(metrics, vertex, subtask))
  return { json: aggregateMetrics(scopes, request.query) }
}

/** `/jobs/:jobid/vertices/:vertexid/subtasks/:subtaskindex/metrics?get=` */
export const subtaskMetrics: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  const vertex = requestedVertex(job, request)
  const figures = figuresOf(await job.inspection.metrics(), vertex, Number(request.path[2]))
  return { json: answerMetrics(figures, request.query) }
}

/** `/jobs/:jobid/vertices/:vertexid/jm-operator-metrics?get=`: of a source's split enumerator. */
export const coordinatorMetrics: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  const vertex = requestedVertex(job, request)
  return { json: answerMetrics(figuresOf(await job.inspection.metrics(), vertex, -1), request.query) }
}

function jobFigures(metrics: MetricsEvent | undefined): Figures {
  if (metrics === undefined) return {}
  return { numRestarts: metrics.restarts, fullRestarts: metrics.restarts, uptime: metrics.uptimeMs, ...metrics.job }
}

/** The subtask's own, and those of its operators below their names. */
function figuresOf(metrics: MetricsEvent | undefined, { task }: FlinkVertex, subtask: number): Figures {
  const here = (line: { readonly task: number; readonly subtask: number }): boolean =>
    line.task === task && line.subtask === subtask
  const own = (metrics?.tasks ?? []).filter(here).flatMap(({ values }) => Object.entries(values))
  const operators = (metrics?.operators ?? []).filter(here).flatMap(({ operatorName, values }) => {
    const scope = operatorName.replaceAll(/[\s.:,]/g, '_')
    return Object.entries(values).map(([name, value]) => [`${scope}.${name}`, value] as const)
  })
  return Object.fromEntries([...own, ...operators])
}

/** `0,3-5`; all unless given. */
function chosenSubtasks(text: string | null): (subtask: number) => boolean {
  if (text === null || text === '') return () => true
  const ranges = text.split(',').map((part) => {
    const [, from, to] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part) ?? []
    if (from === undefined) throw badRequest(`Cannot resolve query parameter (subtasks) from value "${part}".`)
    return { from: Number(from), to: Number(to ?? from) }
  })
  return (subtask) => ranges.some(({ from, to }) => subtask >= from && subtask <= to)
}
