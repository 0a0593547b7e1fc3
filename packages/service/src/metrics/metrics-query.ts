import type { Clock } from '@millrace/engine/spi'
import type { ApplicationStore } from '../storage/application-store.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService } from '../wire/api-service.ts'
import { describeJsonError } from '../wire/json-error.ts'
import { fineMs, fineReachMs, type MetricPoints, type MetricSeries } from './metric-history.ts'
import { declarationOf, isKept, type MetricsLevel, metricsLevels } from './metric-table.ts'
import type { StatisticSet } from './statistic-ring.ts'

/** Names are those of the service model, so that no path is hidden in them. */
const route = /^\/apps\/([a-zA-Z0-9_.-]{1,128})\/metrics(?:\?(.*))?$/
const maxDatapoints = 100_800

const statistics: Readonly<Record<string, (set: StatisticSet) => number>> = {
  Average: ({ sum, sampleCount }) => sum / sampleCount,
  Sum: ({ sum }) => sum,
  Minimum: ({ min }) => min,
  Maximum: ({ max }) => max,
  SampleCount: ({ sampleCount }) => sampleCount,
}

/**
 * Applications' metrics over HTTP, signed as the API is. `GET /apps/{name}/metrics` answers with the newest of all,
 * `?name=METRIC` with its history: `start` and `end` (ISO 8601 or epoch ms; the last 15 minutes), `period` (seconds, 60),
 * `statistic` (Average, Sum, Minimum, Maximum, SampleCount; all unless given). `level` chooses one level.
 */
export class MetricsQueries implements ApiService {
  readonly signingName = 'kinesisanalytics'
  readonly #store: Pick<ApplicationStore, 'application'>
  readonly #points: MetricPoints
  readonly #clock: Clock

  constructor(store: Pick<ApplicationStore, 'application'>, points: MetricPoints, clock: Clock) {
    this.#store = store
    this.#points = points
    this.#clock = clock
  }

  accepts(method: string, target: string): boolean {
    return method === 'GET' && route.test(target)
  }

  /** Errors: `ResourceNotFoundException`, `InvalidArgumentException`. */
  async handle({ target }: Pick<ApiCall, 'target'>): Promise<ApiAnswer> {
    const [, applicationName = '', query = ''] = route.exec(target) ?? []
    const parameters = new URLSearchParams(query)
    const level = levelOf(parameters)
    const name = parameters.get('name')
    const answer = name === null ? undefined : this.#history(applicationName, name, level, parameters)
    const application = await this.#store.application(applicationName)
    if (application === undefined) {
      throw new ApiError('ResourceNotFoundException', `There is no application ${applicationName}.`)
    }
    const { status, configuration } = application
    const kept = configuration.monitoring.metricsLevel
    return json({
      application: applicationName,
      status,
      metricsLevel: kept,
      ...(answer ?? { metrics: this.#latest(applicationName, level) }),
      ...(level === undefined || isKept(level, kept) ? {} : { note: `MetricsLevel is ${kept}: ${level} isn't kept.` }),
    })
  }

  #latest(applicationName: string, wanted: MetricsLevel | undefined): unknown {
    return this.#points
      .latest(applicationName)
      .filter(({ level }) => wanted === undefined || level === wanted)
      .map(({ name, level, dimensions, unit, timestampMs, value }) => ({
        name,
        level,
        dimensions,
        unit,
        timestamp: new Date(timestampMs).toISOString(),
        value,
      }))
  }

  #history(
    applicationName: string,
    name: string,
    level: MetricsLevel | undefined,
    parameters: URLSearchParams,
  ): { readonly series: unknown } {
    if (declarationOf(name) === undefined) throw invalidArgument(`There is no metric ${name}.`)
    const nowMs = this.#clock.now()
    const endMs = timeOf(parameters, 'end') ?? nowMs + 1
    const startMs = timeOf(parameters, 'start') ?? endMs - fineReachMs
    const periodMs = periodOf(parameters)
    const statistic = parameters.get('statistic') ?? undefined
    if (statistic !== undefined && !Object.hasOwn(statistics, statistic)) {
      throw invalidArgument(`statistic must be one of ${Object.keys(statistics).join(', ')}.`)
    }
    if (startMs >= endMs) throw invalidArgument('start must be before end.')
    if ((endMs - startMs) / periodMs > maxDatapoints) {
      throw invalidArgument(`That are more than ${maxDatapoints} periods: take a longer period or less time.`)
    }
    if (periodMs % 60_000 !== 0 && startMs < nowMs - fineReachMs - 60_000) {
      throw invalidArgument('Older than 15 minutes, period must be a multiple of 60 seconds.')
    }
    const series = this.#points.query({ applicationName, name, level, startMs, endMs, periodMs })
    return { series: series.map((one) => described(one, statistic)) }
  }

  readonly describeError = describeJsonError
}

function described(
  { name, level, dimensions, unit, datapoints }: MetricSeries,
  statistic: string | undefined,
): unknown {
  const chosen = Object.entries(statistics).filter(([key]) => statistic === undefined || key === statistic)
  return {
    name,
    level,
    dimensions,
    unit,
    datapoints: datapoints.map((set) => ({
      timestamp: new Date(set.startMs).toISOString(),
      ...Object.fromEntries(chosen.map(([key, of]) => [key, of(set)])),
    })),
  }
}

function levelOf(parameters: URLSearchParams): MetricsLevel | undefined {
  const text = parameters.get('level')
  if (text === null) return undefined
  const level = metricsLevels.find((one) => one === text.toUpperCase())
  if (level !== undefined) return level
  throw invalidArgument(`level must be one of ${metricsLevels.join(', ')}.`)
}

function timeOf(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name)
  if (text === null) return undefined
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(ms)) return ms
  throw invalidArgument(`${name} must be a time: ISO 8601, or milliseconds since 1970.`)
}

function periodOf(parameters: URLSearchParams): number {
  const text = parameters.get('period') ?? '60'
  const periodMs = Number(text) * 1000
  if (/^\d{1,6}$/.test(text) && periodMs > 0 && periodMs % fineMs === 0) return periodMs
  throw invalidArgument('period must be a number of seconds, a multiple of 10.')
}

function json(value: unknown): ApiAnswer {
  return { status: 200, contentType: 'application/json', body: JSON.stringify(value) }
}
