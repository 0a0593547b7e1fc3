/** What is known of a running application at one moment. What couldn't be measured is undefined, never zero. */
export interface ScalingPoint {
  /** Epoch ms. */
  readonly timestampMs: number
  /** `containerCPUUtilization` of the busiest container since the last point, in percent of its KPUs' CPU. */
  readonly cpuUtilizationPercent: number | undefined
  /** Share of time that the subtasks of the busiest vertex work, their mean, in percent. */
  readonly busyPercent: number | undefined
  /** Records that the sources emit each second, all together. */
  readonly recordsInPerSecond: number | undefined
  /** What waits in the sources. */
  readonly backlog: Backlog | undefined
  readonly currentParallelism: number
}

/** Records where a source can count them, else how far the slowest reader is behind the newest record. */
export type Backlog = { readonly records: number } | { readonly millisBehindLatest: number }

/** What a policy wants, and why: the reason and its figures are logged. */
export interface ScalingDecision {
  readonly parallelism: number
  readonly reason: string
  readonly figures: Readonly<Record<string, number>>
}
