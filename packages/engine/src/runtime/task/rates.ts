/** How far back a rate looks: as Flink's meters, which are brought up to date every five seconds. */
export const RATE_WINDOW_MS = 5000

interface Sample {
  readonly atMs: number
  readonly totals: Readonly<Record<string, number>>
}

/**
 * Rates of totals that only grow, over the last five seconds or the little more since the sample before. Whoever asks
 * disturbs no one else: nothing is reset.
 */
export class Rates {
  /** In order of time; the first is the base of the next answer. */
  readonly #samples: Sample[]

  /** From that time (monotonic ms) and these totals on. */
  constructor(startMs: number, totals: Readonly<Record<string, number>> = {}) {
    this.#samples = [{ atMs: startMs, totals }]
  }

  /** Takes note of the totals; to be called about every five seconds. Monotonic ms. */
  sample(nowMs: number, totals: Readonly<Record<string, number>>): void {
    while ((this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - RATE_WINDOW_MS) this.#samples.shift()
    this.#samples.push({ atMs: nowMs, totals })
  }

  /** Growth of each total a second; null while no time has passed. A total that is new has grown from 0. */
  perSecond(nowMs: number, totals: Readonly<Record<string, number>>): Record<string, number | null> {
    let base = this.#samples[0] as Sample
    for (const sample of this.#samples) if (sample.atMs <= nowMs - RATE_WINDOW_MS) base = sample
    const seconds = (nowMs - base.atMs) / 1000
    return Object.fromEntries(
      Object.entries(totals).map(([name, total]) => [
        name,
        seconds > 0 ? Math.max(total - (base.totals[name] ?? 0), 0) / seconds : null,
      ]),
    )
  }
}
