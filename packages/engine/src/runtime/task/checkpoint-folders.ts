import { EngineError } from '../../common/errors.ts'

interface Waiting {
  resolve(folder: string | undefined): void
  reject(error: EngineError): void
}

/**
 * Where the files of each checkpoint go, as the coordinator's trigger tells. A barrier may come over a ring before the
 * trigger message does: whoever asks early waits for it.
 */
export class CheckpointFolders {
  readonly #folders = new Map<number, string | undefined>()
  readonly #waiting = new Map<number, Waiting[]>()
  #overUpTo = 0

  /** The trigger has come; `folder` undefined: the job has nowhere to store state. */
  announce(checkpointId: number, folder: string | undefined): void {
    this.#folders.set(checkpointId, folder)
    for (const { resolve } of this.#waiting.get(checkpointId) ?? []) resolve(folder)
    this.#waiting.delete(checkpointId)
  }

  /** That checkpoint and all before it are complete or given up. */
  forgetUpTo(checkpointId: number): void {
    this.#overUpTo = Math.max(this.#overUpTo, checkpointId)
    for (const id of this.#folders.keys()) if (id <= checkpointId) this.#folders.delete(id)
    for (const [id, waiting] of this.#waiting) {
      if (id > checkpointId) continue
      this.#waiting.delete(id)
      for (const { reject } of waiting) reject(over(id))
    }
  }

  /** Rejects with `CHECKPOINT_ABORTED` when that checkpoint is over. */
  folderOf(checkpointId: number): Promise<string | undefined> {
    if (this.#folders.has(checkpointId)) return Promise.resolve(this.#folders.get(checkpointId))
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
