import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { parallelismOf } from '../../applications/application-record.ts'
import { readTail } from '../log-reader.ts'
import { notFound } from './flink-error.ts'
import { newestJob } from './flink-job.ts'
import type { FlinkHandler, FlinkRequest } from './flink-request.ts'
import { answerMetrics } from './metric-list.ts'
import { ownJob } from './task-manager.ts'

const maxLogBytes = 1 << 20
const maxLogLines = 10_000

/** `/jobmanager/config`: what the application is run with. */
export const jobManagerConfig: FlinkHandler = async ({ application }) => {
  const { parallelism, checkpoints, monitoring } = application.configuration
  const settings: Readonly<Record<string, string | number>> = {
    'cluster.id': application.name,
    'parallelism.default': parallelismOf(application),
    'taskmanager.numberOfTaskSlots': parallelism.parallelismPerKpu,
    ...(checkpoints.enabled
      ? {
          'execution.checkpointing.interval': `${checkpoints.intervalMs} ms`,
          'execution.checkpointing.min-pause': `${checkpoints.minPauseMs} ms`,
        }
      : {}),
    'state.backend.type': 'hashmap',
    'rootLogger.level': monitoring.logLevel,
  }
  return { json: Object.entries(settings).map(([key, value]) => ({ key, value: String(value) })) }
}

/** `/jobmanager/metrics?get=` */
export const jobManagerMetrics: FlinkHandler = async (request) => {
  const job = await newestJob(request)
  const lives = job !== undefined && job.endMs === -1
  const figures = {
    numRegisteredTaskManagers: lives ? 1 : 0,
    numRunningJobs: lives ? 1 : 0,
    taskSlotsAvailable: 0,
    taskSlotsTotal: lives ? (job.details?.threads ?? 0) : 0,
  }
  return { json: answerMetrics(figures, request.query) }
}

/** `/jobmanager/environment` */
export const jobManagerEnvironment: FlinkHandler = async () => ({
  json: { jvm: { version: `Node.js ${process.version}`, arch: process.arch, options: [] }, classpath: [] },
})

/** `/jobmanager/logs`: the application's log. */
export const jobManagerLogs: FlinkHandler = async (request) => ({ json: { logs: await listLogs(request) } })

/** `/jobmanager/logs/:filename`, `/jobmanager/log`: its end, at most 1 MiB. */
export const jobManagerLog: FlinkHandler = (request) => log(request, request.path[0])

/** `/taskmanagers/:taskmanagerid/logs` */
export const taskManagerLogs: FlinkHandler = async (request) => {
  await ownJob(request)
  return { json: { logs: await listLogs(request) } }
}

/** `/taskmanagers/:taskmanagerid/logs/:filename`, `/taskmanagers/:taskmanagerid/log` */
export const taskManagerLog: FlinkHandler = async (request) => {
  await ownJob(request)
  return log(request, request.path[1])
}

async function listLogs({ context, application }: FlinkRequest) {
  const file = context.lifecycle.logFile(application.name)
  try {
    const { size, mtimeMs } = await stat(file)
    return [{ name: basename(file), size, mtime: Math.round(mtimeMs) }]
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

async function log({ context, application }: FlinkRequest, name: string | undefined) {
  const file = context.lifecycle.logFile(application.name)
  // A name is never a path here.
  if (name !== undefined && name !== basename(file)) throw notFound(`The file ${name} does not exist.`)
  const { bytes } = await readTail(file, maxLogLines, maxLogBytes)
  return { text: bytes, contentType: 'text/plain; charset=utf-8' }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
