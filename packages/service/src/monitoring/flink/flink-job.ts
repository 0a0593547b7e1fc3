import type { ExceptionEntry, JobDetails, JobPlanNode, JobTaskDetails, SubtaskExecution } from '@millrace/engine/host'
import { serializeError } from '@millrace/engine/spi'
import { jobIdOf } from '../../applications/job-id.ts'
import type { JobEnd, JobInspection } from '../../jobs/job-inspection.ts'
import { badRequest, notFound } from './flink-error.ts'
import type { FlinkRequest } from './flink-request.ts'

/** A job's states, as Flink knows them. */
export const jobStates = [
  'INITIALIZING',
  'CREATED',
  'RUNNING',
  'FAILING',
  'FAILED',
  'CANCELLING',
  'CANCELED',
  'FINISHED',
  'RESTARTING',
  'SUSPENDED',
  'RECONCILING',
] as const

export type FlinkJobState = (typeof jobStates)[number]

/** A task, as Flink knows it: a vertex of the job graph. */
export interface FlinkVertex {
  readonly task: number
  readonly node: JobPlanNode
  readonly details: JobTaskDetails
}

/** The application's newest job as it is at one instant. Times are epoch ms. */
export interface FlinkJob {
  readonly id: string
  readonly name: string
  readonly inspection: JobInspection
  readonly state: FlinkJobState
  readonly startMs: number
  /** -1 while it has not ended. */
  readonly endMs: number
  readonly nowMs: number
  readonly durationMs: number
  /** Undefined until the application is loaded; then there are no vertices either. */
  readonly details: JobDetails | undefined
  readonly vertices: readonly FlinkVertex[]
  /** The newest first. */
  readonly exceptions: readonly ExceptionEntry[]
}

/** Undefined when the service hasn't started any. */
export async function newestJob({ application, inspection, context }: FlinkRequest): Promise<FlinkJob | undefined> {
  if (inspection === undefined) return undefined
  const [plan, details] = await Promise.all([inspection.plan(), inspection.details()])
  const { ended, startedMs, epoch } = inspection
  const nowMs = context.clock.now()
  return {
    id: jobIdOf(application.name, epoch),
    name: details?.name ?? application.name,
    inspection,
    state: ended !== undefined && application.hibernatedSinceMs !== undefined ? 'SUSPENDED' : stateOf(ended, details),
    startMs: startedMs,
    endMs: ended?.atMs ?? -1,
    nowMs,
    durationMs: (ended?.atMs ?? nowMs) - startedMs,
    details,
    vertices: (plan?.nodes ?? []).flatMap((node, task) => {
      const taskDetails = details?.tasks[task]
      return taskDetails === undefined
        ? []
        : [{ task, node, details: ended ? whenGone(taskDetails, ended) : taskDetails }]
    }),
    exceptions: exceptionsOf(ended, details),
  }
}

/** The job of a path's first parameter. Errors: 404 when it isn't the newest job, 400 when it is no id. */
export async function requestedJob(request: FlinkRequest): Promise<FlinkJob> {
  const id = hexId(request.path[0], 'jobid')
  const job = await newestJob(request)
  if (job?.id === id) return job
  throw notFound(`Job ${id} not found`)
}

/** The vertex of a path's second parameter. Errors: as for the job. */
export function requestedVertex(job: FlinkJob, { path }: FlinkRequest, at = 1): FlinkVertex {
  const id = hexId(path[at], 'vertexid')
  const vertex = job.vertices.find(({ node }) => node.id === id)
  if (vertex !== undefined) return vertex
  throw notFound(`JobVertex ${id} not found`)
}

function hexId(value: string | undefined, parameter: string): string {
  if (value !== undefined && /^[0-9a-f]{32}$/i.test(value)) return value.toLowerCase()
  throw badRequest(`Cannot resolve path parameter (${parameter}) from value "${value ?? ''}".`)
}

function stateOf(ended: JobEnd | undefined, details: JobDetails | undefined): FlinkJobState {
  if (ended !== undefined) return ended.outcome === 'STOPPED' ? 'FINISHED' : ended.outcome
  const state = details?.state ?? 'INITIALIZING'
  return state === 'STOPPED' ? 'FINISHED' : state
}

/** A process that was killed couldn't tell the end of its subtasks. */
function whenGone(task: JobTaskDetails, { outcome, atMs }: JobEnd): JobTaskDetails {
  const state = outcome === 'FINISHED' || outcome === 'STOPPED' ? ('FINISHED' as const) : ('CANCELED' as const)
  const subtasks = task.subtasks.map((subtask): SubtaskExecution => {
    if (isEnded(subtask)) return subtask
    return { ...subtask, state, timestamps: { ...subtask.timestamps, [state]: atMs } }
  })
  return { ...task, subtasks }
}

export function isEnded({ state }: SubtaskExecution): boolean {
  return state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED'
}

/** Those that the job told, and why its process ended when it couldn't tell that any more. */
function exceptionsOf(ended: JobEnd | undefined, details: JobDetails | undefined): readonly ExceptionEntry[] {
  const told = details?.exceptions ?? []
  if (ended?.cause === undefined) return told
  const error = serializeError(ended.cause)
  if (told.some((one) => one.error.code === error.code && one.error.message === error.message)) return told
  const attempt = (details?.restarts ?? 0) + 1
  return [{ timestampMs: ended.atMs, attempt, task: null, subtask: null, error }, ...told]
}
