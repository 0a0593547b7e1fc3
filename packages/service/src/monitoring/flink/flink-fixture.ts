/** A job that has told all it can, and an API that shows it: for tests of the monitoring API. */
import type { CheckpointEntry, CheckpointReport, JobDetails, JobPlan, SubtaskExecution } from '@millrace/engine/host'
import { seededRandom } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import type { ApplicationRecord, OperationRecord } from '../../applications/application-record.ts'
import type { JobEnd, JobInspection } from '../../jobs/job-inspection.ts'
import type { MetricsEvent } from '../../launchers/index.ts'
import type { SnapshotRecord } from '../../snapshots/snapshot-record.ts'
import { ApiError } from '../../wire/api-error.ts'
import type { ApiCall } from '../../wire/api-service.ts'
import { FlinkService } from './flink-service.ts'

const startedMs = 1_700_000_000_000
const source = `${'0'.repeat(31)}1`
const sum = `${'0'.repeat(31)}2`

export const vertices = { source, sum }

export const plan: JobPlan = {
  name: 'totals',
  type: 'STREAMING',
  nodes: [
    {
      id: source,
      parallelism: 1,
      operator: '',
      operator_strategy: '',
      description: 'Source',
      optimizer_properties: {},
    },
    {
      id: sum,
      parallelism: 2,
      operator: '',
      operator_strategy: '',
      description: 'Sum -> Sink',
      inputs: [{ num: 0, id: source, ship_strategy: 'HASH', exchange: 'pipelined_bounded' }],
      optimizer_properties: {},
    },
  ],
}

const running = (subtask: number): SubtaskExecution => ({
  subtask,
  attempt: 2,
  state: 'RUNNING',
  timestamps: {
    CREATED: startedMs + 100,
    DEPLOYING: startedMs + 110,
    INITIALIZING: startedMs + 120,
    RUNNING: startedMs + 150,
  },
})

export const details: JobDetails = {
  name: 'totals',
  state: 'RUNNING',
  timestamps: { CREATED: startedMs, INITIALIZING: startedMs + 1, RUNNING: startedMs + 150, RESTARTING: startedMs + 90 },
  nowMs: startedMs + 1000,
  restarts: 1,
  maxParallelism: 256,
  threads: 2,
  restartStrategy: { kind: 'fixed-delay', attempts: 3, delayMs: 10 },
  checkpoints: {
    intervalMs: 1000,
    mode: 'exactly-once',
    timeoutMs: 600_000,
    minPauseMs: 500,
    tolerableFailures: 0,
    retained: 1,
  },
  checkpointFolder: '/data/checkpoints',
  tasks: [
    {
      name: 'Source',
      parallelism: 1,
      operators: [{ id: 'in', name: 'Source', stateful: true }],
      subtasks: [running(0)],
    },
    {
      name: 'Sum -> Sink',
      parallelism: 2,
      operators: [
        { id: 'sum', name: 'Sum', stateful: true },
        { id: 'out', name: 'Sink', stateful: false },
      ],
      subtasks: [running(0), running(1)],
    },
  ],
  exceptions: [
    {
      timestampMs: startedMs + 80,
      attempt: 1,
      task: 'Sum -> Sink',
      subtask: 1,
      error: {
        code: 'APPLICATION_ERROR',
        kind: 'application',
        message: 'no such currency',
        stack: 'Error: no such currency\n    at sum (app.ts:7:9)',
        cause: { code: 'UNEXPECTED_ERROR', kind: 'unavailable', message: 'timed out' },
      },
    },
  ],
  exceptionsTruncated: false,
}

const answerOf = (task: number, subtask: number, sizeBytes: number, durationMs: number) => ({
  ...{ task, subtask, sizeBytes, durationMs, acknowledgedMs: startedMs + 500 + durationMs },
  ...{ syncMs: 1, asyncMs: 2.4, alignmentMs: subtask, startDelayMs: 3 },
})

export const completed: CheckpointEntry = {
  id: 2,
  kind: 'checkpoint',
  stops: false,
  status: 'COMPLETED',
  triggeredMs: startedMs + 500,
  latestAcknowledgedMs: startedMs + 530,
  sizeBytes: 600,
  durationMs: 31.6,
  subtasks: 3,
  acknowledgedSubtasks: 3,
  path: '/data/checkpoints/chk-2',
  discarded: false,
  failure: null,
}
export const completedWithAnswers: CheckpointEntry = {
  ...completed,
  answers: [answerOf(0, 0, 100, 10), answerOf(1, 0, 200, 20), answerOf(1, 1, 300, 30)],
}
const failed: CheckpointEntry = {
  ...completed,
  id: 1,
  status: 'FAILED',
  path: null,
  failure: { timestampMs: startedMs + 400, message: 'too slow' },
}
const underWay: CheckpointEntry = {
  ...completed,
  id: 3,
  kind: 'savepoint',
  stops: true,
  status: 'IN_PROGRESS',
  latestAcknowledgedMs: null,
  acknowledgedSubtasks: 0,
  path: null,
}

const one = (value: number) => ({ min: value, max: value, avg: value, ...percentiles(value) })
const percentiles = (value: number) => ({ p50: value, p90: value, p95: value, p99: value, p999: value })

export const report: CheckpointReport = {
  counts: { restored: 1, total: 3, inProgress: 1, completed: 1, failed: 1 },
  summary: { sizeBytes: one(600), durationMs: one(31.6) },
  latest: {
    completed,
    savepoint: null,
    failed,
    restored: { id: 0, kind: 'savepoint', restoredMs: startedMs + 5, path: '/data/savepoints/savepoint-1' },
  },
  history: [underWay, completed, failed],
}

