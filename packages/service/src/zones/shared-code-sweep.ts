import { asEngineError, type Cancellable, type Clock, type Logger, type Scheduler } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../applications/application-record.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { SharedCode } from './shared-code.ts'

const intervalMs = 3_600_000
/** A call that has put a bundle stores what refers to it long before. */
const graceMs = 3_600_000
const pageSize = 50

export interface SharedCodeSweepParts {
  readonly store: Pick<ApplicationStore, 'allApplications' | 'listVersions' | 'version' | 'operationsInProgress'>
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
}

/**
 * Removes shared bundles that nothing can need any more: those of deleted applications, of versions that no rollback leads to, and
 * of calls that came to nothing. Each node does so once an hour; two at a time remove the same.
 */
export class SharedCodeSweep {
  readonly #code: Pick<SharedCode, 'list' | 'remove'>
  readonly #parts: SharedCodeSweepParts
  #timer: Cancellable | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(code: Pick<SharedCode, 'list' | 'remove'>, parts: SharedCodeSweepParts) {
    this.#code = code
    this.#parts = parts
  }

  start(): void {
    this.#timer = this.#parts.scheduler.after(intervalMs, () => {
      this.start()
      this.#running = this.sweep().catch((error) => {
        this.#parts.logger.warn('shared bundles not removed', { reason: asEngineError(error).message })
      })
    })
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.#running
  }

  /** Errors: those of the store and the storage. */
  async sweep(): Promise<void> {
    const { clock, store } = this.#parts
    const old = (await this.#code.list()).filter(({ putMs }) => putMs <= clock.now() - graceMs)
    if (old.length === 0) return
    const needed = await neededBundles(store)
    for (const bundle of old) if (!needed.has(bundle.name)) await this.#code.remove(bundle)
  }
}

/** Those of versions that run, or that one rollback after another leads to. */
async function neededBundles(store: SharedCodeSweepParts['store']): Promise<ReadonlySet<string>> {
  const needed = new Set<string>()
  const need = ({ configuration: { code } }: ApplicationRecord) => {
    if (code?.shared !== undefined) needed.add(code.shared)
  }
  for (const application of await store.allApplications()) {
    need(application)
    let { versionUpdatedFrom: before } = application
    for await (const version of olderVersions(store, application)) {
      if (before === undefined) break
      if (version.versionId !== before) continue
      need(version)
      before = version.versionUpdatedFrom
    }
  }
  // After the applications: what is accepted from now on leads from a version that was needed to another one.
  for (const { applicationName, versionFrom } of await store.operationsInProgress()) {
    const version = versionFrom === undefined ? undefined : await store.version(applicationName, versionFrom)
    if (version !== undefined) need(version)
  }
  return needed
}

/** Newest first. */
async function* olderVersions(
  store: Pick<ApplicationStore, 'listVersions'>,
  { name, versionId }: ApplicationRecord,
): AsyncGenerator<ApplicationRecord> {
  let after: string | undefined = String(versionId)
  while (after !== undefined) {
    const { items, next }: Awaited<ReturnType<ApplicationStore['listVersions']>> = await store.listVersions(
      name,
      after,
      pageSize,
    )
    yield* items
    after = next
  }
}
