import { EngineError } from '../../common/errors.ts'
import type { StateSweep } from '../state/heap-state-sweep.ts'

/** Entries a slice: well under a millisecond for state of some kilobytes an entry. */
const ENTRIES_PER_SLICE = 256

/** A sweep that is under way. */
export interface RunningSweep {
  /** Resolves when all is swept; rejects with `CHECKPOINT_ABORTED` when it was abandoned. */
  readonly done: Promise<void>
  abandon(): void
}

/** State snapshots being written beside the records: one slice of one of them between two rounds of the thread's loop. */
export class SweepQueue {
  readonly #queue: { sweep: StateSweep; resolve: () => void }[] = []

  start(sweep: StateSweep): RunningSweep {
    let reject: (error: unknown) => void = () => {}
    const done = new Promise<void>((resolveDone, rejectDone) => {
      reject = rejectDone
      this.#queue.push({ sweep, resolve: resolveDone })
    })
    const abandon = (): void => {
      const index = this.#queue.findIndex((running) => running.sweep === sweep)
      if (index < 0) return
      this.#queue.splice(index, 1)
      sweep.abandon()
      reject(new EngineError('CHECKPOINT_ABORTED', { kind: 'unavailable', message: 'The checkpoint was given up.' }))
    }
    return { done, abandon }
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Sweeps one slice. False: there is nothing to sweep. */
  step(): boolean {
    const running = this.#queue[0]
    if (running === undefined) return false
    if (running.sweep.step(ENTRIES_PER_SLICE)) {
      this.#queue.shift()
      running.resolve()
    }
    return true
  }
}
