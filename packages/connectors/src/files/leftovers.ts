import {
  asEngineError,
  type Cancellable,
  type PendingFile,
  type PersistedFile,
  type SubtaskContext,
} from '@millrace/engine/spi'
import type { FilesSettings } from './options.ts'
import type { EarlierWriter, FilesWriterState } from './writer-state.ts'

/** Leftovers younger than this may belong to an attempt that isn't dead yet, or to a job started from the same savepoint. */
const ORPHAN_AGE_MS = 3_600_000

/**
 * Removes hidden files that crashed writers left behind. No writer sees the whole checkpoint, so only these are touched:
 *
 * - names an earlier writer gave away after the restored snapshot: no checkpoint holds them. Swept at the restore, and
 *   once more when everything that writer can have left is old enough;
 * - copies of parts this writer restores, made by attempts that died before their first checkpoint. A part that is open in
 *   the restored checkpoint can't be a committable in it, and fencing keeps older attempts from completing another, so
 *   these go at once: each may be as large as a part.
 */
export class Leftovers {
  readonly #settings: FilesSettings<never>
  readonly #context: SubtaskContext
  readonly #restoredOpen: readonly PersistedFile[]
  #earlier: readonly EarlierWriter[]
  #timer: Cancellable | undefined
  #sweeping: Promise<void> = Promise.resolve()

  constructor(settings: FilesSettings<never>, context: SubtaskContext, restored: readonly FilesWriterState[]) {
    this.#settings = settings
    this.#context = context
    this.#restoredOpen = restored.flatMap((state) => state.open.map((part) => part.file))
    const retiredMs = context.clock.now()
    this.#earlier = restored.flatMap((state) => [
      ...state.earlier,
      { writerId: state.writerId, nextCounter: state.nextCounter, retiredMs },
    ])
  }

  /** Those not yet swept for good: part of the writer's state. */
  get earlier(): readonly EarlierWriter[] {
    return this.#earlier
  }

  /** Starts in the background; a failure is logged and costs nothing but space. `recovered`: what became of the open parts. */
  start(recovered: readonly PendingFile[]): void {
    if (this.#earlier.length === 0) return
    this.#sweeping = this.#sweepCopies(recovered).then(() => this.#sweepEarlier())
    this.#timer = this.#context.scheduler.after(ORPHAN_AGE_MS + 60_000, () => {
      this.#sweeping = this.#sweeping.then(() => this.#sweepEarlier())
    })
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#sweeping
  }

  async #sweepCopies(recovered: readonly PendingFile[]): Promise<void> {
    const targets = new Set(this.#restoredOpen.map((file) => file.targetPath))
    if (targets.size === 0) return
    await this.#remove([...this.#restoredOpen, ...recovered], 0, (target) => targets.has(target))
  }

  async #sweepEarlier(): Promise<void> {
    const earlier = this.#earlier
    const oldestMs = this.#context.clock.now() - ORPHAN_AGE_MS
    const removed = await this.#remove([], ORPHAN_AGE_MS, (target) => this.#isLeftover(target, earlier))
    if (removed) this.#earlier = this.#earlier.filter((writer) => writer.retiredMs > oldestMs)
  }

  /** False when it failed. */
  async #remove(
    keep: readonly (PersistedFile | PendingFile)[],
    olderThanMs: number,
    mayRemove: (target: string) => boolean,
  ): Promise<boolean> {
    const { path } = this.#settings
    try {
      const removed = await this.#context.fileSystem(path).removeOrphans(path, keep, olderThanMs, mayRemove)
      if (removed > 0) this.#context.logger.info('removed what crashed writers left', { path, removed })
      return true
    } catch (error) {
      const { code, message } = asEngineError(error)
      this.#context.logger.warn('could not remove what crashed writers left', { path, code, reason: message })
      return false
    }
  }

  #isLeftover(targetPath: string, earlier: readonly EarlierWriter[]): boolean {
    const { partPrefix, partSuffix } = this.#settings
    const name = targetPath.slice(targetPath.lastIndexOf('/') + 1)
    return earlier.some(({ writerId, nextCounter }) => {
      const start = `${partPrefix}-${writerId}-`
      if (!name.startsWith(start) || !name.endsWith(partSuffix)) return false
      const counter = name.slice(start.length, name.length - partSuffix.length)
      return /^\d+$/.test(counter) && Number(counter) >= nextCounter
    })
  }
}
