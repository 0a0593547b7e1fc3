import type { ThreadFigures } from '@millrace/engine/host'
import type { MetricsEvent, OperatorMetricsLine } from '../launchers/index.ts'
import type { JobMetrics } from './job-metrics.ts'

const thread: ThreadFigures = {
  heapUsedBytes: 0.3 * 2 ** 30,
  heapLimitBytes: 2 ** 31,
  externalBytes: 1000,
  gcCount: 10,
  gcTimeMs: 20,
  oldGcCount: 2,
  oldGcTimeMs: 5,
  eventLoopUtilization: 0.5,
}

const shardPath = (shard: number): string =>
  `KinesisStreamSource.accountId.000000000000.region.us-east-1.stream.my.orders.shardId.shardId-00000000000${shard}.millisBehindLatest`

function operator(
  task: number,
  subtask: number,
  operatorName: string,
  role: OperatorMetricsLine['role'],
  values: OperatorMetricsLine['values'],
): OperatorMetricsLine {
  return { task, subtask, operatorId: operatorName.toLowerCase(), operatorName, role, values }
}

/** What a job of two tasks with two subtasks each tells: Orders → Clean, then Sum → Out. */
export function metricsEvent(changes: Partial<MetricsEvent> = {}): MetricsEvent {
  const subtasks = [0, 1]
  const times = (busy: number) => ({
    busyTimeMsPerSecond: busy,
    idleTimeMsPerSecond: 1000 - busy,
    backPressuredTimeMsPerSecond: 0,
  })
  return {
    type: 'metrics',
    state: 'RUNNING',
    restarts: 1,
    uptimeMs: 60_000,
    residentBytes: 2 ** 30,
    job: { uptime: 50_000, numRestarts: 1, lastCheckpointSize: null, numberOfFailedCheckpoints: 2 },
    tasks: [
      ...subtasks.map((subtask) => ({
        task: 0,
        subtask,
        taskName: 'Orders -> Clean',
        values: { numRecordsIn: 100 + subtask, numRecordsOut: 90, numBytesOut: 7, ...times(200 + 400 * subtask) },
      })),
      ...subtasks.map((subtask) => ({
        task: 1,
        subtask,
        taskName: 'Sum -> Out',
        values: { numRecordsIn: 90, numRecordsOut: 0, currentInputWatermark: 5000 + subtask, ...times(1000) },
      })),
    ],
    operators: [
      operator(0, -1, 'Orders', 'source', { pendingChildren: 3 }),
      ...subtasks.flatMap((subtask) => [
        operator(0, subtask, 'Orders', 'source', {
          numRecordsIn: 100 + subtask,
          numRecordsOut: 100 + subtask,
          currentOutputWatermark: 6000,
          currentEmitEventTimeLag: 10 + subtask,
          [shardPath(subtask)]: 300 * subtask,
        }),
        operator(0, subtask, 'Clean', 'operator', { numRecordsIn: 100 + subtask, numRecordsOut: 90, mine: 4 }),
        operator(1, subtask, 'Sum', 'operator', {
          numRecordsIn: 90,
          numRecordsOut: 40,
          numLateRecordsDropped: subtask,
          currentInputWatermark: 5000 + subtask,
          currentOutputWatermark: null,
        }),
        operator(1, subtask, 'Out', 'sink', { numRecordsIn: 40, numRecordsOut: 0, numRecordsSend: 40 }),
      ]),
    ],
    process: { cpuTimeMs: 10_000, residentBytes: 2 ** 30, threadCount: 12, eventLoopLagMs: 3, main: thread },
    threads: [
      { ...thread, thread: 0 },
      { ...thread, thread: 1 },
    ],
    ...changes,
  }
}

export function jobMetrics(changes: Partial<JobMetrics> = {}): JobMetrics {
  return {
    applicationName: 'orders',
    collectedMs: 1_700_000_000_000,
    level: 'PARALLELISM',
    kpus: 2,
    epoch: 4,
    sinceEpoch: 4,
    event: metricsEvent(),
    ...changes,
  }
}
