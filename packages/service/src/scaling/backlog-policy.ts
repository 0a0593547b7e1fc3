import type { Backlog, ScalingDecision, ScalingPoint } from './scaling-point.ts'
import type { BacklogSettings } from './scaling-settings.ts'

/** What one point says about the load. */
interface Load {
  readonly timestampMs: number
  readonly busyPercent: number
  /** What all subtasks could do if they worked all the time, records a second; undefined when they do too little to tell. */
  readonly capacity: number | undefined
  /** How long it took what waits to arrive. */
  readonly backlogSeconds: number
  /** Subtasks that would do at the wanted busy share; a real number. */
  readonly need: number
}

/** The last rise, to tell whether it brought anything. */
interface Rise {
  readonly timestampMs: number
  readonly from: number
  readonly capacity: number
}

/** What the policy remembers. Plain data. */
export interface BacklogMemory {
  readonly parallelism: number
  readonly changedMs: number
  /** Since the last change, oldest first, no older than what a fall is decided on. */
  readonly loads: readonly Load[]
  /** The point before, unless something was unknown in it. */
  readonly last: ScalingPoint | undefined
  readonly rise: Rise | undefined
}

export interface BacklogStep {
  readonly memory: BacklogMemory
  readonly decision: ScalingDecision | undefined
  /** Why nothing was decided although more is needed. */
  readonly held: string | undefined
}

/** A rise is decided on the mean of three points. */
const risePoints = 3
/** A fall is decided on the greatest need of so long: a load that comes back soon finds what it needs. */
const fallMs = 300_000
/** Of the points of that time, at ten seconds each, some may be missing. */
const fallPoints = 24
/** While a restarted job warms up its figures say little: those of its first ten seconds, points being a little uneven. */
const settleMs = 8_000
/** How long working off a backlog may take. */
const catchUpSeconds = 300
/** So far above the wanted busy share is too busy; less isn't worth a restart. */
const busyMargin = 12
/** A need below this share of what is there is worth a restart. */
const fallShare = 0.7
/** No further at once: a need computed from an overloaded job's figures is rough. */
const greatestFactor = 4
/** A rise must bring this share of what it adds, or none is tried again for some time. */
const leastGain = 0.1
const patienceMs = 1_800_000
/** Below this the ratio of rate and busy time is noise. */
const leastBusyPercent = 2
/** A lag that grows this fast says only that nearly nothing gets done. */
const greatestLagGrowth = 0.9

/** Nothing is known yet: at a start, after an update, after a restart of the service. */
export function newBacklogMemory(parallelism: number, nowMs: number): BacklogMemory {
  return { parallelism, changedMs: nowMs, loads: [], last: undefined, rise: undefined }
}

/**
 * Scaling by need, for one point every ten seconds. What a subtask could do is its rate over its busy share (its "true
 * processing rate"); needed is what comes in, and what works off a backlog of more than `maxBacklogSeconds` within five
 * minutes, at the wanted busy share. More is decided within 60 s of a rise of the load, unless a longer cooldown runs; less
 * when the greatest need of five minutes is clearly below what is there. An application that isn't busy isn't given more,
 * for what holds it up is elsewhere; nor is one to which the last rise brought nothing. A point with unknown figures says
 * nothing.
 *
 * Source: Kalavri et al., "Three steps is all you need", OSDI 2018 (true rates); Flink's autoscaler (backlog, bounds,
 * ineffective scalings).
 */
export function backlogStep(before: BacklogMemory, point: ScalingPoint, settings: BacklogSettings): BacklogStep {
  const { currentParallelism: parallelism, timestampMs } = point
  const memory = parallelism === before.parallelism ? before : afterChange(before, parallelism, timestampMs)
  const load = loadOf(point, memory.last, settings)
  if (load === undefined) return { memory: { ...memory, last: undefined }, decision: undefined, held: undefined }
  const kept = memory.loads.filter((other) => timestampMs - other.timestampMs <= fallMs)
  const loads = timestampMs - memory.changedMs < settleMs ? [] : [...kept, load]
  const next = { ...memory, loads, last: point }
  if (timestampMs - memory.changedMs < settings.cooldownSeconds * 1000) {
    return { memory: next, decision: undefined, held: undefined }
  }
  const bounded = intoBounds(parallelism, settings)
  if (bounded !== undefined) return { memory: next, decision: bounded, held: undefined }
  return rise(next, settings) ?? { memory: next, decision: fall(next, settings), held: undefined }
}

function afterChange(before: BacklogMemory, parallelism: number, nowMs: number): BacklogMemory {
  const rise = before.rise !== undefined && parallelism > before.rise.from ? before.rise : undefined
  return { ...newBacklogMemory(parallelism, nowMs), rise }
}

