import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Users of jobs are numbers from here on where this process may use any: no distribution hands them out. */
const preferredFirst = 0x6d72_0000
const preferredCount = 0x8000

/** Of the users of jobs the first is that of trials, the second whoever ends what a user has left running. */
const otherUses = 2

/**
 * A user for an application's jobs, by its folder; none that others have. Undefined when there is none left.
 */
export function jobUserId(folder: string, taken: ReadonlySet<number>, range = userIdRange()): number | undefined {
  const first = range.first + otherUses
  const count = range.count - otherUses
  const number = createHash('sha256').update(folder).digest().readUInt32BE(0)
  for (let tried = 0; tried < count; tried++) {
    const userId = first + ((number + tried) % count)
    if (!taken.has(userId)) return userId
  }
  return undefined
}

/** Whether a user is one that `jobUserId` answers with. */
export function isJobUserId(userId: number, range = userIdRange()): boolean {
  return userId >= range.first + otherUses && userId < range.first + range.count
}

/** The user that trials run as. */
export function trialUserId(): number {
  return userIdRange().first
}

/** The user that ends what others have left running; nothing else runs as it. */
export function reaperUserId(): number {
  return userIdRange().first + 1
}

/** In a container only some numbers exist: the last of them then. Source: user_namespaces(7), `/proc/self/uid_map`. */
export function userIdRange(uidMap = readFileSync('/proc/self/uid_map', 'utf8')): { first: number; count: number } {
  const ranges = uidMap
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  for (const [first = 0, , count = 0] of ranges) {
    if (first <= preferredFirst && first + count >= preferredFirst + preferredCount) {
      return { first: preferredFirst, count: preferredCount }
    }
  }
  const [first = 0, , count = 1] = ranges.toSorted((a, b) => (b[2] ?? 0) - (a[2] ?? 0))[0] ?? []
  const used = Math.max(1, Math.min(1000, Math.floor(count / 8)))
  // The last two of 65536 mean nobody and no user at all.
  return { first: Math.max(first + 1, first + count - used - 2), count: used }
}
