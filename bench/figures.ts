import { loadavg } from 'node:os'

/** One measured figure: a value a run, the median counts. */
export interface Figure {
  readonly bench: string
  readonly metric: string
  readonly unit: string
  /** One value a run. */
  readonly values: readonly number[]
  /** What the median must stay below; nothing is asked of it unless given. */
  readonly bar?: number
  /** Anything that helps to read the figure. Plain data. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Where benches put their figures. */
export type Report = (figure: Figure) => void

/** What is going on, for whoever watches. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Prints figures: a JSON line each, or one for people. `missed` holds those that aren't below their bar. */
export function reporter(json: boolean): { readonly report: Report; readonly missed: readonly Figure[] } {
  const missed: Figure[] = []
  return {
    missed,
    report(figure) {
      const { bench, metric, unit, values, bar, details } = figure
      const sorted = [...values].sort((a, b) => a - b)
      const value = round(median(sorted))
      const meets = bar === undefined || value < bar
      if (!meets) missed.push(figure)
      const spread = [round(sorted[0]!), round(sorted.at(-1)!)]
      const load = round(loadavg()[0]!)
      const line = {
        bench,
        metric,
        unit,
        value,
        bar: bar ?? null,
        meets,
        spread,
        runs: values.length,
        load,
        ...details,
      }
      process.stdout.write(`${json ? JSON.stringify(line) : forPeople(line)}\n`)
    },
  }
}

function forPeople(line: {
  readonly bench: string
  readonly metric: string
  readonly unit: string
  readonly value: number
  readonly bar: number | null
  readonly meets: boolean
  readonly spread: readonly number[]
  readonly load: number
}): string {
  const { bench, metric, unit, value, bar, meets, spread, load } = line
  const verdict = bar === null ? '' : `   ${meets ? 'meets' : 'MISSES'} the bar of ${bar} ${unit}`
  return `${bench}: ${metric}: ${value} ${unit} (${spread.join(' to ')}, load ${load})${verdict}`
}

/** The middle value, the lower of two. Of at least one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] as number
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
