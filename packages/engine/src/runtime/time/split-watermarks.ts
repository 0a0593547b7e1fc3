import { MIN_TIMESTAMP } from '../../spi/batch.ts'
import type { WatermarkGenerator, WatermarkStrategy } from './watermark-strategy.ts'

/** Event time of one split. */
export class SplitWatermark<T> {
  readonly generator: WatermarkGenerator<T> | undefined
  watermarkMs = MIN_TIMESTAMP
  idle = false
  caughtUp = true
  /** When the split had been without records at a tick for the first time, monotonic ms; −1 while it has some. */
  quietSinceMs = -1
  recordsSinceTick = false

  constructor(strategy: WatermarkStrategy<T>) {
    this.generator = strategy.createGenerator?.()
  }

  onEvent(value: T, timestampMs: number): void {
    this.recordsSinceTick = true
    this.generator?.onEvent(value, timestampMs)
  }
}

/** What a tick has to tell downstream. */
export interface WatermarkAdvance {
  readonly watermarkMs: number
  readonly idle: boolean
}

/**
 * One watermark of several splits: the lowest of those that aren't idle; when all are idle, the highest of all, then idle
 * (rules TM-3, TM-5 of Flink 2.3). A split that is behind its tip is never idle; a source without splits is idle after the
 * time-out.
 */
export class SplitWatermarks<T> {
  readonly #strategy: WatermarkStrategy<T>
  readonly #splits = new Map<string, SplitWatermark<T>>()
  #emittedMs = MIN_TIMESTAMP
  /** Since when there has been no split at all, monotonic ms; −1 while there is one. */
  #emptySinceMs = -1
  /** Watermarks of released splits, for children that inherit them. */
  readonly #released = new Map<string, number>()

  constructor(strategy: WatermarkStrategy<T>) {
    this.#strategy = strategy
  }

  split(id: string): SplitWatermark<T> {
    let split = this.#splits.get(id)
    if (split === undefined) {
      split = new SplitWatermark(this.#strategy)
      this.#splits.set(id, split)
    }
    return split
  }

  inherit(id: string, parentId: string): void {
    const parentMs = this.#splits.get(parentId)?.watermarkMs ?? this.#released.get(parentId)
    const split = this.split(id)
    if (parentMs !== undefined && parentMs > split.watermarkMs) split.watermarkMs = parentMs
  }

  release(id: string): void {
    const split = this.#splits.get(id)
    if (split === undefined) return
    this.#released.set(id, split.watermarkMs)
    this.#splits.delete(id)
  }

  /** Looks at every split, at each auto-watermark interval. `paused`: the source was held back, so that quiet proves nothing. */
  tick(nowMs: number, paused: boolean): WatermarkAdvance {
    for (const split of this.#splits.values()) this.#tickSplit(split, nowMs, paused)
    if (this.#splits.size > 0) this.#emptySinceMs = -1
    else if (this.#emptySinceMs < 0) this.#emptySinceMs = nowMs
    return this.#combine(nowMs)
  }

  #tickSplit(split: SplitWatermark<T>, nowMs: number, paused: boolean): void {
    const watermarkMs = split.generator?.currentWatermarkMs() ?? MIN_TIMESTAMP
    if (watermarkMs > split.watermarkMs) split.watermarkMs = watermarkMs
    const timeoutMs = this.#strategy.idleTimeoutMs
    if (split.recordsSinceTick || paused || !split.caughtUp) {
      split.recordsSinceTick = false
      split.quietSinceMs = -1
      split.idle = false
    } else if (split.quietSinceMs < 0) {
      split.quietSinceMs = nowMs
    } else if (timeoutMs !== undefined && nowMs - split.quietSinceMs > timeoutMs) {
      split.idle = true
    }
  }

  #combine(nowMs: number): WatermarkAdvance {
    if (this.#splits.size === 0) {
      const timeoutMs = this.#strategy.idleTimeoutMs
      return { watermarkMs: this.#emittedMs, idle: timeoutMs !== undefined && nowMs - this.#emptySinceMs > timeoutMs }
    }
    let lowestActiveMs = Number.POSITIVE_INFINITY
    let highestMs = MIN_TIMESTAMP
    let active = false
    for (const split of this.#splits.values()) {
      if (split.watermarkMs > highestMs) highestMs = split.watermarkMs
      if (split.idle) continue
      active = true
      if (split.watermarkMs < lowestActiveMs) lowestActiveMs = split.watermarkMs
    }
    const candidateMs = active ? lowestActiveMs : highestMs
    if (candidateMs > this.#emittedMs) this.#emittedMs = candidateMs
    return { watermarkMs: this.#emittedMs, idle: !active }
  }
}
