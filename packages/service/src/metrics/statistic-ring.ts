/** The values of a stretch of time in short, as CloudWatch keeps them. */
export interface StatisticSet {
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly sampleCount: number
}

/** Statistic sets of the newest stretches of time, all of one length. Memory is fixed: 40 bytes a stretch. */
export class StatisticRing {
  readonly #slotMs: number
  /** Which stretch a place holds, by its number since 1970; NaN: none. */
  readonly #slot: Float64Array
  readonly #sum: Float64Array
  readonly #min: Float64Array
  readonly #max: Float64Array
  readonly #count: Float64Array
  #newest = Number.NEGATIVE_INFINITY

  constructor(slotMs: number, slots: number) {
    this.#slotMs = slotMs
    this.#slot = new Float64Array(slots).fill(Number.NaN)
    this.#sum = new Float64Array(slots)
    this.#min = new Float64Array(slots)
    this.#max = new Float64Array(slots)
    this.#count = new Float64Array(slots)
  }

  /** A value of a time that the ring has left behind is dropped. */
  add(timestampMs: number, value: number): void {
    const slot = Math.floor(timestampMs / this.#slotMs)
    const size = this.#slot.length
    if (slot <= this.#newest - size) return
    this.#newest = Math.max(this.#newest, slot)
    const at = ((slot % size) + size) % size
    if (this.#slot[at] !== slot) {
      this.#slot[at] = slot
      this.#sum[at] = 0
      this.#count[at] = 0
      this.#min[at] = Number.POSITIVE_INFINITY
      this.#max[at] = Number.NEGATIVE_INFINITY
    }
    this.#sum[at] = (this.#sum[at] as number) + value
    this.#count[at] = (this.#count[at] as number) + 1
    this.#min[at] = Math.min(this.#min[at] as number, value)
    this.#max[at] = Math.max(this.#max[at] as number, value)
  }

  /** The beginning of the newest stretch that has a value, epoch ms. */
  get newestMs(): number {
    return this.#newest * this.#slotMs
  }

  /** Each stretch that begins in [startMs, endMs) and has values, in order of time. */
  *between(startMs: number, endMs: number): Generator<StatisticSet & { readonly startMs: number }> {
    const size = this.#slot.length
    const first = Math.max(Math.ceil(startMs / this.#slotMs), this.#newest - size + 1)
    const last = Math.min(Math.ceil(endMs / this.#slotMs) - 1, this.#newest)
    for (let slot = first; slot <= last; slot++) {
      const at = ((slot % size) + size) % size
      if (this.#slot[at] !== slot) continue
      yield {
        startMs: slot * this.#slotMs,
        sum: this.#sum[at] as number,
        min: this.#min[at] as number,
        max: this.#max[at] as number,
        sampleCount: this.#count[at] as number,
      }
    }
  }
}

/** Two sets of one series as one. */
export function merged(a: StatisticSet, b: StatisticSet): StatisticSet {
  return {
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sampleCount: a.sampleCount + b.sampleCount,
  }
}
