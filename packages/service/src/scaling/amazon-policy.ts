import type { ScalingDecision, ScalingPoint } from './scaling-point.ts'

/** Between what CurrentParallelism may move. */
export interface ParallelismBounds {
  /** The configured Parallelism. */
  readonly min: number
  /** ParallelismPerKPU times the limit of KPUs, and what the keys can be divided among. */
  readonly max: number
}

/** How many points in a row were high, and low. */
export interface AmazonWindows {
  readonly high: number
  readonly low: number
}

export const emptyAmazonWindows: AmazonWindows = { high: 0, low: 0 }

export interface AmazonStep {
  readonly windows: AmazonWindows
  readonly decision: ScalingDecision | undefined
}

type AmazonPoint = Pick<ScalingPoint, 'cpuUtilizationPercent' | 'currentParallelism'>

const highPercent = 75
const highPoints = 15
const lowPercent = 10
const lowPoints = 360

/**
 * Amazon's rule, for one point a minute: 15 points in a row of at least 75 % containerCPUUtilization double the parallelism,
 * 360 below 10 % halve it (rounded up), within the bounds. A minute without a point neither counts nor interrupts: it says
 * nothing. After a decision both windows are empty. At a bound they stay full: the first point after the bound has moved
 * decides.
 *
 * Source: Managed Service for Apache Flink, developer guide, "Implement application scaling".
 */
export function amazonStep(
  before: AmazonWindows,
  { cpuUtilizationPercent, currentParallelism }: AmazonPoint,
  { min, max }: ParallelismBounds,
): AmazonStep {
  if (cpuUtilizationPercent === undefined) return { windows: before, decision: undefined }
  const windows = {
    high: cpuUtilizationPercent >= highPercent ? Math.min(before.high + 1, highPoints) : 0,
    low: cpuUtilizationPercent < lowPercent ? Math.min(before.low + 1, lowPoints) : 0,
  }
  const figures = { cpuUtilizationPercent }
  if (windows.high === highPoints) {
    const parallelism = Math.min(currentParallelism * 2, max)
    if (parallelism > currentParallelism) {
      const reason = `CPU was at ${highPercent} % or more for ${highPoints} minutes`
      return { windows: emptyAmazonWindows, decision: { parallelism, reason, figures } }
    }
  }
  if (windows.low === lowPoints) {
    const parallelism = Math.max(Math.ceil(currentParallelism / 2), min)
    if (parallelism < currentParallelism) {
      const reason = `CPU was below ${lowPercent} % for ${lowPoints / 60} hours`
      return { windows: emptyAmazonWindows, decision: { parallelism, reason, figures } }
    }
  }
  return { windows, decision: undefined }
}
