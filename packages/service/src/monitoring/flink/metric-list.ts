import { badRequest } from './flink-error.ts'
import type { Figures } from './io-metrics.ts'

/** A metric and, when it was asked for by name, its value. */
export interface MetricAnswer {
  readonly id: string
  readonly value?: string
}

/** Without `get` the names of all, with it the values of those named; what isn't there is left out, as in Flink. */
export function answerMetrics(figures: Figures, query: URLSearchParams): MetricAnswer[] {
  const names = namesOf(query, 'get')
  if (names === undefined) return Object.keys(figures).map((id) => ({ id }))
  return names.flatMap((id) => {
    const value = Object.hasOwn(figures, id) ? figures[id] : null
    return value === null || value === undefined ? [] : [{ id, value: String(value) }]
  })
}

const aggregations = ['min', 'max', 'avg', 'sum', 'skew'] as const

/** The same over several scopes: `agg` says how, all of them unless given. */
export function aggregateMetrics(scopes: readonly Figures[], query: URLSearchParams): object[] {
  const names = namesOf(query, 'get')
  if (names === undefined) return [...new Set(scopes.flatMap((figures) => Object.keys(figures)))].map((id) => ({ id }))
  const asked = namesOf(query, 'agg') ?? aggregations
  const unknown = asked.find((name) => !(aggregations as readonly string[]).includes(name))
  if (unknown !== undefined) throw badRequest(`Cannot resolve query parameter (agg) from value "${unknown}".`)
  return names.flatMap((id) => {
    const values = scopes.flatMap((figures) => {
      const value = Object.hasOwn(figures, id) ? figures[id] : null
      return value === null || value === undefined ? [] : [value]
    })
    if (values.length === 0) return []
    const all: Record<string, number> = aggregate(values)
    return [{ id, ...Object.fromEntries(asked.map((name) => [name, all[name]])) }]
  })
}

function aggregate(values: readonly number[]): Record<(typeof aggregations)[number], number> {
  const sum = values.reduce((total, value) => total + value, 0)
  const avg = sum / values.length
  // Flink's: how far the values are from their mean on average, in percent of it.
  const deviation = values.reduce((total, value) => total + Math.abs(value - avg), 0) / values.length
  const skew = avg === 0 ? 0 : Math.min(100, (deviation / avg) * 100)
  return { min: Math.min(...values), max: Math.max(...values), avg, sum, skew }
}

function namesOf(query: URLSearchParams, parameter: string): string[] | undefined {
  const value = query.get(parameter)
  return value === null || value === '' ? undefined : value.split(',')
}
