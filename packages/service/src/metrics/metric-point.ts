import type { MetricsLevel, MetricUnit } from './metric-table.ts'

/** Whose a value is: the names of the field that CloudWatch shows as dimensions. `Application` is always there. */
export interface MetricDimensions {
  readonly Application: string
  readonly Task?: string
  readonly Operator?: string
  /** The subtask's number, as text. */
  readonly Parallelism?: string
  readonly ShardId?: string
}

/** One value of one metric at one time. */
export interface MetricPoint {
  readonly name: string
  readonly level: MetricsLevel
  readonly dimensions: MetricDimensions
  readonly unit: MetricUnit
  /** Epoch ms. */
  readonly timestampMs: number
  readonly value: number
}

/** The same for all points of a series, and for no others. */
export function seriesKey({ name, level, dimensions }: Pick<MetricPoint, 'name' | 'level' | 'dimensions'>): string {
  const { Application, Task, Operator, Parallelism, ShardId } = dimensions
  return JSON.stringify([name, level, Application, Task, Operator, Parallelism, ShardId])
}
