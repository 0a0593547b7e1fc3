import type { MemoryStorage, Violations } from '@millrace/engine/testing'
import { type Expected, expectedOf } from './expected.ts'
import { type Fired, folders, type Judged, type KeyedOutput, type Ticked, type WindowRow } from './job.ts'
import type { Scenario } from './scenario.ts'
import type { SimulatedLog } from './simulated-log.ts'

/** The visible lines below a folder, parsed. */
export function readRows<T>(storage: MemoryStorage, folder: string): T[] {
  return storage
    .paths()
    .filter((path) => path.startsWith(`${folder}/`) && !/\/[._]/.test(path))
    .flatMap((path) => new TextDecoder().decode(storage.read(path)).split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

export interface Outcome {
  readonly scenario: Scenario
  readonly log: SimulatedLog
  readonly storage: MemoryStorage
  readonly deliveries: ReadonlyMap<string, number>
  /** The job was stopped with drain: it has read a part of the log. */
  readonly drained: boolean
  /** Nothing went wrong and nothing was restored, so that event time alone decides what is late. */
  readonly undisturbed: boolean
}

/** Compares what lies in the files with what the log says should. */
export function checkResults(outcome: Outcome, violations: Violations): void {
  const { log, storage, scenario } = outcome
  checkLog(log, violations)
  const keyed = readRows<KeyedOutput>(storage, folders.keyed)
  const judged = keyed.filter((row): row is Judged => row.kind === 'judged')
  const dead = readRows<string>(storage, folders.dead)
  const read = outcome.drained ? readOf([...judged.map(({ id }) => id), ...dead]) : undefined
  const exact = scenario.guarantee === 'exactly-once'
  const once = exact ? exactlyOnce : atLeastOnce
  const expected = expectedOf(log, (split) => (read === undefined ? Number.POSITIVE_INFINITY : (read.get(split) ?? 0)))

  once(
    'judged',
    judged.map(({ id }) => id),
    expected.kept,
    violations,
  )
  if (exact) checkOrder(judged, expected, violations)
  const fired = keyed.filter((row): row is Fired => row.kind === 'fired')
  checkTimers(fired, scenario.job.timerMs, expected, once, violations)
  if (exact)
    checkTicks(
      keyed.filter((row): row is Ticked => row.kind === 'ticked'),
      violations,
    )
  checkWindows(outcome, expected, once, violations)
  const letters = scenario.input.malformedPolicy === 'dead-letter' ? expected.malformed : new Set<string>()
  once('dead letters', dead, letters, violations, 'silence')
  checkDeliveries(outcome.deliveries, judged, violations)
}

/** Splits and how many of their entries were read, by the highest offset seen. */
function readOf(ids: readonly string[]): Map<string, number> {
  const read = new Map<string, number>()
  for (const id of ids) {
    const [split, offset] = id.split(':') as [string, string]
    read.set(split, Math.max(read.get(split) ?? 0, Number(offset) + 1))
  }
  return read
}

/** Invariant 7: what was acknowledged is there, in its order. */
function checkLog(log: SimulatedLog, violations: Violations): void {
  for (const [split, ids] of log.acknowledged) {
    const held = (log.splits.get(split)?.entries ?? []).map(({ id }) => id)
    if (ids.length > held.length || ids.some((id, i) => id !== held[i])) {
      violations.report('acknowledged', `${split}: ${ids.length} acknowledged, the log holds ${held.length}`)
    }
  }
}

type CheckIds = (
  what: string,
  ids: readonly string[],
  expected: { has(id: string): boolean; keys(): Iterable<string>; readonly size: number },
  violations: Violations,
  invariant?: 'result' | 'silence',
) => void

const atLeastOnce: CheckIds = (what, ids, expected, violations, invariant = 'result') => {
  const seen = new Set(ids)
  for (const id of seen) if (!expected.has(id)) violations.report(invariant, `${what}: ${id} should not be there`)
  for (const id of expected.keys()) if (!seen.has(id)) violations.report(invariant, `${what}: ${id} is missing`)
}

const exactlyOnce: CheckIds = (what, ids, expected, violations, invariant = 'result') => {
  atLeastOnce(what, ids, expected, violations, invariant)
  const seen = new Set<string>()
  for (const id of ids) {
    if (seen.has(id)) violations.report(invariant, `${what}: ${id} is there more than once`)
    seen.add(id)
  }
}

/** A key's counts run from 1 without gaps, and the records of one split come in its order (invariant 1). */
function checkOrder(judged: readonly Judged[], expected: Expected, violations: Violations): void {
  const rows = new Map<string, Judged[]>()
  for (const row of judged) rows.set(row.key, [...(rows.get(row.key) ?? []), row])
  for (const [key, ofKey] of rows) {
    ofKey.sort((a, b) => a.count - b.count)
    ofKey.forEach((row, i) => {
      const previous = ofKey[i - 1]?.id ?? null
      if (row.count !== i + 1 || row.previous !== previous) {
        violations.report(
          'result',
          `${key}: count ${row.count} after ${row.previous} in place ${i + 1} after ${previous}`,
        )
      }
    })
    for (const ids of expected.byKey.get(key) ?? []) {
      const wanted = new Set(ids)
      const seen = ofKey.filter(({ id }) => wanted.has(id)).map(({ id }) => id)
      if (seen.length === ids.length && seen.some((id, i) => id !== ids[i])) {
        violations.report('order', `${key}: ${seen.join(' ')} instead of ${ids.join(' ')}`)
      }
    }
  }
}

function checkTimers(
  fired: readonly Fired[],
  timerMs: number,
  expected: Expected,
  once: CheckIds,
  violations: Violations,
): void {
  for (const row of fired) {
    for (const id of row.ids) {
      const record = expected.kept.get(id)
      if (record !== undefined && (record.at + timerMs !== row.timerMs || record.key !== row.key)) {
        violations.report('result', `timers: ${id} fired at ${row.timerMs} for ${row.key}`)
      }
    }
  }
  once(
    'timers',
    fired.flatMap(({ ids }) => ids),
    expected.kept,
    violations,
  )
}

function checkTicks(ticked: readonly Ticked[], violations: Violations): void {
  const byKey = new Map<string, number[]>()
  for (const { key, n } of ticked) byKey.set(key, [...(byKey.get(key) ?? []), n])
  for (const [key, numbers] of byKey) {
    numbers.sort((a, b) => a - b)
    if (numbers.some((n, i) => n !== i + 1)) violations.report('result', `ticks of ${key}: ${numbers.join(' ')}`)
  }
}

/** Every record is in its window or late, never both, never neither (invariant 8). */
function checkWindows(
  { storage, scenario, undisturbed }: Outcome,
  expected: Expected,
  once: CheckIds,
  violations: Violations,
): void {
  const { windowMs, latenessMs } = scenario.job
  const rows = readRows<WindowRow>(storage, folders.windows)
  const late = readRows<string>(storage, folders.late)
  const inWindows = rows.flatMap(({ ids }) => ids)
  for (const { key, startMs, ids } of rows) {
    for (const id of ids) {
      const record = expected.kept.get(id)
      if (record === undefined) continue
      if (record.key !== key || record.at < startMs || record.at >= startMs + windowMs) {
        violations.report('result', `windows: ${id} in ${key} ${startMs}`)
      }
    }
  }
  // With lateness a window fires again with what it had before.
  const counted = latenessMs === 0 ? inWindows : [...new Set(inWindows)]
  once('windows and late', [...counted, ...late], expected.kept, violations, 'silence')
  const firedRows = readRows<WindowRow>(storage, folders.firedWindows)
  const firedLate = readRows<Fired>(storage, folders.firedLate)
  once(
    'windows of timers',
    [...firedRows, ...firedLate].flatMap(({ ids }) => ids),
    expected.kept,
    violations,
    'silence',
  )
  if (!undisturbed || !isInTime(scenario)) return
  for (const id of late) violations.report('silence', `${id} is late although the disorder is within the bound`)
  for (const { ids } of firedLate) violations.report('order', `timers of ${ids} came behind their watermark`)
}

/** Nothing can be late: the disorder is within the bound, and no split is left out. */
function isInTime({ input }: Scenario): boolean {
  return input.idleTimeoutMs === undefined && input.disorderMs <= input.boundMs && input.lateSplits === 0
}

function checkDeliveries(
  deliveries: ReadonlyMap<string, number>,
  judged: readonly Judged[],
  violations: Violations,
): void {
  for (const { id, count } of judged) {
    if (count % 3 === 0 && !deliveries.has(id)) violations.report('result', `deliveries: ${id} is missing`)
  }
}
