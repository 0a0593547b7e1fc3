import { isKept } from './job.ts'
import type { LogRecord, SimulatedLog } from './simulated-log.ts'

/** What the log holds up to some position of each split, computed plainly. */
export interface Expected {
  readonly kept: ReadonlyMap<string, LogRecord>
  readonly malformed: ReadonlySet<string>
  /** Of each key the kept ids, split by split in order. */
  readonly byKey: ReadonlyMap<string, readonly (readonly string[])[]>
}

/** `until(split)`: how many entries of it the job has read. */
export function expectedOf(log: SimulatedLog, until: (split: string) => number): Expected {
  const kept = new Map<string, LogRecord>()
  const malformed = new Set<string>()
  const byKey = new Map<string, string[][]>()
  for (const [split, { entries }] of log.splits) {
    const ofSplit = new Map<string, string[]>()
    for (const entry of entries.slice(0, until(split))) {
      if ('malformed' in entry) {
        malformed.add(entry.id)
      } else if (isKept(entry)) {
        kept.set(entry.id, entry)
        ofSplit.set(entry.key, [...(ofSplit.get(entry.key) ?? []), entry.id])
      }
    }
    for (const [key, ids] of ofSplit) byKey.set(key, [...(byKey.get(key) ?? []), ids])
  }
  return { kept, malformed, byKey }
}