function loadOf(point: ScalingPoint, last: ScalingPoint | undefined, settings: BacklogSettings): Load | undefined {
  const { timestampMs, busyPercent, recordsInPerSecond: rate, currentParallelism, backlog } = point
  if (busyPercent === undefined || rate === undefined) return undefined
  const elapsedSeconds = last === undefined ? 0 : (timestampMs - last.timestampMs) / 1000
  const arrivalRate = elapsedSeconds > 0 ? arrivalRateOf(rate, backlog, last?.backlog, elapsedSeconds) : rate
  const waiting = waitingRecords(backlog, arrivalRate)
  const backlogSeconds = waiting === 0 ? 0 : waiting / arrivalRate
  const capacity = busyPercent < leastBusyPercent ? undefined : rate / (busyPercent / 100)
  const target = settings.targetBusyPercent / 100
  const wanted = arrivalRate + (backlogSeconds > settings.maxBacklogSeconds ? waiting / catchUpSeconds : 0)
  const need =
    capacity === undefined || capacity === 0
      ? (currentParallelism * busyPercent) / 100 / target
      : (wanted / capacity / target) * currentParallelism
  return { timestampMs, busyPercent, capacity, backlogSeconds, need }
}

/** The rate at which records come in: what is read, and what the backlog has grown by. */
function arrivalRateOf(rate: number, now: Backlog | undefined, before: Backlog | undefined, seconds: number): number {
  if (now === undefined || before === undefined) return rate
  if ('records' in now) return 'records' in before ? Math.max(0, rate + (now.records - before.records) / seconds) : rate
  if ('records' in before) return rate
  // Reading at 1 - g of the speed at which records come lets the lag grow by g seconds a second.
  const growth = (now.millisBehindLatest - before.millisBehindLatest) / 1000 / seconds
  return rate / (1 - Math.min(growth, greatestLagGrowth))
}

function waitingRecords(backlog: Backlog | undefined, arrivalRate: number): number {
  if (backlog === undefined) return 0
  return 'records' in backlog ? backlog.records : (backlog.millisBehindLatest / 1000) * arrivalRate
}

function intoBounds(parallelism: number, settings: BacklogSettings): ScalingDecision | undefined {
  const { minParallelism, maxParallelism } = settings
  const bounded = Math.min(Math.max(parallelism, minParallelism), maxParallelism)
  if (bounded === parallelism) return undefined
  const reason = 'the parallelism was out of its bounds'
  return { parallelism: bounded, reason, figures: { minParallelism, maxParallelism } }
}

function rise(memory: BacklogMemory, settings: BacklogSettings): BacklogStep | undefined {
  const { parallelism } = memory
  const loads = memory.loads.slice(-risePoints)
  const newest = loads.at(-1)
  if (newest === undefined || loads.length < risePoints) return undefined
  const busyPercent = mean(loads.map((load) => load.busyPercent))
  const need = mean(loads.map((load) => load.need))
  const { targetBusyPercent, maxBacklogSeconds, maxParallelism } = settings
  const isTooBusy = busyPercent > targetBusyPercent + Math.min(busyMargin, (100 - targetBusyPercent) / 2)
  const isBehind = newest.backlogSeconds > maxBacklogSeconds
  if (!isTooBusy && !(isBehind && busyPercent >= targetBusyPercent)) return undefined
  const wanted = Math.min(Math.ceil(need), parallelism * greatestFactor, maxParallelism)
  if (wanted <= parallelism) return undefined
  const capacity = mean(loads.map((load) => load.capacity ?? 0))
  const { timestampMs } = newest
  if (broughtNothing(memory, capacity, timestampMs)) {
    return { memory, decision: undefined, held: 'the last rise of the parallelism brought nothing' }
  }
  const reason = isBehind ? 'the backlog needs more than there is' : 'the busiest vertex is too busy'
  const figures = { busyPercent: round(busyPercent), backlogSeconds: round(newest.backlogSeconds), need: round(need) }
  const risen = { ...memory, rise: { timestampMs, from: parallelism, capacity } }
  return { memory: risen, decision: { parallelism: wanted, reason, figures }, held: undefined }
}

function broughtNothing({ rise: last, parallelism }: BacklogMemory, capacity: number, nowMs: number): boolean {
  if (last === undefined || last.capacity === 0 || nowMs - last.timestampMs > patienceMs) return false
  if (parallelism <= last.from) return false
  return capacity / last.capacity - 1 < leastGain * (parallelism / last.from - 1)
}

function fall({ loads, parallelism }: BacklogMemory, settings: BacklogSettings): ScalingDecision | undefined {
  const [oldest, newest] = [loads[0], loads.at(-1)]
  if (oldest === undefined || newest === undefined || loads.length < fallPoints) return undefined
  if (newest.timestampMs - oldest.timestampMs < fallMs - settleMs) return undefined
  if (newest.backlogSeconds > settings.maxBacklogSeconds) return undefined
  const need = Math.max(...loads.map((load) => load.need))
  const wanted = Math.max(Math.ceil(need), settings.minParallelism)
  if (need > parallelism * fallShare || wanted >= parallelism) return undefined
  const reason = `less was needed for ${fallMs / 60_000} minutes`
  return { parallelism: wanted, reason, figures: { busyPercent: round(newest.busyPercent), need: round(need) } }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** To a tenth: for people. What can't be told in numbers, an endless backlog, is -1. */
function round(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 10) / 10 : -1
}
