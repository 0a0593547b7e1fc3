import type { Clock } from '../../common/clock.ts'
import { type AlignerOutput, Alignment, type BarrierAligner } from './barrier-aligner.ts'
import type { Barrier } from './element.ts'

/**
 * Exactly once: a channel that reached the barrier isn't read until all others have too, so that a snapshot holds
 * exactly what came before the barrier on every channel. What waits stays in the channel: alignment costs no memory.
 *
 * One checkpoint at a time: a barrier or cancel marker of a later one drops the pending one as subsumed, earlier ones
 * are ignored. A channel that ended counts as having reached every barrier.
 * Source: Flink 2.3, SingleCheckpointBarrierHandler (rule CP-2).
 */
export class ExactlyOnceAligner implements BarrierAligner {
  readonly #clock: Clock
  readonly #output: AlignerOutput
  readonly #ended: boolean[]
  /** The highest checkpoint seen: pending, done or given up. */
  #currentId = Number.NEGATIVE_INFINITY
  #pending: Alignment | undefined
  /** Given up by the coordinator before any barrier came. */
  readonly #abortedAhead = new Set<number>()

  constructor(channels: number, clock: Clock, output: AlignerOutput) {
    this.#ended = new Array<boolean>(channels).fill(false)
    this.#clock = clock
    this.#output = output
  }

  isBlocked(channel: number): boolean {
    return this.#pending?.hasReached(channel) === true
  }

  barrier(channel: number, barrier: Barrier): void {
    const id = barrier.checkpointId
    if (id < this.#currentId) return
    if (id > this.#currentId) {
      const aborted = this.#abortedAhead.has(id)
      this.#advanceTo(id)
      if (!aborted) this.#pending = new Alignment(barrier, this.#ended.length, this.#clock)
    }
    if (this.#pending === undefined) return
    this.#pending.reach(channel)
    this.#completeIfReached()
  }

  cancel(_channel: number, checkpointId: number): void {
    if (checkpointId < this.#currentId) return
    if (checkpointId > this.#currentId) this.#advanceTo(checkpointId)
    else if (this.#pending === undefined) return
    this.#pending = undefined
    this.#output.cancel(checkpointId)
  }

  end(channel: number): void {
    this.#ended[channel] = true
    this.#completeIfReached()
  }

  abort(checkpointId: number): void {
    if (checkpointId > this.#currentId) this.#abortedAhead.add(checkpointId)
    else if (this.#pending?.id === checkpointId) this.#pending = undefined
  }

  #completeIfReached(): void {
    const pending = this.#pending
    if (pending?.isComplete(this.#ended) !== true) return
    this.#pending = undefined
    pending.report(this.#output)
  }

  #advanceTo(id: number): void {
    const subsumed = this.#pending
    this.#currentId = id
    this.#pending = undefined
    for (const aborted of this.#abortedAhead) if (aborted <= id) this.#abortedAhead.delete(aborted)
    if (subsumed !== undefined) this.#output.cancel(subsumed.id)
  }
}
