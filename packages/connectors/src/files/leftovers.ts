import { asEngineError, type Cancellable, type SubtaskContext } from '@millrace/engine/spi'
import type { FilesSettings } from './options.ts'
import type { EarlierWriter, FilesWriterState } from './writer-state.ts'

/** Leftovers younger than this may belong to an attempt that isn't dead yet, or to a job started from the same savepoint. */
const ORPHAN_AGE_MS = 3_600_000

/**
 * Removes hidden files that crashed writers left behind: names an earlier writer gave away after the restored snapshot. No
 * checkpoint holds them. Swept at the restore, and once more when everything that writer can have left is old enough.
 */
export class Leftovers {
  readonly #settings: FilesSettings<never>
  readonly #context: SubtaskContext
  #earlier: readonly EarlierWriter[]
  #timer: Cancellable | undefined
  #sweeping: Promise<void> = Promise.resolve()

  constructor(settings: FilesSettings<never>, context: SubtaskContext, restored: readonly FilesWriterState[]) {
    this.#settings = settings
    this.#context = context
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

  /** Starts in the background; a failure is logged and costs nothing but space. */
  start(): void {
    if (this.#earlier.length === 0) return
    this.#sweeping = this.#sweepEarlier()
    this.#timer = this.#context.scheduler.after(ORPHAN_AGE_MS + 60_000, () => {
      this.#sweeping = this.#sweeping.then(() => this.#sweepEarlier())
    })
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#sweeping
  }

  async #sweepEarlier(): Promise<void> {
    const earlier = this.#earlier
    const oldestMs = this.#context.clock.now() - ORPHAN_AGE_MS
    const removed = await remove(this.#context, this.#settings.path, ORPHAN_AGE_MS, (target) =>
      this.#isLeftover(target, earlier),
    )
    if (removed) this.#earlier = this.#earlier.filter((writer) => writer.retiredMs > oldestMs)
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

/**
 * Removes the copies that attempts without a checkpoint made of parts that are committed now; each may be as large as a
 * part. Only after a commit: until then an attempt can't know that it isn't a fenced one, and the copy its successor's.
 */
export async function removeCopies(context: SubtaskContext, path: string, targets: ReadonlySet<string>): Promise<void> {
  if (targets.size > 0) await remove(context, path, 0, (target) => targets.has(target))
}

/** False when it failed. */
async function remove(
  context: SubtaskContext,
  path: string,
  olderThanMs: number,
  mayRemove: (target: string) => boolean,
): Promise<boolean> {
  try {
    const removed = await context.fileSystem(path).removeOrphans(path, [], olderThanMs, mayRemove)
    if (removed > 0) context.logger.info('removed what crashed writers left', { path, removed })
    return true
  } catch (error) {
    const { code, message } = asEngineError(error)
    context.logger.warn('could not remove what crashed writers left', { path, code, reason: message })
    return false
  }
}
