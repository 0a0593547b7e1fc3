import type { MetricFamily, PrometheusSample } from './prometheus-text.ts'

/** Seconds, up to which a bucket counts. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** What isn't known to be an operation: names come from clients, who may make them up. */
const OTHER = 'other'

interface Latency {
  readonly counts: number[]
  sum: number
  count: number
}

/** Counts requests by operation and outcome, and how long they took. */
export class RequestMetrics {
  /** Operations that succeeded once: there are no others to count apart. */
  readonly #known = new Set<string>()
  readonly #counts = new Map<string, { labels: Record<string, string>; value: number }>()
  readonly #latency = new Map<string, Latency>()

  /** A request that a service carried out. */
  succeeded(operation: string, status: number): void {
    this.#known.add(operation)
    this.#count(operation, status, 'none')
  }

  /** One that was refused, by its service or before it. `code`: the error's name. */
  failed(operation: string, status: number, code: string): void {
    this.#count(this.#known.has(operation) ? operation : OTHER, status, code)
  }

  /** How long a service took over a request, with whatever outcome. */
  took(operation: string, durationMs: number): void {
    const name = this.#known.has(operation) ? operation : OTHER
    let latency = this.#latency.get(name)
    if (latency === undefined) {
      latency = { counts: buckets.map(() => 0), sum: 0, count: 0 }
      this.#latency.set(name, latency)
    }
    const seconds = durationMs / 1000
    const bucket = buckets.findIndex((limit) => seconds <= limit)
    if (bucket >= 0) latency.counts[bucket] = (latency.counts[bucket] as number) + 1
    latency.sum += seconds
    latency.count++
  }

  #count(operation: string, status: number, code: string): void {
    const key = `${operation}\n${status}\n${code}`
    let count = this.#counts.get(key)
    if (count === undefined) {
      count = { labels: { operation, status: String(status), code }, value: 0 }
      this.#counts.set(key, count)
    }
    count.value++
  }

  families(): MetricFamily[] {
    return [
      {
        name: 'millrace_api_requests_total',
        help: 'Requests that were answered.',
        type: 'counter',
        samples: [...this.#counts.values()],
      },
      {
        name: 'millrace_api_request_duration_seconds',
        help: 'From when a service was given a request until it had the answer.',
        type: 'histogram',
        samples: [...this.#latency].flatMap(([operation, latency]) => histogram(operation, latency)),
      },
    ]
  }
}

function histogram(operation: string, { counts, sum, count }: Latency): PrometheusSample[] {
  let below = 0
  const samples: PrometheusSample[] = buckets.map((limit, i) => {
    below += counts[i] as number
    return { suffix: '_bucket', labels: { operation, le: String(limit) }, value: below }
  })
  return [
    ...samples,
    { suffix: '_bucket', labels: { operation, le: '+Inf' }, value: count },
    { suffix: '_sum', labels: { operation }, value: sum },
    { suffix: '_count', labels: { operation }, value: count },
  ]
}
