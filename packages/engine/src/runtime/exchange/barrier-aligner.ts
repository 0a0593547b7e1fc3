import type { Clock } from '../../common/clock.ts'
import type { Barrier } from './element.ts'

/** What an aligner found out. Calls come in the order in which the task has to act. */
export interface AlignerOutput {
  /**
   * All channels have reached the barrier: snapshot now. `alignmentMs` passed since the first channel did;
   * `startDelayMs` from the trigger until then.
   */
  barrier(barrier: Barrier, alignmentMs: number, startDelayMs: number): void
  /** The checkpoint won't happen here: cancelled upstream, or subsumed by a later barrier. */
  cancel(checkpointId: number): void
}

/** Watches the barriers of a task's channels and says when the task snapshots, and which channels it may read. */
export interface BarrierAligner {
  /** Whether the channel must not be read for now. */
  isBlocked(channel: number): boolean
  /** The channel's next element was this barrier. */
  barrier(channel: number, barrier: Barrier): void
  /** The channel's next element was a cancel marker. */
  cancel(channel: number, checkpointId: number): void
  /** No record follows on the channel: it holds no checkpoint up any more, though barriers may still come. */
  end(channel: number): void
  /** The coordinator gave the checkpoint up: releases what waits for it, ignores its barriers, reports nothing. */
  abort(checkpointId: number): void
}

/** The channels that reached one checkpoint's barrier. */
export class Alignment {
  readonly barrier: Barrier
  readonly #clock: Clock
  readonly #startMs: number
  readonly #startDelayMs: number
  readonly #reached: boolean[]

  constructor(barrier: Barrier, channels: number, clock: Clock) {
    this.barrier = barrier
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
    this.#startDelayMs = Math.max(0, clock.now() - barrier.timestampMs)
    this.#reached = new Array<boolean>(channels).fill(false)
  }

  get id(): number {
    return this.barrier.checkpointId
  }

  reach(channel: number): void {
    this.#reached[channel] = true
  }

  hasReached(channel: number): boolean {
    return this.#reached[channel] === true
  }

  /** Whether every channel reached the barrier or has ended. */
  isComplete(ended: readonly boolean[]): boolean {
    return this.#reached.every((reached, channel) => reached || ended[channel])
  }

  report(output: AlignerOutput): void {
    output.barrier(this.barrier, this.#clock.monotonicMs() - this.#startMs, this.#startDelayMs)
  }
}
