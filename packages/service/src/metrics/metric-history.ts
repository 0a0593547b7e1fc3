import { type MetricDimensions, type MetricPoint, seriesKey } from './metric-point.ts'
import type { MetricsLevel, MetricUnit } from './metric-table.ts'
import { merged, StatisticRing, type StatisticSet } from './statistic-ring.ts'

/** What is asked of the history. */
export interface MetricQuery {
  readonly applicationName: string
  readonly name: string
  readonly level?: MetricsLevel | undefined
  /** Only series with these dimensions. */
  readonly dimensions?: Partial<MetricDimensions>
  /** Epoch ms; the end is not part of it. */
  readonly startMs: number
  readonly endMs: number
  /** A multiple of 10 s; of a minute where the last 15 minutes aren't enough. */
  readonly periodMs: number
}

/** A series of an answer; periods without values are left out. */
export interface MetricSeries {
  readonly name: string
  readonly level: MetricsLevel
  readonly dimensions: MetricDimensions
  readonly unit: MetricUnit
  /** `startMs`: of the period, a multiple of its length since 1970. */
  readonly datapoints: readonly (StatisticSet & { readonly startMs: number })[]
}

/** Metrics of the applications of a node: the newest, and the last hours. */
export interface MetricPoints {
  /** Those of the last collection; none when the application doesn't run. */
  latest(applicationName: string): readonly MetricPoint[]
  query(query: MetricQuery): readonly MetricSeries[]
}

/** The finest time that is told apart, and how long: 15 minutes. */
export const fineMs = 10_000
const fineSlots = 90
/** The longest that a query of fine values reaches back. */
export const fineReachMs = fineSlots * fineMs
/** Beyond that minutes, for six and a half hours: Amazon's rule of scaling looks back six. */
const coarseMs = 60_000
const coarseSlots = 390
/** More series of an application than these are told as they are, without a history. */
const maxSeriesPerApplication = 1000

interface Series {
  readonly first: MetricPoint
  readonly fine: StatisticRing
  readonly coarse: StatisticRing
}

/** Keeps points in memory, bounded: some 20 KB a series, a thousand series an application. */
export class MetricHistory implements MetricPoints {
  readonly #applications = new Map<string, Map<string, Series>>()
  readonly #latest = new Map<string, readonly MetricPoint[]>()

  /** What one collection has found of an application. */
  add(applicationName: string, points: readonly MetricPoint[]): void {
    this.#latest.set(applicationName, points)
    const known = this.#applications.get(applicationName) ?? new Map<string, Series>()
    this.#applications.set(applicationName, known)
    for (const point of points) {
      const key = seriesKey(point)
      let series = known.get(key)
      if (series === undefined) {
        if (known.size >= maxSeriesPerApplication) continue
        const fine = new StatisticRing(fineMs, fineSlots)
        series = { first: point, fine, coarse: new StatisticRing(coarseMs, coarseSlots) }
        known.set(key, series)
      }
      series.fine.add(point.timestampMs, point.value)
      series.coarse.add(point.timestampMs, point.value)
    }
  }

  /** It doesn't run any more: there is nothing newest. */
  stopped(applicationName: string): void {
    this.#latest.delete(applicationName)
  }

  /** It is gone, with all its metrics. */
  forget(applicationName: string): void {
    this.#latest.delete(applicationName)
    this.#applications.delete(applicationName)
  }

  /** Forgets every series that has had no value since then. */
  forgetBefore(timestampMs: number): void {
    for (const [name, known] of this.#applications) {
      for (const [key, { coarse }] of known) {
        if (coarse.newestMs < timestampMs) known.delete(key)
      }
      if (known.size === 0 && !this.#latest.has(name)) this.#applications.delete(name)
    }
  }

  /** Those it knows anything of. */
  get applications(): readonly string[] {
    return [...this.#applications.keys()]
  }

  latest(applicationName: string): readonly MetricPoint[] {
    return this.#latest.get(applicationName) ?? []
  }

  query({ applicationName, name, level, dimensions = {}, startMs, endMs, periodMs }: MetricQuery): MetricSeries[] {
    const chosen = [...(this.#applications.get(applicationName)?.values() ?? [])].filter(
      ({ first }) =>
        first.name === name &&
        (level === undefined || first.level === level) &&
        Object.entries(dimensions).every(([key, value]) => first.dimensions[key as keyof MetricDimensions] === value),
    )
    return chosen.map(({ first, fine, coarse }) => ({
      name,
      level: first.level,
      dimensions: first.dimensions,
      unit: first.unit,
      datapoints: [...periods(periodMs % coarseMs === 0 ? coarse : fine, startMs, endMs, periodMs)],
    }))
  }
}

function* periods(
  ring: StatisticRing,
  startMs: number,
  endMs: number,
  periodMs: number,
): Generator<StatisticSet & { readonly startMs: number }> {
  let current: (StatisticSet & { readonly startMs: number }) | undefined
  const from = Math.floor(startMs / periodMs) * periodMs
  const until = Math.ceil(endMs / periodMs) * periodMs
  for (const { startMs: slotMs, ...set } of ring.between(from, until)) {
    const periodStartMs = Math.floor(slotMs / periodMs) * periodMs
    if (current !== undefined && current.startMs === periodStartMs) {
      current = { startMs: periodStartMs, ...merged(current, set) }
      continue
    }
    if (current !== undefined) yield current
    current = { startMs: periodStartMs, ...set }
  }
  if (current !== undefined) yield current
}
