import { type Report, say } from './figures.ts'

const BENCH = 'service'

/** What a part of the bench is run with. */
export interface ServiceBenchOptions {
  /** How often each thing is done. */
  readonly runs: number
  /** Only as much as shows that it works: the figures say nothing. */
  readonly quick: boolean
}

/** Measures one thing about the service. */
export type ServiceBenchPart = (report: Report, options: ServiceBenchOptions) => Promise<void>

export function note(text: string): void {
  say(`${BENCH}: ${text}`)
}

/** Reports the worst of what was measured, all of it beside. */
export function reportWorst(
  report: Report,
  metric: string,
  unit: string,
  measured: readonly number[],
  bar?: number,
): void {
  const details = { measured: measured.length, each: measured.map((value) => Number(value.toPrecision(3))) }
  report({
    bench: BENCH,
    metric,
    unit,
    values: [Math.max(...measured)],
    details,
    ...(bar === undefined ? {} : { bar }),
  })
}

/** Reports one figure. */
export function reportOne(
  report: Report,
  metric: string,
  unit: string,
  value: number,
  details: Readonly<Record<string, unknown>> = {},
  bar?: number,
): void {
  report({ bench: BENCH, metric, unit, values: [value], details, ...(bar === undefined ? {} : { bar }) })
}

/** The value that a share of the measured ones doesn't exceed. */
export function percentile(measured: readonly number[], share: number): number {
  const sorted = [...measured].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] as number
}