const times = (busy: number, pressed: number) => ({
  busyTimeMsPerSecond: busy,
  backPressuredTimeMsPerSecond: pressed,
  idleTimeMsPerSecond: 1000 - busy - pressed,
})
const heap = { heapUsedBytes: 10, heapLimitBytes: 100, externalBytes: 1, gcCount: 2, gcTimeMs: 3.2 }
const thread = { ...heap, oldGcCount: 0, oldGcTimeMs: 0, eventLoopUtilization: 0 }

export const metrics: MetricsEvent = {
  type: 'metrics',
  state: 'RUNNING',
  restarts: 1,
  uptimeMs: 900,
  residentBytes: 500,
  job: { numRestarts: 1, lastCheckpointDuration: 31.6, lastCheckpointSize: null },
  tasks: [
    { task: 0, subtask: 0, taskName: 'Source', values: { numRecordsOut: 30, numBytesOut: 900, ...times(100, 700) } },
    {
      task: 1,
      subtask: 0,
      taskName: 'Sum -> Sink',
      values: { numRecordsIn: 10, numBytesIn: 300, currentInputWatermark: startedMs, ...times(900, 50) },
    },
    { task: 1, subtask: 1, taskName: 'Sum -> Sink', values: { numRecordsIn: 20, numBytesIn: 600, ...times(200, 0) } },
  ],
  operators: [
    {
      ...{ task: 1, subtask: 1, operatorId: 'sum', operatorName: 'Sum: all', role: 'operator' },
      values: { numLateRecordsDropped: 4, empty: null },
    },
    {
      ...{ task: 0, subtask: -1, operatorId: 'in', operatorName: 'Source', role: 'source' },
      values: { splits: 5 },
    },
  ],
  process: { cpuTimeMs: 12, residentBytes: 500, threadCount: 9, eventLoopLagMs: 0, main: thread },
  threads: [{ thread: 0, ...thread }],
}

/** What tests change. */
export interface Shown {
  application: ApplicationRecord
  plan: JobPlan | undefined
  details: JobDetails | undefined
  metrics: MetricsEvent | undefined
  ended: JobEnd | undefined
  started: boolean
  operations: OperationRecord[]
  snapshot: SnapshotRecord | undefined
  report: CheckpointReport
}

export const application = {
  name: 'totals-app',
  status: 'RUNNING',
  versionId: 3,
  epoch: 5,
  configuration: {
    parallelism: { parallelism: 2, parallelismPerKpu: 1 },
    checkpoints: { enabled: true, intervalMs: 1000, minPauseMs: 500 },
    monitoring: { logLevel: 'INFO' },
  },
} as unknown as ApplicationRecord

/** An API with one application, and what is asked of it. */
export class FlinkWorld {
  readonly time = new VirtualTime()
  readonly calls: unknown[] = []
  readonly shown: Shown = {
    application,
    plan,
    details,
    metrics,
    ended: undefined,
    started: true,
    operations: [],
    snapshot: undefined,
    report,
  }
  logFile = '/nowhere/application.log'
  take: () => Promise<number> = async () => 7
  readonly service: FlinkService

  constructor() {
    const { time, shown } = this
    const accepted = () => {
      const operation = shown.operations[0]
      if (operation === undefined) throw new ApiError('ResourceInUseException', 'It is STOPPING.')
      return { application, operation }
    }
    const lifecycle = {
      stop: async ({ name }: ApplicationRecord, how: object) => {
        this.calls.push(['stop', name, how])
        return accepted()
      },
      logFile: () => this.logFile,
      inspect: () => (shown.started ? this.#inspection() : undefined),
      scale: async ({ name }: ApplicationRecord, parallelism: number) => {
        this.calls.push(['scale', name, parallelism])
        return accepted()
      },
    }
    const store = {
      application: async (name: string) => (name === application.name ? shown.application : undefined),
      latestSnapshot: async () => shown.snapshot,
      operation: async (_name: string, id: string) => shown.operations.find((one) => one.id === id),
    }
    this.service = new FlinkService({ store, lifecycle, clock: time, random: seededRandom(1) })
  }

  #inspection(): JobInspection {
    const { shown } = this
    return {
      epoch: 5,
      startedMs,
      ended: shown.ended,
      plan: async () => shown.plan,
      details: async () => shown.details,
      checkpoints: async () => shown.report,
      checkpoint: async (id) => (id === 2 ? completedWithAnswers : report.history.find((entry) => entry.id === id)),
      metrics: async () => shown.metrics,
      memoryBytes: async () => undefined,
      takeCheckpoint: async () => ({ type: 'checkpoint', id: await this.take(), path: null, bytes: 1, durationMs: 1 }),
      takeSavepoint: async () => ({ id: await this.take(), path: '/data/savepoints/new', bytes: 1, durationMs: 1 }),
    }
  }

  /** The answer to a request as a client gets it. */
  async ask(method: string, path: string, body?: unknown) {
    const target = `/apps/${application.name}/flink${path}`
    const bytes = Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body))
    const call = { requestId: 'r', headers: {}, method, target, body: bytes } as unknown as ApiCall
    const answer = await this.service.handle(call).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error
      return this.service.describeError(error)
    })
    const { status, headers = {}, contentType } = answer
    const text = answer.body.toString()
    return { status, headers, contentType, text, json: contentType.includes('json') ? JSON.parse(text) : undefined }
  }

  /** A job's path, by its own id. */
  async get(path: string) {
    const asked = path.startsWith('/jobs/:jobid') ? path.replace('/jobs/:jobid', await this.jobPath()) : path
    return (await this.ask('GET', asked)).json
  }

  async jobPath(): Promise<string> {
    return `/jobs/${(await this.ask('GET', '/jobs')).json.jobs[0].id}`
  }
}
