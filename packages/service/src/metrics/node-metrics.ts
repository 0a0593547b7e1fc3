import { type Clock, type Logger, LoopLag, type Scheduler, sleep } from '@millrace/engine/spi'
import type { Lifecycle } from '../applications/lifecycle.ts'
import type { StreamRegistry } from '../ingest/stream-registry.ts'
import type { SubscriptionTable } from '../ingest/subscription-table.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { ApiService } from '../wire/api-service.ts'
import { applicationFamilies } from './application-families.ts'
import { CloudWatchPush, type CloudWatchSettings, putMetricData } from './cloudwatch-push.ts'
import { InspectedJobs } from './job-metrics.ts'
import { MeasuredService } from './measured-service.ts'
import { MetricsCollector } from './metrics-collector.ts'
import { MetricsQueries } from './metrics-query.ts'
import { countFamilies, processFamilies, streamFamilies } from './node-families.ts'
import { prometheusText } from './prometheus-text.ts'
import { RequestMetrics } from './request-metrics.ts'

/** What the metrics of applications are read from. */
export interface ApplicationsOfNode {
  readonly store: Pick<ApplicationStore, 'application' | 'allApplications' | 'operationsInProgress'>
  readonly lifecycle: Pick<Lifecycle, 'inspect'>
}

export interface NodeMetricsParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
}

/** The metrics of an application and how they are asked for. */
export class ApplicationMetrics {
  readonly jobs: InspectedJobs
  readonly collector: MetricsCollector
  /** `GET /apps/{name}/metrics`. */
  readonly service: ApiService

  constructor({ store, lifecycle }: ApplicationsOfNode, parts: NodeMetricsParts) {
    this.jobs = new InspectedJobs(store, lifecycle, parts.clock)
    this.collector = new MetricsCollector({ ...parts, store, jobs: this.jobs })
    this.service = new MetricsQueries(store, this.collector, parts.clock)
  }
}

/** All metrics of a node, as `/metrics` tells them. */
export class NodeMetrics {
  readonly #parts: NodeMetricsParts
  readonly #requests = new RequestMetrics()
  readonly #lag: LoopLag
  readonly #push: CloudWatchPush | undefined

  /** With `push` all points of the applications go to CloudWatch too, as soon as `follow` is called. */
  constructor(parts: NodeMetricsParts, push?: CloudWatchSettings) {
    this.#parts = parts
    this.#push = push && new CloudWatchPush(putMetricData(push), parts.logger)
    this.#lag = new LoopLag(parts.clock, parts.scheduler)
  }

  /** Hands the applications' points on, when they are to be pushed. */
  follow({ collector }: ApplicationMetrics): void {
    const push = this.#push
    if (push !== undefined) collector.onPoints((points) => push.offer(points))
  }

  /** The services with their requests counted. */
  measured(services: readonly ApiService[]): ApiService[] {
    return services.map((service) => new MeasuredService(service, this.#requests, this.#parts.clock))
  }

  /** In Prometheus's text format; applications as they were at the last collection. */
  text(
    registry: StreamRegistry,
    subscriptions: Pick<SubscriptionTable, 'liveCount'>,
    applications: ApplicationMetrics | undefined,
  ): string {
    const { collector } = applications ?? {}
    return prometheusText([
      ...this.#requests.families(),
      ...streamFamilies(registry, subscriptions),
      ...processFamilies(this.#lag),
      ...(this.#push?.families() ?? []),
      ...(collector === undefined ? [] : countFamilies(collector.counts)),
      ...(collector?.running ?? []).flatMap((name) =>
        applicationFamilies(collector?.latest(name) ?? [], collector?.lastAnswer(name)),
      ),
    ])
  }

  /** What is still to be pushed is tried, for a second at most. */
  async close(): Promise<void> {
    this.#lag.stop()
    this.#push?.flush()
    const { scheduler } = this.#parts
    await Promise.race([this.#push?.settled(), sleep(scheduler, 1000)])
  }
}
