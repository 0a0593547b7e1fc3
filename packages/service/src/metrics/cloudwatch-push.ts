import type { MetricDatum, StandardUnit } from '@aws-sdk/client-cloudwatch'
import { asEngineError, type Logger } from '@millrace/engine/spi'
import type { MetricPoint } from './metric-point.ts'
import { seriesKey } from './metric-point.ts'
import type { MetricFamily } from './prometheus-text.ts'
import { merged, type StatisticSet } from './statistic-ring.ts'

/** Where Amazon's service has its metrics. */
export const cloudWatchNamespace = 'AWS/KinesisAnalytics'

/** PutMetricData takes no more at once. */
const maxDataPerCall = 1000
/** Batches that wait while the endpoint doesn't answer: two minutes of ten thousand series. */
const maxWaitingBatches = 20
const minuteMs = 60_000

/** Sends one batch, with as many attempts as it thinks right. */
export type PutMetricData = (data: readonly MetricDatum[]) => Promise<void>

export interface CloudWatchSettings {
  /** Undefined: where the AWS SDK finds CloudWatch (AWS_ENDPOINT_URL_CLOUDWATCH, or Amazon's of the region). */
  readonly url: string | undefined
  readonly region: string
  /** Undefined: those the AWS SDK finds. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** PutMetricData by the AWS SDK: three attempts, ten seconds each, gzip. */
export function putMetricData(settings: CloudWatchSettings): PutMetricData {
  // Its SDK takes a while to load, and most services push nothing.
  const loaded = import('@aws-sdk/client-cloudwatch').then((sdk) => ({
    sdk,
    client: new sdk.CloudWatchClient({
      region: settings.region,
      maxAttempts: 3,
      requestHandler: { requestTimeout: 10_000, connectionTimeout: 3_000 },
      ...(settings.url === undefined ? {} : { endpoint: settings.url }),
      ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    }),
  }))
  loaded.catch(() => {
    // Told by each batch that isn't sent.
  })
  return async (data) => {
    const { sdk, client } = await loaded
    await client.send(new sdk.PutMetricDataCommand({ Namespace: cloudWatchNamespace, MetricData: [...data] }))
  }
}

interface Minute {
  readonly point: MetricPoint
  readonly set: StatisticSet
}

/**
 * Hands points on to CloudWatch: a statistic set a series and minute, when the minute is over. Nobody waits for it: what
 * can't be sent is counted and dropped, and never more waits than a bounded number of batches.
 */
export class CloudWatchPush {
  readonly #put: PutMetricData
  readonly #logger: Logger
  readonly #minutes = new Map<string, Minute>()
  readonly #waiting: (readonly MetricDatum[])[] = []
  #minute = Number.NEGATIVE_INFINITY
  #sending: Promise<void> = Promise.resolve()
  #isSending = false
  #sent = 0
  #dropped = 0
  #failures = 0
  /** The last batch failed: told at the first, and at the end. */
  #failing = false

  constructor(put: PutMetricData, logger: Logger) {
    this.#put = put
    this.#logger = logger
  }

  /** Points of one collection; those of another minute than before end that one. */
  offer(points: readonly MetricPoint[]): void {
    for (const point of points) {
      const minute = Math.floor(point.timestampMs / minuteMs)
      if (minute > this.#minute) {
        this.flush()
        this.#minute = minute
      }
      const { value } = point
      const one = { sum: value, min: value, max: value, sampleCount: 1 }
      const key = seriesKey(point)
      const known = this.#minutes.get(key)
      this.#minutes.set(key, { point, set: known === undefined ? one : merged(known.set, one) })
    }
  }

  /** Sends what there is of the present minute. */
  flush(): void {
    const data = [...this.#minutes.values()].map((minute) => datum(minute, this.#minute * minuteMs))
    this.#minutes.clear()
    for (let from = 0; from < data.length; from += maxDataPerCall) {
      this.#waiting.push(data.slice(from, from + maxDataPerCall))
      // The oldest first: what is new is worth more.
      if (this.#waiting.length > maxWaitingBatches) this.#dropped += this.#waiting.shift()?.length ?? 0
    }
    if (!this.#isSending && this.#waiting.length > 0) this.#sending = this.#send()
  }

  async #send(): Promise<void> {
    this.#isSending = true
    for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) {
      try {
        await this.#put(batch)
        this.#sent += batch.length
        if (this.#failing) this.#logger.info('metrics are pushed again')
        this.#failing = false
      } catch (error) {
        this.#failures++
        this.#dropped += batch.length
        if (!this.#failing) this.#logger.warn('metrics not pushed', { reason: asEngineError(error).message })
        this.#failing = true
      }
    }
    // At once: a batch that comes a moment later finds nobody at work.
    this.#isSending = false
  }

  /** Resolves when nothing waits any more. */
  settled(): Promise<void> {
    return this.#sending
  }

  families(): MetricFamily[] {
    return [
      {
        name: 'millrace_cloudwatch_data_total',
        help: 'Statistic sets that were pushed to CloudWatch, or dropped.',
        type: 'counter',
        samples: [
          { labels: { outcome: 'sent' }, value: this.#sent },
          { labels: { outcome: 'dropped' }, value: this.#dropped },
        ],
      },
      {
        name: 'millrace_cloudwatch_failures_total',
        help: 'Batches that CloudWatch did not take.',
        type: 'counter',
        samples: [{ labels: {}, value: this.#failures }],
      },
    ]
  }
}

function datum({ point: { name, dimensions, unit }, set }: Minute, startMs: number): MetricDatum {
  return {
    MetricName: name,
    Dimensions: Object.entries(dimensions).map(([Name, value]) => ({ Name, Value: dimensionText(value) })),
    Timestamp: new Date(startMs),
    Unit: unit as StandardUnit,
    StatisticValues: { SampleCount: set.sampleCount, Sum: set.sum, Minimum: set.min, Maximum: set.max },
  }
}

/** CloudWatch takes 1 to 1024 printable ASCII characters, not all of them blank. */
function dimensionText(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1024)
  return printable.trim() === '' ? '?' : printable
}
