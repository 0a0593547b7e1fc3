import type { ApplicationRecord } from '../applications/application-record.ts'
import type { InspectedJobs, JobMetrics } from '../metrics/job-metrics.ts'
import { jobPoints } from '../metrics/job-points.ts'
import type { MetricPoint } from '../metrics/metric-point.ts'
import { metricTable } from '../metrics/metric-table.ts'
import type { ScalingSignals } from './scaling-controller.ts'
import type { Backlog, ScalingPoint } from './scaling-point.ts'

/** All that policies look at. */
const signals = metricTable.filter(({ name }) =>
  [
    'containerCPUUtilization',
    'busyTimeMsPerSecond',
    'numRecordsInPerSecond',
    'pendingRecords',
    'millisBehindLatest',
  ].includes(name),
)

/** Figures as the jobs tell them themselves, whatever level of metrics an application keeps. */
export class JobSignals implements ScalingSignals {
  readonly #jobs: Pick<InspectedJobs, 'of'>
  readonly #parallelismOf: (application: ApplicationRecord) => number
  /** The answer before, of each application: CPU time is told as a total. */
  readonly #before = new Map<string, JobMetrics>()
  /** The most threads that have answered at once. */
  readonly #most = new Map<string, { readonly epoch: number; readonly threads: number }>()

  /** `parallelismOf`: the parallelism that an application runs with. */
  constructor(jobs: Pick<InspectedJobs, 'of'>, parallelismOf: (application: ApplicationRecord) => number) {
    this.#jobs = jobs
    this.#parallelismOf = parallelismOf
  }

  async point(application: ApplicationRecord): Promise<ScalingPoint | undefined> {
    const { name } = application
    const now = await this.#jobs.of(application)
    const before = this.#before.get(name)
    if (now === undefined || now.event.state !== 'RUNNING') {
      this.#before.delete(name)
      return undefined
    }
    this.#before.set(name, now)
    const points = jobPoints({ ...now, level: 'TASK' }, before, 0, signals)
    const whole = (metric: string): number | undefined =>
      points.find((point) => point.name === metric && point.level === 'APPLICATION')?.value
    const ofProcess = {
      timestampMs: now.collectedMs,
      cpuUtilizationPercent: whole('containerCPUUtilization'),
      currentParallelism: this.#parallelismOf(application),
    }
    if (!this.#isComplete(now)) {
      return { ...ofProcess, busyPercent: undefined, recordsInPerSecond: undefined, backlog: undefined }
    }
    return {
      ...ofProcess,
      busyPercent: busiest(points),
      recordsInPerSecond: whole('numRecordsInPerSecond'),
      backlog: backlogOf(whole('pendingRecords'), whole('millisBehindLatest')),
    }
  }

  /** A thread that is kept busy may not answer in time: what the others tell isn't the job's then. */
  #isComplete({ applicationName, epoch, event }: JobMetrics): boolean {
    const most = this.#most.get(applicationName)
    if (most?.epoch === epoch && most.threads > event.threads.length) return false
    this.#most.set(applicationName, { epoch, threads: event.threads.length })
    return event.threads.length > 0
  }

  /** Keeps what it remembers to the applications that are there. */
  forgetOthers(names: ReadonlySet<string>): void {
    for (const map of [this.#before, this.#most]) {
      for (const name of map.keys()) if (!names.has(name)) map.delete(name)
    }
  }
}

/** Of the busiest vertex, the mean of its subtasks. */
function busiest(points: readonly MetricPoint[]): number | undefined {
  const shares = points.filter(({ name, level }) => name === 'busyTimeMsPerSecond' && level === 'TASK')
  return shares.length === 0 ? undefined : Math.max(...shares.map(({ value }) => value)) / 10
}

/** A lag first: of a source that tells no records, records of others say too little. */
function backlogOf(records: number | undefined, millisBehindLatest: number | undefined): Backlog | undefined {
  if (millisBehindLatest !== undefined) return { millisBehindLatest }
  return records === undefined ? undefined : { records }
}
