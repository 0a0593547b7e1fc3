import type { Clock } from '../../common/clock.ts'
import { type AlignerOutput, Alignment, type BarrierAligner } from './barrier-aligner.ts'
import type { Barrier } from './element.ts'

/** Checkpoints whose barriers are counted at once; the oldest is forgotten beyond. */
const trackedAtMost = 50

/**
 * At least once: channels are never held back, barriers are only counted. A record that came behind the barrier on one
 * channel before the last channel reached it is in the snapshot and, after a restore, comes again.
 *
 * Several checkpoints may be under way; one that completes drops the older ones.
 * Source: Flink 2.3, CheckpointBarrierTracker (rule CP-3).
 */
export class AtLeastOnceAligner implements BarrierAligner {
  readonly #clock: Clock
  readonly #output: AlignerOutput
  readonly #ended: boolean[]
  /** In the order of their ids. */
  #pending: Alignment[] = []
  /** The highest checkpoint that is done; no older one is of interest. */
  #doneId = Number.NEGATIVE_INFINITY
  /** Given up, above `#doneId`. */
  readonly #dropped = new Set<number>()

  constructor(channels: number, clock: Clock, output: AlignerOutput) {
    this.#ended = new Array<boolean>(channels).fill(false)
    this.#clock = clock
    this.#output = output
  }

  isBlocked(): boolean {
    return false
  }

  barrier(channel: number, barrier: Barrier): void {
    const id = barrier.checkpointId
    if (id <= this.#doneId || this.#dropped.has(id)) return
    let alignment = this.#pending.find((a) => a.id === id)
    if (alignment === undefined) {
      alignment = new Alignment(barrier, this.#ended.length, this.#clock)
      this.#pending.push(alignment)
      this.#pending.sort((a, b) => a.id - b.id)
      if (this.#pending.length > trackedAtMost) this.#drop((this.#pending[0] as Alignment).id)
    }
    alignment.reach(channel)
    this.#completeReached()
  }

  cancel(_channel: number, checkpointId: number): void {
    if (checkpointId <= this.#doneId || this.#dropped.has(checkpointId)) return
    this.#drop(checkpointId)
    this.#output.cancel(checkpointId)
  }

  end(channel: number): void {
    this.#ended[channel] = true
    this.#completeReached()
  }

  abort(checkpointId: number): void {
    if (checkpointId > this.#doneId) this.#drop(checkpointId)
  }

  #completeReached(): void {
    for (const alignment of this.#pending.filter((a) => a.isComplete(this.#ended))) {
      this.#doneId = alignment.id
      this.#pending = this.#pending.filter((a) => a.id > alignment.id)
      for (const id of this.#dropped) if (id <= alignment.id) this.#dropped.delete(id)
      alignment.report(this.#output)
    }
  }

  #drop(checkpointId: number): void {
    this.#dropped.add(checkpointId)
    this.#pending = this.#pending.filter((a) => a.id !== checkpointId)
  }
}
