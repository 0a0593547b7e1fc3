import type { ApplicationRecord } from '../applications/application-record.ts'
import { type AmazonWindows, amazonStep, emptyAmazonWindows, type ParallelismBounds } from './amazon-policy.ts'
import { type BacklogMemory, backlogStep, newBacklogMemory } from './backlog-policy.ts'
import type { ScalingDecision, ScalingPoint } from './scaling-point.ts'
import { scalingSettings } from './scaling-settings.ts'

/** What one point leads to. */
export interface Attended {
  readonly decision: ScalingDecision | undefined
  /** Why nothing was decided although more is needed; told once. */
  readonly held: string | undefined
  readonly hibernateAfterMinutes: number | undefined
}

interface Memory {
  readonly windows: AmazonWindows
  readonly backlog: BacklogMemory
}

const minuteMs = 60_000
/** An accepted change that didn't come about isn't tried again for this long, twice as long each time up to the longest. */
const firstPauseMs = 60_000
const longestPauseMs = 1_800_000

export function newAttention({ versionId }: ApplicationRecord, nowMs: number): Attention {
  return new Attention(versionId, nowMs)
}

/** What is remembered of one version of a running application between its points. */
export class Attention {
  readonly versionId: number
  /** Of the minute that runs. */
  cpuPercents: number[] = []
  /** Undefined: it begins with the next point. */
  minuteStartMs: number | undefined
  memory: Memory
  held: string | undefined
  pausedUntilMs = 0
  #before: Memory
  #expected: number | undefined
  #failures = 0

  constructor(versionId: number, nowMs: number) {
    this.versionId = versionId
    this.memory = { windows: emptyAmazonWindows, backlog: newBacklogMemory(0, nowMs) }
    this.#before = this.memory
  }

  /** It doesn't run now: windows begin afresh when it does. */
  interrupt(): void {
    this.cpuPercents = []
    this.minuteStartMs = undefined
    this.memory = { ...this.memory, windows: emptyAmazonWindows }
  }

  /** Before a point is looked at. */
  begin(currentParallelism: number, nowMs: number): void {
    this.#before = this.memory
    if (this.#expected === undefined) return
    const isReached = this.#expected === currentParallelism
    this.#failures = isReached ? 0 : this.#failures + 1
    if (!isReached) this.pausedUntilMs = nowMs + Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs)
    this.#expected = undefined
  }

  accepted(parallelism: number): void {
    this.#expected = parallelism
    this.cpuPercents = []
    this.minuteStartMs = undefined
  }

  /** As if the point hadn't decided. */
  refused(): void {
    this.memory = this.#before
  }
}

/** Feeds a point to the policy that the application's properties name. */
export function attend(
  attention: Attention,
  { configuration }: ApplicationRecord,
  point: ScalingPoint,
  bounds: ParallelismBounds,
): Attended {
  const { timestampMs, currentParallelism } = point
  const { parallelism, autoScalingEnabled } = configuration.parallelism
  const settings = scalingSettings(configuration.properties, { parallelism, maxParallelism: bounds.max })
  const { hibernateAfterMinutes } = settings
  attention.begin(currentParallelism, timestampMs)
  if (!autoScalingEnabled || timestampMs < attention.pausedUntilMs) {
    return { decision: undefined, held: undefined, hibernateAfterMinutes }
  }
  if (settings.backlog === undefined) {
    return { decision: minutely(attention, point, bounds), held: undefined, hibernateAfterMinutes }
  }
  const step = backlogStep(attention.memory.backlog, point, settings.backlog)
  attention.memory = { ...attention.memory, backlog: step.memory }
  const held = step.held === attention.held ? undefined : step.held
  attention.held = step.held
  return { decision: step.decision, held, hibernateAfterMinutes }
}

/** Amazon's rule takes the greatest value of each whole minute. */
function minutely(attention: Attention, point: ScalingPoint, bounds: ParallelismBounds): ScalingDecision | undefined {
  const { timestampMs, cpuUtilizationPercent, currentParallelism } = point
  if (cpuUtilizationPercent !== undefined) attention.cpuPercents.push(cpuUtilizationPercent)
  attention.minuteStartMs ??= timestampMs
  if (timestampMs - attention.minuteStartMs < minuteMs) return undefined
  const greatest = attention.cpuPercents.length === 0 ? undefined : Math.max(...attention.cpuPercents)
  attention.cpuPercents = []
  attention.minuteStartMs = timestampMs
  const step = amazonStep(attention.memory.windows, { cpuUtilizationPercent: greatest, currentParallelism }, bounds)
  attention.memory = { ...attention.memory, windows: step.windows }
  return step.decision
}
