import type { ExecutionState } from '@millrace/engine/host'
import { parallelismOf } from '../../applications/application-record.ts'
import { type FlinkJob, type FlinkVertex, jobStates, newestJob, requestedJob } from './flink-job.ts'
import type { FlinkHandler } from './flink-request.ts'
import { ioMetricsOf, type SubtaskFigures, subtaskFigures } from './io-metrics.ts'
import { executionStates, vertexTimes } from './vertex-times.ts'

/** `/jobs`: the newest job, running or not. */
export const jobs: FlinkHandler = async (request) => {
  const job = await newestJob(request)
  return { json: { jobs: job === undefined ? [] : [{ id: job.id, status: job.state }] } }
}

/** `/jobs/overview` */
export const jobsOverview: FlinkHandler = async (request) => {
  const job = await newestJob(request)
  return { json: { jobs: job === undefined ? [] : [summary(job)] } }
}

/** `/jobs/:jobid` */
export const jobDetails: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  return { json: describeJob(job, await subtaskFigures(job)) }
}

/** A job with its vertices. */
export function describeJob(job: FlinkJob, figures: SubtaskFigures) {
  const { id, name, state, startMs, endMs, durationMs, nowMs, details, vertices } = job
  return {
    jid: id,
    name,
    isStoppable: false,
    state,
    'start-time': startMs,
    'end-time': endMs,
    duration: durationMs,
    maxParallelism: details?.maxParallelism ?? -1,
    now: nowMs,
    timestamps: timestampsOf(job),
    'job-type': 'STREAMING',
    vertices: vertices.map((vertex) => describeVertex(job, vertex, figures)),
    'status-counts': countsByState(vertices.map((vertex) => vertexTimes(vertex, nowMs).state)),
    'pending-operators': 0,
    plan: planOf(job),
  }
}

/** `/jobs/:jobid/status` */
export const jobStatus: FlinkHandler = async (request) => ({ json: { status: (await requestedJob(request)).state } })

/** `/jobs/:jobid/plan` */
export const plan: FlinkHandler = async (request) => ({ json: { plan: planOf(await requestedJob(request)) } })

/** `/jobs/:jobid/config` */
export const jobConfig: FlinkHandler = async (request) => {
  const { id, name, details } = await requestedJob(request)
  return {
    json: {
      jid: id,
      name,
      'execution-config': {
        'execution-mode': 'PIPELINED',
        'restart-strategy': details === undefined ? 'unknown' : restartStrategyText(details.restartStrategy),
        'job-parallelism': parallelismOf(request.application),
        'object-reuse-mode': false,
        'user-config': {},
      },
    },
  }
}

/** `/jobs/:jobid/accumulators`: there are none, metrics take their place. */
export const jobAccumulators: FlinkHandler = async (request) => {
  await requestedJob(request)
  const none = { 'job-accumulators': [], 'user-task-accumulators': [], 'serialized-user-task-accumulators': {} }
  return { json: none }
}

function planOf({ id, name, vertices }: FlinkJob) {
  return { jid: id, name, type: 'STREAMING', nodes: vertices.map(({ node }) => node) }
}

function summary(job: FlinkJob) {
  const { id, name, state, startMs, endMs, durationMs, vertices } = job
  const states = vertices.flatMap(({ details }) => details.subtasks.map((subtask) => subtask.state))
  const counts = countsByState(states)
  const tasks = Object.entries(counts).map(([name, count]) => [name.toLowerCase(), count])
  return {
    jid: id,
    name,
    state,
    'start-time': startMs,
    'end-time': endMs,
    duration: durationMs,
    'last-modification': Math.max(startMs, ...Object.values(timestampsOf(job))),
    tasks: { total: states.length, ...Object.fromEntries(tasks) },
    'pending-operators': 0,
  }
}

/** When it last came into each state; 0: never. */
function timestampsOf({ details, state, endMs }: FlinkJob): Record<string, number> {
  const { STOPPED, ...told } = details?.timestamps ?? {}
  const finished = STOPPED === undefined ? {} : { FINISHED: STOPPED }
  const none = Object.fromEntries(jobStates.map((name) => [name, 0]))
  const all: Record<string, number> = { ...none, ...told, ...finished }
  if (endMs !== -1 && all[state] === 0) all[state] = endMs
  return all
}

function describeVertex({ id: _, nowMs, details: job }: FlinkJob, vertex: FlinkVertex, figures: SubtaskFigures) {
  const { node, details, task } = vertex
  const { state, startMs, endMs, durationMs } = vertexTimes(vertex, nowMs)
  return {
    id: node.id,
    slotSharingGroupId: sharedSlots,
    name: details.name,
    maxParallelism: job?.maxParallelism ?? -1,
    parallelism: details.parallelism,
    status: state,
    'start-time': startMs,
    'end-time': endMs,
    duration: durationMs,
    tasks: countsByState(details.subtasks.map((subtask) => subtask.state)),
    metrics: ioMetricsOf(details.subtasks.map(({ subtask }) => figures(task, subtask))),
  }
}

/** Subtasks of equal number share a thread, as those of one slot sharing group do. */
const sharedSlots = '0'.repeat(32)

function countsByState(states: readonly ExecutionState[]): Record<string, number> {
  const count = (name: string): number => states.filter((state) => state === name).length
  return Object.fromEntries(executionStates.map((name) => [name, count(name)]))
}

type RestartStrategy = NonNullable<FlinkJob['details']>['restartStrategy']

function restartStrategyText(strategy: RestartStrategy): string {
  switch (strategy.kind) {
    case 'none':
      return 'Restart deactivated.'
    case 'fixed-delay':
      return `Restart with fixed delay (${strategy.delayMs} ms). #${strategy.attempts} restart attempts.`
    case 'failure-rate':
      return (
        `Failure rate restart with maximum of ${strategy.maxFailuresPerInterval} failures within interval ` +
        `${strategy.intervalMs} ms and fixed delay ${strategy.delayMs} ms.`
      )
    case 'exponential-delay':
      return (
        `Restart with exponential delay: starting at ${strategy.initialDelayMs} ms, increasing by ` +
        `${strategy.multiplier}, with maximum ${strategy.maxDelayMs} ms.`
      )
  }
}
