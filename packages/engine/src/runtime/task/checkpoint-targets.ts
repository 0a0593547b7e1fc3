import { EngineError } from '../../common/errors.ts'
import type { CheckpointTarget } from './messages.ts'

interface Waiting {
  resolve(target: CheckpointTarget | undefined): void
  reject(error: EngineError): void
}

/**
 * Where the files of each checkpoint go, as the coordinator's trigger tells. A barrier may come over a ring before the
 * trigger message does: whoever asks early waits for it.
 */
export class CheckpointTargets {
  readonly #targets = new Map<number, CheckpointTarget | undefined>()
  readonly #waiting = new Map<number, Waiting[]>()
  #overUpTo = 0

  /** The trigger has come; `target` undefined: the job has nowhere to store state. */
  announce(checkpointId: number, target: CheckpointTarget | undefined): void {
    this.#targets.set(checkpointId, target)
    for (const { resolve } of this.#waiting.get(checkpointId) ?? []) resolve(target)
    this.#waiting.delete(checkpointId)
  }

  /** That checkpoint and all before it are complete or given up. */
  forgetUpTo(checkpointId: number): void {
    this.#overUpTo = Math.max(this.#overUpTo, checkpointId)
    for (const id of this.#targets.keys()) if (id <= checkpointId) this.#targets.delete(id)
    for (const [id, waiting] of this.#waiting) {
      if (id > checkpointId) continue
      this.#waiting.delete(id)
      for (const { reject } of waiting) reject(over(id))
    }
  }

  /** Rejects with `CHECKPOINT_ABORTED` when that checkpoint is over. */
  targetOf(checkpointId: number): Promise<CheckpointTarget | undefined> {
    if (this.#targets.has(checkpointId)) return Promise.resolve(this.#targets.get(checkpointId))
    if (checkpointId <= this.#overUpTo) return Promise.reject(over(checkpointId))
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(checkpointId) ?? []
      this.#waiting.set(checkpointId, waiting)
      waiting.push({ resolve, reject })
    })
  }
}

function over(checkpointId: number): EngineError {
  return new EngineError('CHECKPOINT_ABORTED', {
    kind: 'unavailable',
    message: `Checkpoint ${checkpointId} is over.`,
    details: { checkpointId },
  })
}
