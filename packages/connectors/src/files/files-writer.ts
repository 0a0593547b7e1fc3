import {
  asEngineError,
  type Batch,
  type Cancellable,
  type FileSystem,
  type PendingFile,
  type PersistedFile,
  randomUuid,
  type SinkSnapshot,
  type SinkWriter,
  type SnapshotReason,
  type SubtaskContext,
} from '@millrace/engine/spi'
import { checkBucket } from './bucket-assigner.ts'
import { Leftovers } from './leftovers.ts'
import type { FilesSettings } from './options.ts'
import { Part } from './part.ts'
import type { FilesCommittable, FilesWriterState } from './writer-state.ts'

const BACK_PRESSURE_POLL_MS = 5

/** A part that is closed or closing and in no snapshot yet as a committable. */
interface RolledPart {
  /** Undefined for one that was recovered from the restored state. */
  readonly part: Part | undefined
  readonly pending: Promise<PendingFile>
}

/**
 * Writes one subtask's records as lines into parts, one open part a bucket.
 *
 * A part's way: open (hidden) → rolled (complete, a committable of the next snapshot) → committed (visible). A part that is
 * open at a checkpoint is persisted and goes on; after a restore its durable bytes become a rolled part of the new writer.
 * All names are new with every writer, so no two attempts ever want the same one.
 */
