import { asEngineError, type Cancellable, type Clock, type Logger, type Scheduler } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { InspectedJobs, JobMetrics } from './job-metrics.ts'
import { jobPoints } from './job-points.ts'
import { fineMs, MetricHistory, type MetricPoints, type MetricQuery, type MetricSeries } from './metric-history.ts'
import type { MetricPoint } from './metric-point.ts'
import { declarationOf } from './metric-table.ts'

export interface MetricsCollectorParts {
  readonly store: Pick<ApplicationStore, 'allApplications' | 'operationsInProgress'>
  readonly jobs: Pick<InspectedJobs, 'of'>
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
}

/** Of one run of an application: from its start or update until the next. */
interface Run {
  readonly sinceEpoch: number
  readonly last: JobMetrics
  /** Restarts that ended with the processes before. */
  readonly restartsBefore: number
  /** Monotonic ms. */
  readonly ranMs: number
}

/** Such statuses promise a job. */
const running = new Set<ApplicationRecord['status']>(['RUNNING', 'UPDATING', 'AUTOSCALING'])
const hour = 3_600_000

/** What was last seen of the applications of a node, by status, and of operations in progress, by name. */
export interface ApplicationCounts {
  readonly byStatus: ReadonlyMap<string, number>
  readonly operationsInProgress: ReadonlyMap<string, number>
}

/** Asks every running application for its metrics each ten seconds, and keeps what they answer. */
export class MetricsCollector implements MetricPoints {
  readonly #parts: MetricsCollectorParts
  readonly #history = new MetricHistory()
  readonly #runs = new Map<string, Run>()
  readonly #listeners = new Set<(points: readonly MetricPoint[]) => void>()
  #timer: Cancellable | undefined
  #collecting: Promise<void> = Promise.resolve()
  #closed = false
  #counts: ApplicationCounts = { byStatus: new Map(), operationsInProgress: new Map() }

  constructor(parts: MetricsCollectorParts) {
    this.#parts = parts
  }

  start(): void {
    const { scheduler, clock } = this.#parts
    // In step with the clock, so that each stretch of ten seconds gets one value.
    this.#timer = scheduler.after(fineMs - (clock.now() % fineMs), () => {
      this.#collecting = this.collect().then(() => {
        if (!this.#closed) this.start()
      })
    })
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#collecting
  }

  /** Hears the points of each collection. */
  onPoints(listener: (points: readonly MetricPoint[]) => void): void {
    this.#listeners.add(listener)
  }

  /** One collection, of all that run. Failures are told and end nothing. */
  async collect(): Promise<void> {
    try {
      const applications = await this.#parts.store.allApplications()
      const operations = await this.#parts.store.operationsInProgress()
      this.#counts = {
        byStatus: countBy(applications, ({ status }) => status),
        operationsInProgress: countBy(operations, ({ name }) => name),
      }
      const names = new Set(applications.map(({ name }) => name))
      for (const name of this.#history.applications) if (!names.has(name)) this.#forget(name)
      const collected = await Promise.all(applications.map((application) => this.#collectOne(application)))
      this.#history.forgetBefore(this.#parts.clock.now() - 7 * hour)
      const points = collected.flat()
      for (const listener of this.#listeners) listener(points)
    } catch (error) {
      this.#parts.logger.warn('collecting metrics failed', { reason: asEngineError(error).message })
    }
  }

  async #collectOne(application: ApplicationRecord): Promise<readonly MetricPoint[]> {
    const { name, status } = application
    if (!running.has(status)) {
      this.#history.stopped(name)
      this.#runs.delete(name)
      return []
    }
    const now = await this.#parts.jobs.of(application)
    const points = now === undefined ? this.#down(name) : this.#up(now)
    this.#history.add(name, points)
    return points
  }

  #up(now: JobMetrics): MetricPoint[] {
    const { clock } = this.#parts
    const run = this.#runs.get(now.applicationName)
    const same = run !== undefined && run.sinceEpoch === now.sinceEpoch ? run : undefined
    let restartsBefore = same?.restartsBefore ?? now.epoch - now.sinceEpoch
    if (same !== undefined && same.last.epoch !== now.epoch) {
      restartsBefore += same.last.event.restarts + now.epoch - same.last.epoch
    }
    const isUp = now.event.state === 'RUNNING'
    const ranMs = isUp ? clock.monotonicMs() : (same?.ranMs ?? clock.monotonicMs())
    this.#runs.set(now.applicationName, { sinceEpoch: now.sinceEpoch, last: now, restartsBefore, ranMs })
    const points = jobPoints(now, same?.last, restartsBefore).filter(({ name }) => name !== 'downtime')
    return [...points, this.#downtime(now.applicationName, isUp ? 0 : clock.monotonicMs() - ranMs)]
  }

  /** Its process is gone, or doesn't answer. */
  #down(name: string): MetricPoint[] {
    const run = this.#runs.get(name)
    return run === undefined ? [] : [this.#downtime(name, this.#parts.clock.monotonicMs() - run.ranMs)]
  }

  #downtime(application: string, value: number): MetricPoint {
    return {
      name: 'downtime',
      level: 'APPLICATION',
      dimensions: { Application: application },
      unit: declarationOf('downtime')?.unit ?? 'Milliseconds',
      timestampMs: this.#parts.clock.now(),
      value,
    }
  }

  #forget(name: string): void {
    this.#history.forget(name)
    this.#runs.delete(name)
  }

  get counts(): ApplicationCounts {
    return this.#counts
  }

  /** Applications with newest points, in order. */
  get running(): readonly string[] {
    return this.#history.applications.filter((name) => this.#history.latest(name).length > 0).sort()
  }

  latest(applicationName: string): readonly MetricPoint[] {
    return this.#history.latest(applicationName)
  }

  /** What its job last told, with everything that has no place among the points. */
  lastAnswer(applicationName: string): JobMetrics | undefined {
    return this.#runs.get(applicationName)?.last
  }

  query(query: MetricQuery): readonly MetricSeries[] {
    return this.#history.query(query)
  }
}

function countBy<T>(items: readonly T[], of: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(of(item), (counts.get(of(item)) ?? 0) + 1)
  return counts
}
