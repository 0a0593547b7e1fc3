import { backPressure } from './back-pressure.ts'
import { checkpoint, checkpointConfig, checkpointSubtasks, checkpoints } from './checkpoints.ts'
import { dashboardConfig, overview } from './cluster.ts'
import { cancel, stop, triggerCheckpoint, triggerSavepoint, triggerStatus } from './control.ts'
import { exceptions } from './exceptions.ts'
import type { FlinkHandler } from './flink-request.ts'
import { indexPage } from './index-page.ts'
import {
  jobManagerConfig,
  jobManagerEnvironment,
  jobManagerLog,
  jobManagerLogs,
  jobManagerMetrics,
  taskManagerLog,
  taskManagerLogs,
} from './job-manager.ts'
import { jobAccumulators, jobConfig, jobDetails, jobStatus, jobs, jobsOverview, plan } from './jobs.ts'
import {
  coordinatorMetrics,
  jobMetrics,
  jobsMetrics,
  subtaskMetrics,
  subtasksMetrics,
  vertexMetrics,
} from './metrics.ts'
import { changeResourceRequirements, resourceRequirements } from './resource-requirements.ts'
import { taskManager, taskManagerMetrics, taskManagers } from './task-manager.ts'
import {
  subtaskAccumulators,
  subtaskTimesOfVertex,
  vertex,
  vertexAccumulators,
  vertexTaskManagers,
  watermarks,
} from './vertices.ts'

/** What a request does, for access control. */
export type FlinkAction = 'millrace:ReadMonitoring' | 'millrace:ControlJob'

export interface FlinkRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT'
  /** `:x` stands for one segment of a path. */
  readonly path: string
  readonly action: FlinkAction
  readonly handle: FlinkHandler
}

const read = (path: string, handle: FlinkHandler): FlinkRoute => {
  return { method: 'GET', path, action: 'millrace:ReadMonitoring', handle }
}
const control = (method: FlinkRoute['method'], path: string, handle: FlinkHandler): FlinkRoute => {
  return { method, path, action: 'millrace:ControlJob', handle }
}

const job = '/jobs/:jobid'
const inVertex = `${job}/vertices/:vertexid`
const inTaskManager = '/taskmanagers/:taskmanagerid'

/** All that is answered; the first that fits counts. */
export const routes: readonly FlinkRoute[] = [
  read('/', indexPage),
  read('/overview', overview),
  read('/config', dashboardConfig),
  read('/jobs', jobs),
  read('/jobs/overview', jobsOverview),
  read('/jobs/metrics', jobsMetrics),
  read(job, jobDetails),
  control('PATCH', job, cancel),
  read(`${job}/plan`, plan),
  read(`${job}/config`, jobConfig),
  read(`${job}/status`, jobStatus),
  read(`${job}/exceptions`, exceptions),
  read(`${job}/accumulators`, jobAccumulators),
  read(`${job}/metrics`, jobMetrics),
  read(`${job}/checkpoints`, checkpoints),
  control('POST', `${job}/checkpoints`, triggerCheckpoint),
  read(`${job}/checkpoints/config`, checkpointConfig),
  read(`${job}/checkpoints/details/:checkpointid`, checkpoint),
  read(`${job}/checkpoints/details/:checkpointid/subtasks/:vertexid`, checkpointSubtasks),
  read(`${job}/checkpoints/:triggerid`, triggerStatus),
  control('POST', `${job}/savepoints`, triggerSavepoint),
  read(`${job}/savepoints/:triggerid`, triggerStatus),
  control('POST', `${job}/stop`, stop),
  read(`${job}/resource-requirements`, resourceRequirements),
  control('PUT', `${job}/resource-requirements`, changeResourceRequirements),
  read(inVertex, vertex),
  read(`${inVertex}/backpressure`, backPressure),
  read(`${inVertex}/metrics`, vertexMetrics),
  read(`${inVertex}/jm-operator-metrics`, coordinatorMetrics),
  read(`${inVertex}/subtasks/metrics`, subtasksMetrics),
  read(`${inVertex}/subtasks/accumulators`, subtaskAccumulators),
  read(`${inVertex}/subtasks/:subtaskindex/metrics`, subtaskMetrics),
  read(`${inVertex}/subtasktimes`, subtaskTimesOfVertex),
  read(`${inVertex}/taskmanagers`, vertexTaskManagers),
  read(`${inVertex}/watermarks`, watermarks),
  read(`${inVertex}/accumulators`, vertexAccumulators),
  read('/jobmanager/config', jobManagerConfig),
  read('/jobmanager/metrics', jobManagerMetrics),
  read('/jobmanager/environment', jobManagerEnvironment),
  read('/jobmanager/logs', jobManagerLogs),
  read('/jobmanager/logs/:filename', jobManagerLog),
  read('/jobmanager/log', jobManagerLog),
  read('/taskmanagers', taskManagers),
  read(inTaskManager, taskManager),
  read(`${inTaskManager}/metrics`, taskManagerMetrics),
  read(`${inTaskManager}/logs`, taskManagerLogs),
  read(`${inTaskManager}/logs/:filename`, taskManagerLog),
  read(`${inTaskManager}/log`, taskManagerLog),
]

/** A route and the values of its parameters. */
export interface FoundRoute {
  readonly route: FlinkRoute
  readonly parameters: readonly string[]
}

const compiled = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(/:[a-z]+/g, '([^/]+)')}$`),
}))

/** `path`: below `…/flink`, without a query; `/v1` before it means the same. Undefined: there is none. */
export function findRoute(method: string, path: string): FoundRoute | undefined {
  const plain = path.replace(/^\/v1(?=\/)/, '')
  for (const { route, pattern } of compiled) {
    if (route.method !== method) continue
    const found = pattern.exec(plain)
    if (found !== null) return { route, parameters: found.slice(1) }
  }
  return undefined
}
