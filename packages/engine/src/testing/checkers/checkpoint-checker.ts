import { type CheckpointOwner, decodeMetadata, type MetadataRecord } from '../../coordination/checkpoint-metadata.ts'
import type { MemoryStorage } from '../../runtime/storage/memory-storage.ts'
import type { FileSystem } from '../../spi/file-system.ts'
import type { SubtaskContext } from '../../spi/runtime-context.ts'
import type { Sink, SinkWriter } from '../../spi/sink.ts'
import type { Violations } from './violations.ts'

interface SeenRecord {
  readonly record: MetadataRecord
  /** Created after a newer attempt had taken over. */
  readonly fenced: boolean
}

/** A committable with where it comes from. */
interface TaggedCommittable {
  readonly epoch: number
  readonly attempt: number
  readonly checkpointId: number
  readonly committable: unknown
}

/**
 * Watches the sequence of checkpoints and what sinks commit: nothing before its checkpoint is durable (invariant 3), and
 * nothing of a checkpoint that an attempt made after a newer one had taken over (invariant 6).
 */
export class CheckpointChecker {
  readonly #violations: Violations
  readonly #folder: string
  readonly #records: SeenRecord[] = []
  #owner: CheckpointOwner | undefined
  commits = 0

  constructor(violations: Violations, folder: string) {
    this.#violations = violations
    this.#folder = folder
  }

  /** A file system on that storage, watched: use it inside of anything that plants faults. */
  watchStorage(fileSystem: FileSystem, storage: MemoryStorage): FileSystem {
    return {
      ...fileSystem,
      createExclusive: async (path, bytes) => {
        // A lost answer is a record all the same.
        const before = storage.has(path)
        const created = await fileSystem.createExclusive(path, bytes).catch((error) => {
          if (!before && storage.has(path)) this.#created(path, bytes)
          throw error
        })
        if (created) this.#created(path, bytes)
        return created
      },
      write: async (path, bytes) => {
        await fileSystem.write(path, bytes)
        if (path.startsWith(`${this.#folder}/`)) this.#created(path, bytes)
      },
    }
  }

  #created(path: string, bytes: Uint8Array): void {
    if (!path.startsWith(`${this.#folder}/`) || !path.endsWith('/_metadata')) return
    const record = decodeMetadata(bytes, path)
    const isHighest = this.#records.every((seen) => seen.record.checkpointId < record.checkpointId)
    if (record.kind === 'takeover' && isHighest) this.#owner = record.owner
    this.#records.push({ record, fenced: this.#owner !== undefined && !isSame(record.owner, this.#owner) })
  }

  /** Call when a job reports a checkpoint as complete. */
  completed(epoch: number, checkpointId: number): void {
    const own = this.#records.filter(
      ({ record }) => record.owner.epoch === epoch && record.checkpointId === checkpointId && isState(record),
    )
    if (own.length === 0)
      this.#violations.report('commit', `epoch ${epoch}: ${checkpointId} is complete, but not durable`)
    else if (own.every(({ fenced }) => fenced)) {
      this.#violations.report('fence', `epoch ${epoch} completed ${checkpointId} after a newer attempt took over`)
    }
  }

  /** Call when a job restores. */
  restored(epoch: number, folder: string, checkpointId: number): void {
    if (!folder.startsWith(`${this.#folder}/`)) return
    const last = this.#records.filter(({ record }) => record.checkpointId === checkpointId && isState(record)).at(-1)
    if (last === undefined || last.fenced) {
      this.#violations.report('fence', `epoch ${epoch} restored ${folder}, which no rightful attempt has written`)
    }
  }

  /** The same sink; what it commits is checked. */
  watchSink<T, W, C>(sink: Sink<T, W, C>, epoch: number): Sink<T, W, TaggedCommittable> {
    const { createCommitter } = sink
    return {
      name: sink.name,
      guarantee: sink.guarantee,
      createWriter: (context, restored) => tagging(sink.createWriter(context, restored), context, epoch),
      ...(createCommitter && {
        createCommitter: (context: SubtaskContext) => {
          const committer = createCommitter.call(sink, context)
          return {
            commit: (committables: readonly TaggedCommittable[]) => {
              for (const committable of committables) this.#committing(committable, epoch)
              return committer.commit(committables.map(({ committable }) => committable as C))
            },
            close: () => committer.close(),
          }
        },
      }),
    }
  }

  #committing({ epoch, attempt, checkpointId }: TaggedCommittable, by: number): void {
    this.commits++
    const covering = this.#records.filter(
      ({ record }) =>
        isState(record) &&
        record.owner.epoch === epoch &&
        record.owner.attempt === attempt &&
        record.checkpointId >= checkpointId,
    )
    const what = `epoch ${by} commits what epoch ${epoch}, attempt ${attempt} wrote for checkpoint ${checkpointId}`
    if (covering.length === 0) this.#violations.report('commit', `${what} before any checkpoint with it is durable`)
    else if (covering.every(({ fenced }) => fenced)) {
      this.#violations.report('fence', `${what} although a newer attempt had taken over`)
    }
  }
}

function tagging<T, W, C>(
  writer: SinkWriter<T, W, C>,
  context: SubtaskContext,
  epoch: number,
): SinkWriter<T, W, TaggedCommittable> {
  const { attempt } = context
  return {
    open: (wake) => writer.open(wake),
    write: (batch) => writer.write(batch),
    isWritable: () => writer.isWritable(),
    advanceWatermark: (watermarkMs) => writer.advanceWatermark?.(watermarkMs),
    async snapshot(checkpointId, reason) {
      const { writerStates, committables } = await writer.snapshot(checkpointId, reason)
      const tag = (committable: C) => ({ epoch, attempt, checkpointId, committable })
      return { writerStates, committables: committables.map(tag) }
    },
    close: () => writer.close(),
  }
}

function isState(record: MetadataRecord): boolean {
  return record.kind === 'checkpoint' || record.kind === 'savepoint'
}

function isSame(a: CheckpointOwner, b: CheckpointOwner): boolean {
  return a.epoch === b.epoch && a.attempt === b.attempt && a.nonce === b.nonce
}
