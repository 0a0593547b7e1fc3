import type { ApplicationConfiguration } from '../applications/application-record.ts'

/** How finely an application's metrics are told, the coarsest first: each level has those before it too. */
export const metricsLevels = ['APPLICATION', 'TASK', 'OPERATOR', 'PARALLELISM'] as const

export type MetricsLevel = ApplicationConfiguration['monitoring']['metricsLevel']

/** CloudWatch's names of units. */
export type MetricUnit = 'Count' | 'Count/Second' | 'Milliseconds' | 'Bytes' | 'Percent' | 'None'

/** How the values of several subtasks make one. */
export type Combination = 'sum' | 'min' | 'max' | 'mean'

/** One metric as Amazon's service names it, and where it comes from. */
export interface MetricDeclaration {
  /** In CloudWatch and in queries; Flink's own name unless `flink` says otherwise. */
  readonly name: string
  readonly unit: MetricUnit
  /** Grows, and begins again at 0 with each attempt; all others go up and down. */
  readonly isTotal: boolean
  /** One sentence, for people. */
  readonly help: string
  /**
   * job: Flink's figures of the job · process: of the application's process · node: known to the service alone ·
   * task: of each subtask · operator: of each operator in each subtask.
   */
  readonly from: 'job' | 'process' | 'node' | 'task' | 'operator'
  readonly combine: Combination
  /** Where it is told. */
  readonly levels: readonly MetricsLevel[]
}

const every: readonly MetricsLevel[] = metricsLevels
const application: readonly MetricsLevel[] = ['APPLICATION']
const belowApplication: readonly MetricsLevel[] = ['TASK', 'OPERATOR', 'PARALLELISM']

type Rest = Partial<Pick<MetricDeclaration, 'isTotal' | 'combine' | 'levels'>>

const declare =
  (from: MetricDeclaration['from'], levels: readonly MetricsLevel[]) =>
  (name: string, unit: MetricUnit, help: string, rest: Rest = {}): MetricDeclaration => ({
    name,
    unit,
    help,
    from,
    isTotal: false,
    combine: 'sum',
    levels,
    ...rest,
  })

const job = declare('job', application)
const process = declare('process', application)
const node = declare('node', application)
const task = declare('task', belowApplication)
const operator = declare('operator', every)

/** Every metric that has a name in Amazon's service or is told beside those; docs/reference/metrics.md is checked against it. */
export const metricTable: readonly MetricDeclaration[] = [
  node('KPUs', 'Count', 'KPUs the application runs on.'),
  node('fullRestarts', 'Count', 'Restarts since the application was started, those of its process included.', {
    isTotal: true,
  }),
  node('downtime', 'Milliseconds', 'Time since the job last ran, while the application should run; 0 while it does.'),
  process('cpuUtilization', 'Percent', "CPU time of all threads, of the KPUs' vCPUs."),
  process(
    'containerCPUUtilization',
    'Percent',
    'As cpuUtilization: an application is one process. Scaling looks at it.',
  ),
  process(
    'containerMemoryUtilization',
    'Percent',
    "Memory of its processes (proportional set size, added up each minute), of the KPUs' 4 GiB each.",
  ),
  process('heapMemoryUtilization', 'Percent', "Heap in use in all threads, of the KPUs' 3 GiB each."),
  process('oldGenerationGCCount', 'Count', 'Garbage collections of the old generation, in the threads that live.', {
    isTotal: true,
  }),
  process('oldGenerationGCTime', 'Milliseconds', 'Time they took.', { isTotal: true }),
  process('threadsCount', 'Count', 'Threads of the process.'),
  process('eventLoopLag', 'Milliseconds', 'How late timers of the main thread ran at worst, in the last 10 s.'),
  job('uptime', 'Milliseconds', 'Time that the job has run without interruption.'),
  job('numRestarts', 'Count', "Restarts within the job's process.", { isTotal: true }),
  job('runningTime', 'Milliseconds', 'Time since the job came into RUNNING; 0 unless it is.'),
  job('restartingTime', 'Milliseconds', 'Time since it came into RESTARTING; 0 unless it is.'),
  job('initializingTime', 'Milliseconds', 'Time since it came into INITIALIZING; 0 unless it is.'),
  job('cancellingTime', 'Milliseconds', 'Time since it came into CANCELLING; 0 unless it is.'),
  job(
    'lastCheckpointDuration',
    'Milliseconds',
    'From the trigger of the last completed checkpoint until it was complete.',
  ),
  job('lastCheckpointSize', 'Bytes', 'State in the last completed checkpoint.'),
  job('numberOfCompletedCheckpoints', 'Count', 'Checkpoints and savepoints that were completed.', { isTotal: true }),
  job('numberOfFailedCheckpoints', 'Count', 'Those that were given up.', { isTotal: true }),
  task('busyTimeMsPerSecond', 'Milliseconds', 'Time a second in which there was something to do.', { combine: 'mean' }),
  task('idleTimeMsPerSecond', 'Milliseconds', 'Time a second without anything to do.', { combine: 'mean' }),
  task('backPressuredTimeMsPerSecond', 'Milliseconds', 'Time a second held back by full outputs.', { combine: 'mean' }),
  operator('numRecordsIn', 'Count', "Records received; the application's are those its sources have read.", {
    isTotal: true,
  }),
  operator('numRecordsInPerSecond', 'Count/Second', 'The same a second.'),
  operator('numRecordsOut', 'Count', "Records emitted; the application's are those its sinks were given.", {
    isTotal: true,
  }),
  operator('numRecordsOutPerSecond', 'Count/Second', 'The same a second.'),
  operator('numLateRecordsDropped', 'Count', 'Records that came too late for their windows.', { isTotal: true }),
  operator('currentInputWatermark', 'Milliseconds', 'Event time that has come in, epoch ms; the lowest.', {
    combine: 'min',
  }),
  operator('currentOutputWatermark', 'Milliseconds', 'Event time that has gone out, epoch ms; the lowest.', {
    combine: 'min',
  }),
  operator(
    'currentEmitEventTimeLag',
    'Milliseconds',
    'Age of the last record when a source emitted it; the greatest.',
    { combine: 'max' },
  ),
  operator('millisBehindLatest', 'Milliseconds', "How far a reader is behind its shards' tips; the greatest.", {
    combine: 'max',
  }),
  operator('pendingRecords', 'Count', 'Records that wait in a source, where it knows.'),
  declare('task', belowApplication)('numBytesIn', 'Bytes', 'Bytes received from other threads.', { isTotal: true }),
  declare('task', belowApplication)('numBytesOut', 'Bytes', 'Bytes sent to other threads.', { isTotal: true }),
]

const byName = new Map(metricTable.map((declaration) => [declaration.name, declaration]))

export function declarationOf(name: string): MetricDeclaration | undefined {
  return byName.get(name)
}

/** Whether an application that keeps metrics down to `kept` has those of `level`. */
export function isKept(level: MetricsLevel, kept: MetricsLevel): boolean {
  return metricsLevels.indexOf(level) <= metricsLevels.indexOf(kept)
}
