import type { EngineError } from '../../common/errors.ts'
import { storageFailed } from '../../spi/file-system-errors.ts'

/** The calls of a file system that can be made to fail; `append` is the background write of an open file. */
export type StorageOperation =
  | 'read'
  | 'write'
  | 'createExclusive'
  | 'list'
  | 'delete'
  | 'openFile'
  | 'append'
  | 'persist'
  | 'close'
  | 'discard'
  | 'recoverFile'
  | 'commitFile'
  | 'removeOrphans'

/** One moment at which storage can fail: `before` nothing has happened, `after` all has and only the answer is lost. */
export interface StorageCall {
  readonly operation: StorageOperation
  readonly path: string
  readonly phase: 'before' | 'after'
  /** Moments of this file system so far, this one included: the place to fail in a systematic test. */
  readonly moment: number
}

/** Decides which calls of a simulated storage fail. */
export class StorageFaults {
  #moments = 0
  #rules = new Set<(call: StorageCall) => EngineError | undefined>()

  get moments(): number {
    return this.#moments
  }

  /** Asks `rule` at every moment until the returned function is called; the first error that a rule answers is thrown. */
  failWhen(rule: (call: StorageCall) => EngineError | undefined): () => void {
    this.#rules.add(rule)
    return () => void this.#rules.delete(rule)
  }

  /** Fails the next call of that operation, before it has done anything. */
  failNext(operation: StorageOperation, error?: EngineError): void {
    const stop = this.failWhen((call) => {
      if (call.operation !== operation || call.phase !== 'before') return undefined
      stop()
      return error ?? storageFailed(operation, call.path)
    })
  }

  /** Throws when a rule says so. */
  pass(operation: StorageOperation, path: string, phase: 'before' | 'after'): void {
    const call = { operation, path, phase, moment: ++this.#moments }
    for (const rule of this.#rules) {
      const error = rule(call)
      if (error !== undefined) throw error
    }
  }
}
