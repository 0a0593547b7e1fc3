import type { Backlog, ScalingPoint } from './scaling-point.ts'

/** Since when nothing has come in, epoch ms; undefined: something has, or it isn't known. */
export type IdleSince = number | undefined

export interface HibernationStep {
  readonly idleSinceMs: IdleSince
  readonly hibernate: boolean
}

type IdlePoint = Pick<ScalingPoint, 'timestampMs' | 'recordsInPerSecond' | 'backlog'>

const minuteMs = 60_000

/**
 * Hibernates an application that nothing has come into and whose sources have held nothing for so many minutes. A point
 * with an unknown figure begins anew: nobody sleeps because a measurement is missing.
 */
export function hibernationStep(before: IdleSince, point: IdlePoint, afterMinutes: number): HibernationStep {
  const { timestampMs, recordsInPerSecond, backlog } = point
  if (recordsInPerSecond !== 0 || backlog === undefined || !isEmpty(backlog)) {
    return { idleSinceMs: undefined, hibernate: false }
  }
  const idleSinceMs = before ?? timestampMs
  return { idleSinceMs, hibernate: timestampMs - idleSinceMs >= afterMinutes * minuteMs }
}

function isEmpty(backlog: Backlog): boolean {
  return 'records' in backlog ? backlog.records === 0 : backlog.millisBehindLatest === 0
}
