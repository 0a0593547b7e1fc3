import type { Clock, Scheduler } from '../common/clock.ts'
import { silentLogger } from '../common/logger.ts'
import type { Random } from '../common/random.ts'
import { MAX_TIMESTAMP, ObjectBatch } from '../spi/batch.ts'
import type { FileSystem } from '../spi/file-system.ts'
import { createMetricGroup } from '../spi/metrics.ts'
import type { SubtaskContext } from '../spi/runtime-context.ts'
import type { Sink, SinkCommitter, SinkWriter, SnapshotReason } from '../spi/sink.ts'
import { decodeValueBytes, encodeValueBytes } from '../types/value-codec.ts'

/** What a sink under test runs in, and how its output is looked at. */
export interface SinkHarness<T> {
  /** A new sink object with the same settings, as every attempt makes one. */
  createSink(): Sink<T>
  /** The record with that number, from 0. Records may come again with the same number: a replay. */
  record(index: number): { readonly value: T; readonly timestampMs: number }
  /** Numbers of the records that the outside sees now, in any order, each as often as it is seen. */
  visible(): Promise<readonly number[]>
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  fileSystem(path: string): FileSystem
  close(): Promise<void>
}

/** A checkpoint of a sink's subtasks: plain data, as if it had been written and read. */
export interface SinkCheckpoint {
  readonly id: number
  /** Records before this number are covered. */
  readonly position: number
  readonly writerStates: readonly unknown[]
  readonly committables: readonly unknown[]
}

interface Subtask<T> {
  readonly writer: SinkWriter<T, unknown, unknown>
  readonly committer: SinkCommitter<unknown> | undefined
  /** Called when the writer wakes. */
  awake: () => void
}

/** One attempt of a job that only has this sink, driven as the engine drives it. Not closed it goes on living: a zombie. */
export class SinkAttempt<T> {
  /** The next record's number. */
  position: number
  readonly #harness: SinkHarness<T>
  readonly #subtasks: Subtask<T>[] = []
  /** Handed out by a snapshot and not known to be committed: part of every later checkpoint. */
  #uncommitted: { readonly id: number; readonly committables: readonly unknown[] }[] = []

  private constructor(harness: SinkHarness<T>, position: number) {
    this.#harness = harness
    this.position = position
  }

  /** Commits what the restored checkpoint holds, then opens the writers with its states, dealt out over the subtasks. */
  static async start<T>(
    harness: SinkHarness<T>,
    settings: {
      readonly parallelism: number
      readonly attempt: number
      readonly restored?: SinkCheckpoint | undefined
    },
  ): Promise<SinkAttempt<T>> {
    const { parallelism, attempt, restored } = settings
    const self = new SinkAttempt(harness, restored?.position ?? 0)
    const sink = harness.createSink()
    const share = (all: readonly unknown[], subtask: number) => all.filter((_, i) => i % parallelism === subtask)
    try {
      for (let subtask = 0; subtask < parallelism; subtask++) {
        const context = contextOf(harness, subtask, parallelism, attempt)
        const writer = sink.createWriter(context, asStored(share(restored?.writerStates ?? [], subtask)))
        self.#subtasks.push({ writer, committer: sink.createCommitter?.(context), awake: () => {} })
      }
      await Promise.all(
        self.#subtasks.map(async (subtask, i) => {
          const committables = asStored(share(restored?.committables ?? [], i))
          if (committables.length > 0) await subtask.committer?.commit(committables)
          await subtask.writer.open(() => subtask.awake())
        }),
      )
      return self
    } catch (error) {
      await self.close()
      throw error
    }
  }

  /** Writes the next records in small batches, dealt out over the subtasks, waiting where a writer asks for it. */
  async write(count: number): Promise<void> {
    for (let written = 0; written < count; written += 4) await this.#writeBatch(Math.min(4, count - written))
  }

  /** As `write`, in one turn of the event loop and without asking whether the writer wants more. */
  writeNow(count: number): void {
    const batch = this.#nextBatch(count)
    this.#subtaskOf(this.position).writer.write(batch)
    this.position += count
  }

  advanceWatermark(watermarkMs: number): void {
    for (const { writer } of this.#subtasks) writer.advanceWatermark?.(watermarkMs)
  }

  /** Covers what was written before the call. Resolves when it may become a complete checkpoint. */
  async snapshot(id: number, reason: SnapshotReason = 'checkpoint'): Promise<SinkCheckpoint> {
    const { position } = this
    if (reason === 'end-of-input') this.advanceWatermark(MAX_TIMESTAMP)
    const snapshots = await Promise.all(this.#subtasks.map(({ writer }) => writer.snapshot(id, reason)))
    const committables = snapshots.flatMap((snapshot) => snapshot.committables)
    this.#uncommitted.push({ id, committables })
    const upToHere = this.#uncommitted.filter((each) => each.id <= id).flatMap((each) => each.committables)
    const writerStates = snapshots.flatMap((snapshot) => snapshot.writerStates)
    return asStored({ id, position, writerStates, committables: upToHere })
  }

  /** The checkpoint is complete: commits its committables, or only the first `limit` of them. */
  async commit(checkpoint: SinkCheckpoint, limit = Number.POSITIVE_INFINITY): Promise<void> {
    const due = asStored(checkpoint.committables.slice(0, limit))
    if (due.length > 0) await this.#subtasks[0]?.committer?.commit(due)
    if (limit >= checkpoint.committables.length) {
      this.#uncommitted = this.#uncommitted.filter((each) => each.id > checkpoint.id)
    }
  }

  /** As after a failure or at the end. */
  async close(): Promise<void> {
    for (const { writer, committer } of this.#subtasks) {
      await writer.close()
      await committer?.close()
    }
  }

  async #writeBatch(count: number): Promise<void> {
    const subtask = this.#subtaskOf(this.position)
    while (!subtask.writer.isWritable()) {
      await new Promise<void>((resolve) => {
        subtask.awake = resolve
      })
    }
    this.writeNow(count)
  }

  #subtaskOf(position: number): Subtask<T> {
    return this.#subtasks[Math.floor(position / 4) % this.#subtasks.length] as Subtask<T>
  }

  #nextBatch(count: number): ObjectBatch<T> {
    const records = Array.from({ length: count }, (_, i) => this.#harness.record(this.position + i))
    return new ObjectBatch(
      records.map((record) => record.value),
      records.map((record) => record.timestampMs),
    )
  }
}

function contextOf<T>(
  harness: SinkHarness<T>,
  subtaskIndex: number,
  parallelism: number,
  attempt: number,
): SubtaskContext {
  return {
    applicationName: 'sink-contract',
    operatorId: 'sink',
    operatorName: 'sink',
    subtaskIndex,
    parallelism,
    maxParallelism: 256,
    attempt,
    clock: harness.clock,
    scheduler: harness.scheduler,
    random: harness.random,
    logger: silentLogger,
    metrics: createMetricGroup(),
    fileSystem: (path) => harness.fileSystem(path),
  }
}

/** The value as a checkpoint gives it back. Throws when the sink's state isn't plain data. */
function asStored<V>(value: V): V {
  return decodeValueBytes(encodeValueBytes(value)) as V
}
