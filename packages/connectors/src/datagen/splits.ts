import type { Split } from '@millrace/engine/spi'

/** Every `step`-th record from `next` on. */
export interface DatagenSplit extends Split {
  readonly id: string
  /** Index of the next record to be made. */
  readonly next: number
  /** Number of splits of the source. */
  readonly step: number
}

/** The splits that no reader has. */
export interface DatagenEnumeratorState {
  readonly waiting: readonly DatagenSplit[]
}

/** The splits of a first start. */
export function firstSplits(count: number): DatagenSplit[] {
  return Array.from({ length: count }, (_, i) => ({ id: `split-${i}`, next: i, step: count }))
}
