import type { CheckpointEntry, CheckpointReport, NumberSummary } from '@millrace/engine/host'
import { describeTask, describeTaskWithSubtasks } from './checkpoint-subtasks.ts'
import { badRequest, notFound } from './flink-error.ts'
import { type FlinkJob, requestedJob, requestedVertex } from './flink-job.ts'
import type { FlinkHandler, FlinkRequest } from './flink-request.ts'

/** `/jobs/:jobid/checkpoints` */
export const checkpoints: FlinkHandler = async (request) => ({ json: describeCheckpoints(await reportOf(request)) })

/** `/jobs/:jobid/checkpoints/details/:checkpointid` */
export const checkpoint: FlinkHandler = async (request) => {
  const { job, entry } = await requestedCheckpoint(request)
  const tasks = job.vertices.map((vertex) => [vertex.node.id, describeTask(entry, vertex)])
  return { json: { ...describeCheckpoint(entry), tasks: Object.fromEntries(tasks) } }
}

/** `/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid` */
export const checkpointSubtasks: FlinkHandler = async (request) => {
  const { job, entry } = await requestedCheckpoint(request)
  return { json: describeTaskWithSubtasks(entry, requestedVertex(job, request, 2)) }
}

/** `/jobs/:jobid/checkpoints/config` */
export const checkpointConfig: FlinkHandler = async (request) => {
  const { id, details } = await requestedJob(request)
  const settings = details?.checkpoints
  if (settings === undefined) throw notFound(`Checkpointing is not enabled for this job (${id}).`)
  return {
    json: {
      mode: settings.mode.replaceAll('-', '_'),
      interval: settings.intervalMs,
      timeout: settings.timeoutMs,
      min_pause: settings.minPauseMs,
      max_concurrent: 1,
      externalization: { enabled: true, delete_on_cancellation: false },
      state_backend: 'HeapKeyedStateBackend',
      checkpoint_storage: details?.checkpointFolder === undefined ? 'none' : 'FileSystemCheckpointStorage',
      unaligned_checkpoints: false,
      aligned_checkpoint_timeout: 0,
      tolerable_failed_checkpoints: settings.tolerableFailures,
      checkpoints_after_tasks_finish: true,
      state_changelog_enabled: false,
      changelog_storage: '',
      changelog_periodic_materialization_interval: 0,
    },
  }
}

/** What the job tells of its checkpoints. */
export function describeCheckpoints({ counts, summary, latest, history }: CheckpointReport) {
  const described = (entry: CheckpointEntry | null) => (entry === null ? null : describeCheckpoint(entry))
  return {
    counts: {
      restored: counts.restored,
      total: counts.total,
      in_progress: counts.inProgress,
      completed: counts.completed,
      failed: counts.failed,
    },
    summary: {
      // Every checkpoint holds all of the state.
      checkpointed_size: describeSummary(summary.sizeBytes),
      state_size: describeSummary(summary.sizeBytes),
      end_to_end_duration: describeSummary(summary.durationMs),
      alignment_buffered: nothing,
      processed_data: nothing,
      persisted_data: nothing,
    },
    latest: {
      completed: described(latest.completed),
      savepoint: described(latest.savepoint),
      failed: described(latest.failed),
      restored:
        latest.restored === null
          ? null
          : {
              id: latest.restored.id,
              restore_timestamp: latest.restored.restoredMs,
              is_savepoint: latest.restored.kind === 'savepoint',
              external_path: latest.restored.path,
            },
    },
    history: history.map(describeCheckpoint),
  }
}

/** Flink's checkpoint statistics, without its tasks, as lists have them. */
export function describeCheckpoint(entry: CheckpointEntry) {
  const { status, kind, stops, failure } = entry
  return {
    className: status.toLowerCase(),
    id: entry.id,
    status,
    is_savepoint: kind === 'savepoint',
    ...(kind === 'savepoint' ? { savepointFormat: 'CANONICAL' } : {}),
    trigger_timestamp: entry.triggeredMs,
    latest_ack_timestamp: entry.latestAcknowledgedMs ?? -1,
    checkpointed_size: entry.sizeBytes,
    state_size: entry.sizeBytes,
    end_to_end_duration: Math.round(entry.durationMs),
    alignment_buffered: 0,
    processed_data: 0,
    persisted_data: 0,
    num_subtasks: entry.subtasks,
    num_acknowledged_subtasks: entry.acknowledgedSubtasks,
    checkpoint_type: kind === 'checkpoint' ? 'CHECKPOINT' : stops ? 'SYNC_SAVEPOINT' : 'SAVEPOINT',
    tasks: {},
    ...(status === 'COMPLETED'
      ? { external_path: entry.path ?? '<checkpoint-not-stored>', discarded: entry.discarded }
      : {}),
    ...(failure === null ? {} : { failure_timestamp: failure.timestampMs, failure_message: failure.message }),
  }
}

/** Whole numbers but for percentiles; `NaN` as Flink writes it where there is no number. */
export function describeSummary({ min, max, avg, p50, p90, p95, p99, p999 }: NumberSummary) {
  const percentile = (value: number | null): number | 'NaN' => value ?? 'NaN'
  return {
    min: Math.round(min),
    max: Math.round(max),
    avg: Math.round(avg),
    p50: percentile(p50),
    p90: percentile(p90),
    p95: percentile(p95),
    p99: percentile(p99),
    p999: percentile(p999),
  }
}

/** Barriers overtake nothing here: no records are part of a checkpoint. */
const nothing = { min: 0, max: 0, avg: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0 }

const emptySummary: NumberSummary = { min: 0, max: 0, avg: 0, p50: null, p90: null, p95: null, p99: null, p999: null }

/** Of a job that hasn't told any: that there were none. */
export const noCheckpoints: CheckpointReport = {
  counts: { restored: 0, total: 0, inProgress: 0, completed: 0, failed: 0 },
  summary: { sizeBytes: emptySummary, durationMs: emptySummary },
  latest: { completed: null, savepoint: null, failed: null, restored: null },
  history: [],
}

async function reportOf(request: FlinkRequest): Promise<CheckpointReport> {
  const { inspection } = await requestedJob(request)
  return (await inspection.checkpoints()) ?? noCheckpoints
}

async function requestedCheckpoint(request: FlinkRequest): Promise<{ job: FlinkJob; entry: CheckpointEntry }> {
  const job = await requestedJob(request)
  const asked = request.path[1] ?? ''
  const id = asked === 'latest' ? await latestId(job, request.query.get('status')) : Number(asked)
  if (!Number.isSafeInteger(id)) throw badRequest(`Cannot resolve path parameter (checkpointid) from value "${asked}".`)
  const entry = await job.inspection.checkpoint(id)
  if (entry === undefined) throw notFound(`Could not find checkpointing statistics for checkpoint ${asked}.`)
  return { job, entry }
}

/** The newest that has ended, or of those that ended so. */
async function latestId({ inspection }: FlinkJob, status: string | null): Promise<number> {
  if (status !== null && status !== 'COMPLETED' && status !== 'FAILED') {
    throw badRequest(`Cannot resolve query parameter (status) from value "${status}".`)
  }
  const { completed, failed } = (await inspection.checkpoints())?.latest ?? noCheckpoints.latest
  const ids = [status === 'FAILED' ? null : completed, status === 'COMPLETED' ? null : failed]
  const newest = Math.max(...ids.map((entry) => entry?.id ?? -1))
  if (newest === -1) throw notFound('Could not find checkpointing statistics for checkpoint latest.')
  return newest
}
