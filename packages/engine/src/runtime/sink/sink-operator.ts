import { sleep } from '../../common/clock.ts'
import { asEngineError } from '../../common/errors.ts'
import { ObjectBatch } from '../../spi/batch.ts'
import type { Counter } from '../../spi/metrics.ts'
import type { Sink, SinkCommitter, SinkWriter, SnapshotReason } from '../../spi/sink.ts'
import { Operator, type OperatorContext, type OperatorSnapshot } from '../operators/operator.ts'

/** Names of a sink's state in a checkpoint. */
export const WRITER_STATE = 'writer'
export const COMMITTABLES_STATE = 'committables'

/** What one checkpoint left to be committed, as it stands in later checkpoints until it is. */
interface PendingCommit {
  readonly checkpointId: number
  readonly committables: readonly unknown[]
}

const COMMIT_ATTEMPTS = 10
const COMMIT_BACKOFF_MS = 100

/**
 * End of a chain: hands batches to the sink's writer and, once a checkpoint is complete, its committables to the committer.
 *
 * State: what the writer wants back, and every committable that isn't known to be committed. After a restore all of these
 * are committed again before the first record (rule SK-2): committers are idempotent.
 */
export class SinkOperator<T> extends Operator<T> {
  readonly #context: OperatorContext
  readonly #writer: SinkWriter<T, unknown, unknown>
  readonly #committer: SinkCommitter<unknown> | undefined
  readonly #pending = new Map<number, PendingCommit>()
  readonly #sent: Counter
  #values: T[] = []
  #timestamps: number[] = []
  #committing: Promise<void> = Promise.resolve()
  /** The latest snapshot; resolves after all before it. */
  #snapshots: Promise<unknown> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(sink: Sink<T>, context: OperatorContext) {
    super()
    this.#context = context
    this.#writer = sink.createWriter(context, context.restored?.list(WRITER_STATE) ?? [])
    this.#committer = sink.createCommitter?.(context)
    this.#sent = context.metrics.counter('numRecordsSend')
  }

  override async open(): Promise<void> {
    const restored = (this.#context.restored?.list(COMMITTABLES_STATE) ?? []) as readonly PendingCommit[]
    for (const { checkpointId, committables } of restored) {
      const sameCheckpoint = this.#pending.get(checkpointId)?.committables ?? []
      this.#pending.set(checkpointId, { checkpointId, committables: [...sameCheckpoint, ...committables] })
    }
    await this.notifyCheckpointComplete(Number.POSITIVE_INFINITY)
    await this.#writer.open(this.#context.wake)
  }

  override process(value: T, timestampMs: number): void {
    this.#values.push(value)
    this.#timestamps.push(timestampMs)
  }

  override flush(): void {
    if (this.#values.length === 0) return
    const batch = new ObjectBatch(this.#values, this.#timestamps)
    this.#values = []
    this.#timestamps = []
    this.#sent.value += batch.length
    this.#writer.write(batch)
  }

  override isReady(): boolean {
    this.#throwFailure()
    return this.#writer.isWritable()
  }

  override advanceWatermark(watermarkMs: number): void {
    this.flush()
    this.#writer.advanceWatermark?.(watermarkMs)
  }

  override snapshot(checkpointId: number, reason: SnapshotReason): OperatorSnapshot {
    this.#throwFailure()
    this.flush()
    const lists = this.#completeSnapshot(checkpointId, this.#writer.snapshot(checkpointId, reason), this.#snapshots)
    this.#snapshots = lists
    lists.catch((error) => {
      this.#failure ??= { error }
      this.#context.wake()
    })
    return { lists }
  }

  /** What a failed snapshot was to hold may be in no later one: only a restart brings it back. */
  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #completeSnapshot(
    checkpointId: number,
    snapshot: ReturnType<SinkWriter<T, unknown, unknown>['snapshot']>,
    earlier: Promise<unknown>,
  ): Promise<Record<string, readonly unknown[]>> {
    // A checkpoint that was given up may still be at it: its committables belong into this one.
    const [{ writerStates, committables }] = await Promise.all([snapshot, earlier])
    if (committables.length > 0) this.#pending.set(checkpointId, { checkpointId, committables })
    const upToHere = [...this.#pending.values()].filter((pending) => pending.checkpointId <= checkpointId)
    return { [WRITER_STATE]: writerStates, [COMMITTABLES_STATE]: upToHere }
  }

  /** Commits what that checkpoint and those before it hold; one commit at a time, in order. */
  override notifyCheckpointComplete(checkpointId: number): Promise<void> {
    this.#committing = this.#committing.then(() => this.#commitUpTo(checkpointId))
    return this.#committing
  }

  async #commitUpTo(checkpointId: number): Promise<void> {
    const due = [...this.#pending.values()]
      .filter((pending) => pending.checkpointId <= checkpointId)
      .sort((a, b) => a.checkpointId - b.checkpointId)
    if (due.length === 0 || this.#committer === undefined) return
    await this.#commitWithRetry(due.flatMap((pending) => pending.committables))
    for (const pending of due) this.#pending.delete(pending.checkpointId)
  }

  async #commitWithRetry(committables: readonly unknown[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#committer?.commit(committables)
        return
      } catch (error) {
        const failure = asEngineError(error)
        if (failure.kind !== 'unavailable' || attempt >= COMMIT_ATTEMPTS) throw failure
        this.#context.logger.warn('commit failed, trying again', { attempt, code: failure.code })
        await sleep(this.#context.scheduler, COMMIT_BACKOFF_MS * 2 ** (attempt - 1))
      }
    }
  }

  override async close(): Promise<void> {
    await this.#writer.close()
    await this.#committer?.close()
  }
}
