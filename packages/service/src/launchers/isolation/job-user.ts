import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Users of jobs are numbers from here on where this process may use any: no distribution hands them out. */
const preferredFirst = 0x6d72_0000
const preferredCount = 0x8000

/** The user that a job with this name runs as, where each has its own. */
export function jobUserId(applicationName: string, range = userIdRange()): number {
  const number = createHash('sha256').update(applicationName).digest().readUInt32BE(0)
  return range.first + (number % range.count)
}

/** One of the users of jobs. */
export function firstUserId(): number {
  return userIdRange().first
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