export class FilesWriter<T> implements SinkWriter<T, FilesWriterState, FilesCommittable> {
  readonly #settings: FilesSettings<T>
  readonly #context: SubtaskContext
  readonly #files: FileSystem
  readonly #restored: readonly FilesWriterState[]
  readonly #leftovers: Leftovers
  readonly #writerId: string
  readonly #bytesSent: { value: number }
  readonly #open = new Map<string, Part>()
  #rolled: RolledPart[] = []
  /** Rolled parts that aren't complete yet, whether a snapshot waits for them or not: their bytes count. */
  readonly #closing = new Map<Part, Promise<unknown>>()
  #nextCounter = 0
  #watermarkMs = Number.NEGATIVE_INFINITY
  #wake: () => void = () => {}
  #rollTimer: Cancellable | undefined
  #pollTimer: Cancellable | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(settings: FilesSettings<T>, context: SubtaskContext, restored: readonly FilesWriterState[]) {
    this.#settings = settings
    this.#context = context
    this.#files = context.fileSystem(settings.path)
    this.#restored = restored
    this.#leftovers = new Leftovers(settings, context, restored)
    this.#writerId = randomUuid(context.random)
    this.#bytesSent = context.metrics.counter('numBytesSend')
    context.metrics.gauge('openParts', () => this.#open.size)
    context.metrics.gauge('bufferedBytes', () => this.#bufferedBytes())
  }

  async open(wake: () => void): Promise<void> {
    this.#wake = wake
    const left = this.#restored.flatMap((state) => state.open)
    // By the part's own path: the sink's may have changed since.
    const recover = (file: PersistedFile) => this.#context.fileSystem(file.targetPath).recoverFile(file)
    const recovered = await Promise.all(left.map(({ file }) => recover(file)))
    this.#rolled = recovered.map((file) => ({ part: undefined, pending: Promise.resolve(file) }))
    this.#leftovers.start()
  }

  write(batch: Batch<T>): void {
    this.#throwFailure()
    const nowMs = this.#context.clock.monotonicMs()
    const { bucket, format, rolling } = this.#settings
    let sent = 0
    for (let i = 0; i < batch.length; i++) {
      const value = batch.valueAt(i)
      const timestampMs = batch.timestampAt(i)
      const name = bucket.bucketOf(value, timestampMs)
      const line = format.encode(value)
      let part = this.#open.get(name)
      if (part !== undefined && part.lengthBytes >= rolling.sizeBytes) {
        this.#roll(part)
        part = undefined
      }
      part ??= this.#openPart(name, timestampMs, nowMs)
      part.add(line, nowMs)
      sent += line.length + 1
    }
    this.#bytesSent.value += sent
  }

  isWritable(): boolean {
    if (this.#failure !== undefined || this.#bufferedBytes() < this.#settings.maxBufferedBytes) return true
    // Without this, half-full buffers would wait for lines that don't come while the writer is paused.
    for (const part of this.#open.values()) part.flush()
    this.#pollTimer ??= this.#context.scheduler.after(BACK_PRESSURE_POLL_MS, () => this.#pollWritable())
    return false
  }

  advanceWatermark(watermarkMs: number): void {
    const earlierMs = this.#watermarkMs
    this.#watermarkMs = watermarkMs
    for (const part of this.#open.values()) {
      // A part opened by a late record stays until it is idle or old: else every late record would make a file.
      const { endMs } = part
      if (endMs !== undefined && watermarkMs >= endMs - 1 && earlierMs < endMs - 1) this.#roll(part)
    }
  }

  snapshot(_checkpointId: number, reason: SnapshotReason): Promise<SinkSnapshot<FilesWriterState, FilesCommittable>> {
    this.#rollDue(reason !== 'checkpoint')
    const rolled = this.#rolled
    this.#rolled = []
    const open = [...this.#open.values()].map(async (part) => ({ bucket: part.bucket, file: await part.persist() }))
    const state = { writerId: this.#writerId, nextCounter: this.#nextCounter, earlier: this.#leftovers.earlier }
    return completeSnapshot(state, open, rolled)
  }

  async close(): Promise<void> {
    this.#rollTimer?.cancel()
    this.#pollTimer?.cancel()
    await this.#leftovers.stop()
    const open = [...this.#open.values()]
    const rolled = this.#rolled.flatMap(({ part }) => (part === undefined ? [] : [part]))
    this.#open.clear()
    this.#rolled = []
    // What a snapshot names stays on the storage, but its handle is freed.
    const closed = open.map((part) => (part.inSnapshot ? part.close() : part.discard()))
    const discarded = rolled.filter((part) => !part.inSnapshot).map((part) => part.discard())
    for (const result of await Promise.allSettled([...closed, ...discarded, ...this.#closing.values()])) {
      if (result.status === 'fulfilled') continue
      const { code, message } = asEngineError(result.reason)
      this.#context.logger.warn('could not close a part', { code, reason: message })
    }
  }

  #openPart(bucket: string, timestampMs: number, nowMs: number): Part {
    checkBucket(bucket)
    if (this.#open.size >= this.#settings.maxOpenParts) this.#roll(leastRecentlyWritten(this.#open.values()))
    const { path, partPrefix, partSuffix } = this.#settings
    const name = `${partPrefix}-${this.#writerId}-${this.#nextCounter++}${partSuffix}`
    const targetPath = [path, bucket, name].filter((segment) => segment !== '').join('/')
    const endMs = this.#settings.bucket.endMs?.(timestampMs)
    const part = new Part({ bucket, targetPath, endMs }, nowMs, this.#files.openFile(targetPath))
    this.#open.set(bucket, part)
    this.#startRollTimer()
    return part
  }

  #roll(part: Part): void {
    this.#open.delete(part.bucket)
    const pending = part.close()
    this.#closing.set(part, pending)
    this.#rolled.push({ part, pending })
    pending.then(
      () => this.#closing.delete(part),
      (error: unknown) => {
        this.#closing.delete(part)
        this.#fail(error)
      },
    )
  }

  #rollDue(all: boolean): void {
    const nowMs = this.#context.clock.monotonicMs()
    const { sizeBytes, openMs, idleMs } = this.#settings.rolling
    for (const part of this.#open.values()) {
      const due = part.lengthBytes >= sizeBytes || nowMs - part.openedMs >= openMs || nowMs - part.writtenMs >= idleMs
      if (all || due) this.#roll(part)
    }
  }

  #startRollTimer(): void {
    const { openMs, idleMs } = this.#settings.rolling
    this.#rollTimer ??= this.#context.scheduler.after(Math.max(1, Math.min(openMs, idleMs) / 4), () => {
      this.#rollTimer = undefined
      this.#rollDue(false)
      if (this.#open.size > 0) this.#startRollTimer()
    })
  }

  #pollWritable(): void {
    this.#pollTimer = undefined
    try {
      for (const part of this.#open.values()) part.throwFailure()
    } catch (error) {
      this.#fail(error)
    }
    if (this.isWritable()) this.#wake()
  }

  #bufferedBytes(): number {
    let bytes = 0
    for (const part of this.#open.values()) bytes += part.bufferedBytes
    for (const part of this.#closing.keys()) bytes += part.bufferedBytes
    return bytes
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    for (const part of this.#open.values()) part.throwFailure()
  }
}

/** Resolves when all of it is durable. */
async function completeSnapshot(
  state: Omit<FilesWriterState, 'open'>,
  open: readonly Promise<FilesWriterState['open'][number]>[],
  rolled: readonly RolledPart[],
): Promise<SinkSnapshot<FilesWriterState, FilesCommittable>> {
  const closed = rolled.map(async ({ part, pending }) => ({ file: await pending, copied: part === undefined }))
  const [openParts, committables] = await Promise.all([Promise.all(open), Promise.all(closed)])
  const unused = state.nextCounter === 0 && state.earlier.length === 0
  return {
    writerStates: unused ? [] : [{ ...state, open: openParts }],
    committables,
  }
}

function leastRecentlyWritten(parts: Iterable<Part>): Part {
  let oldest: Part | undefined
  for (const part of parts) if (oldest === undefined || part.writtenMs < oldest.writtenMs) oldest = part
  return oldest as Part
}
