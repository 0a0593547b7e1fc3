/** A sample of numbers in short. Without any number minimum, maximum and average are 0, percentiles undefined. */
export interface NumberSummary {
  readonly min: number
  readonly max: number
  readonly avg: number
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly p999: number | null
}

/** How many of the newest values percentiles are taken of. */
const WINDOW = 1000

/** Sums numbers up: minimum, maximum and average of all, percentiles of the newest 1,000. */
export class RunningSummary {
  readonly #window: number[] = []
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY

  add(value: number): void {
    this.#window[this.#count % WINDOW] = value
    this.#count++
    this.#sum += value
    this.#min = Math.min(this.#min, value)
    this.#max = Math.max(this.#max, value)
  }

  summary(): NumberSummary {
    const none = this.#count === 0
    return {
      min: none ? 0 : this.#min,
      max: none ? 0 : this.#max,
      avg: none ? 0 : this.#sum / this.#count,
      ...percentiles(this.#window),
    }
  }
}

/** A few numbers, summed up at once. */
export function summarize(values: readonly number[]): NumberSummary {
  const running = new RunningSummary()
  for (const value of values) running.add(value)
  return running.summary()
}

function percentiles(values: readonly number[]): Pick<NumberSummary, 'p50' | 'p90' | 'p95' | 'p99' | 'p999'> {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (quantile: number): number | null => quantileOf(sorted, quantile)
  return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), p999: at(0.999) }
}

/** Between the two nearest ranks (Hyndman and Fan 1996, type 6: what Flink's histograms use). */
function quantileOf(sorted: readonly number[], quantile: number): number | null {
  if (sorted.length === 0) return null
  const rank = quantile * (sorted.length + 1)
  const below = Math.floor(rank)
  const at = (position: number): number => sorted[Math.min(Math.max(position, 1), sorted.length) - 1] as number
  return at(below) + (rank - below) * (at(below + 1) - at(below))
}
