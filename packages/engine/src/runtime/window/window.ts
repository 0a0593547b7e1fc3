/** A stretch of time `[startMs, endMs)`. */
export interface TimeWindow {
  readonly startMs: number
  readonly endMs: number
}

/** The last millisecond that belongs to the window: the timestamp of its results, and when it fires. */
export function maxTimestampMs(window: TimeWindow): number {
  return window.endMs - 1
}

/** How records are put into windows of fixed size that don't overlap. */
export interface TumblingWindows {
  readonly time: 'event' | 'processing'
  readonly sizeMs: number
  readonly offsetMs: number
}

/** The start of the window a timestamp falls in (rule WN-1: floor, so that negative times work; Flink's `getWindowStartWithOffset`). */
export function windowStartMs(timestampMs: number, { sizeMs, offsetMs }: TumblingWindows): number {
  return Math.floor((timestampMs - offsetMs) / sizeMs) * sizeMs + offsetMs
}
