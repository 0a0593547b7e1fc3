export interface Percentiles {
  readonly p50: number | null
  readonly p99: number | null
  readonly p999: number | null
}

const MOST_SAMPLES = 200_000

/**
 * Latency from an acknowledgement to the alert for it. The two may come in either order: an alert that overtakes the
 * stream's answer has latency 0. Memory is bounded; the newest are kept.
 */
export class Latencies {
  readonly #acknowledgedAt = new Bounded<number>(MOST_SAMPLES)
  readonly #arrivedAt = new Bounded<number>(MOST_SAMPLES)
  #samples: { readonly atMs: number; readonly latencyMs: number }[] = []

  acknowledged(position: string, atMs: number): void {
    const arrivedAt = this.#arrivedAt.take(position)
    if (arrivedAt === undefined) this.#acknowledgedAt.set(position, atMs)
    else this.#add(atMs, 0)
  }

  /** The first alert for a position. */
  alerted(position: string, atMs: number): void {
    const acknowledgedAt = this.#acknowledgedAt.take(position)
    if (acknowledgedAt === undefined) this.#arrivedAt.set(position, atMs)
    else this.#add(acknowledgedAt, atMs - acknowledgedAt)
  }

  /** Of those acknowledged from `fromMs` on; null where there are none. */
  percentiles(fromMs = Number.NEGATIVE_INFINITY): Percentiles & { readonly samples: number } {
    const sorted = this.#samples
      .filter(({ atMs }) => atMs >= fromMs)
      .map(({ latencyMs }) => latencyMs)
      .sort((a, b) => a - b)
    const at = (share: number) => {
      const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
      return value === undefined ? null : Math.round(value * 100) / 100
    }
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999), samples: sorted.length }
  }

  #add(atMs: number, latencyMs: number): void {
    if (this.#samples.length >= MOST_SAMPLES) this.#samples = this.#samples.slice(MOST_SAMPLES / 2)
    this.#samples.push({ atMs, latencyMs })
  }
}

/** A map that forgets its oldest entries. */
export class Bounded<V> {
  readonly #entries = new Map<string, V>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  set(key: string, value: V): void {
    this.#entries.set(key, value)
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value!)
  }

  take(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) this.#entries.delete(key)
    return value
  }
}
