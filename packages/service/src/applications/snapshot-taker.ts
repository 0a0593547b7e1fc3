import { EngineError } from '@millrace/engine/spi'
import { type SnapshotOperationRecord, type SnapshotRecord, snapshotScope } from '../snapshots/snapshot-record.ts'
import { notRunning } from './job-failure.ts'
import type { JobKeeper } from './job-keeper.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { rootCause } from './root-cause.ts'
import type { StoredApplication } from './stored-application.ts'
import { Interrupted, type Turn } from './turn.ts'

/** Takes the snapshots that were asked for, while the job goes on. */
export class SnapshotTaker {
  readonly #parts: LifecycleParts
  readonly #stored: StoredApplication
  readonly #keeper: JobKeeper

  constructor(parts: LifecycleParts, stored: StoredApplication, keeper: JobKeeper) {
    this.#parts = parts
    this.#stored = stored
    this.#keeper = keeper
  }

  /** From CREATING to READY or FAILED; nothing when it isn't CREATING any more. */
  async take(turn: Turn, asked: SnapshotRecord): Promise<void> {
    const { store, launcher } = this.#parts
    const scope = snapshotScope(asked)
    const snapshot = await this.#stored.untilStored(() => store.snapshot(scope, asked.name))
    if (snapshot?.status !== 'CREATING') return
    const operations = await this.#operations(snapshot)
    try {
      if ((await this.#stored.read())?.hibernatedSinceMs !== undefined) await this.wake(turn)
      const application = await this.#stored.read()
      if (application?.status !== 'RUNNING' || application.createdMs !== snapshot.applicationCreatedMs) {
        throw notRunning()
      }
      const { folder, sizeBytes } = await this.#keeper.savepoint(turn)
      const { versionId, runtimeEnvironment } = application
      await this.#put(
        { ...snapshot, status: 'READY', folder, sizeBytes, applicationVersionId: versionId, runtimeEnvironment },
        operations,
        undefined,
      )
      launcher.log(application, 'info', 'snapshot taken', { name: snapshot.name, sizeBytes })
    } catch (error) {
      const failure = rootCause(error instanceof Interrupted ? interrupted() : error)
      await this.#put({ ...snapshot, status: 'FAILED', failure }, operations, failure)
    }
  }

  /** Starts the job of a RUNNING application that has none; it doesn't hibernate any more. */
  async wake(turn: Turn): Promise<void> {
    const application = await this.#stored.read()
    if (application?.status !== 'RUNNING') throw notRunning()
    if (application.hibernatedSinceMs !== undefined) {
      await this.#stored.change(turn, application, { hibernatedSinceMs: undefined }, [])
    }
    await this.#keeper.keepRunning(turn, undefined)
  }

  #operations({ kind, name }: SnapshotRecord): Promise<readonly SnapshotOperationRecord[]> {
    const { store } = this.#parts
    if (kind === 'legacy') return Promise.resolve([])
    return this.#stored.untilStored(
      async () => (await store.listSnapshotOperations(name, { status: 'IN_PROGRESS' }, undefined, 50)).items,
    )
  }

  async #put(
    snapshot: SnapshotRecord,
    operations: readonly SnapshotOperationRecord[],
    error: string | undefined,
  ): Promise<void> {
    const { store, clock } = this.#parts
    const status = error === undefined ? 'SUCCESSFUL' : 'FAILED'
    const ended = operations.map((operation) => ({ ...operation, status, error, endedMs: clock.now() }) as const)
    await this.#stored.untilStored(() => store.putSnapshot('CREATING', snapshot, ended))
  }
}

function interrupted(): EngineError {
  return new EngineError('SNAPSHOT_INTERRUPTED', {
    kind: 'unavailable',
    message: 'Another operation on the application came in between.',
    hint: 'Take the snapshot again when it is RUNNING.',
  })
}
