import type { Clock } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { presentKpus } from '../applications/kpus.ts'
import type { Lifecycle } from '../applications/lifecycle.ts'
import type { MetricsEvent } from '../launchers/index.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { MetricsLevel } from './metric-table.ts'

/** What one application's job told of itself. */
export interface JobMetrics {
  readonly applicationName: string
  /** Epoch ms of the service's clock. */
  readonly collectedMs: number
  /** How finely its metrics are kept. */
  readonly level: MetricsLevel
  readonly kpus: number
  /** Grows with each process of the application. */
  readonly epoch: number
  /** The epoch of the first process since the application was started or updated. */
  readonly sinceEpoch: number
  /** Proportional set size of its processes; undefined where it can't be told. */
  readonly memoryBytes?: number | undefined
  readonly event: MetricsEvent
}

/** Asks jobs for their metrics. */
export interface JobMetricsSource {
  /** Within about a second; undefined when there is no such application, or no job of it that answers. */
  collect(applicationName: string): Promise<JobMetrics | undefined>
}

/** Metrics of the jobs of this process, by their control connections. */
export class InspectedJobs implements JobMetricsSource {
  readonly #store: Pick<ApplicationStore, 'application'>
  readonly #lifecycle: Pick<Lifecycle, 'inspect'>
  readonly #clock: Clock

  constructor(store: Pick<ApplicationStore, 'application'>, lifecycle: Pick<Lifecycle, 'inspect'>, clock: Clock) {
    this.#store = store
    this.#lifecycle = lifecycle
    this.#clock = clock
  }

  async collect(applicationName: string): Promise<JobMetrics | undefined> {
    const application = await this.#store.application(applicationName)
    return application && this.of(application)
  }

  /** The same of an application that is at hand. */
  async of(application: ApplicationRecord): Promise<JobMetrics | undefined> {
    const inspection = this.#lifecycle.inspect?.(application.name)
    if (inspection === undefined || inspection.ended !== undefined) return undefined
    const [event, memoryBytes] = await Promise.all([inspection.metrics(), inspection.memoryBytes()])
    if (event === undefined || inspection.ended !== undefined) return undefined
    const { configuration, lineage } = application
    return {
      applicationName: application.name,
      collectedMs: this.#clock.now(),
      level: configuration.monitoring.metricsLevel,
      kpus: presentKpus(application),
      memoryBytes,
      epoch: inspection.epoch,
      sinceEpoch: lineage?.sinceEpoch ?? inspection.epoch,
      event,
    }
  }
}
