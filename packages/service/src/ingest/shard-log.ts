import { type Clock, EngineError, type Logger } from '@millrace/engine/spi'
import { frameSize, type LogEntry, type LogRecord, writeFrame } from './frame.ts'
import type { LogFile, LogFiles } from './log-files.ts'
import { LogReader } from './log-reader.ts'
import { createSegment, recoverLog } from './log-recovery.ts'
import { type Segment, segmentHeaderBytes } from './segment.ts'
import { SparseIndex } from './sparse-index.ts'
import { type ReadLimits, TailCache } from './tail-cache.ts'

export interface ShardLogSettings {
  readonly shardNumber: number
  /** A segment that has reached this size is followed by a new one. */
  readonly segmentBytes: number
  /** Memory for the newest records. */
  readonly tailCacheBytes: number
}

export interface ShardLogParts {
  readonly files: LogFiles
  readonly clock: Clock
  readonly logger: Logger
}

/** One append as it was stored: entry i has index `firstIndex + i`. */
export interface Appended {
  readonly firstIndex: number
  readonly arrivalMs: number
}

interface PendingAppend extends Appended {
  readonly bytes: Buffer
  readonly lastIndex: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: unknown) => void
}

const maxBatchBytes = 8 << 20

/**
 * A durable, append-only log of records in segment files.
 *
 * An append resolves when its records are on stable storage (group fsync: everything that arrived during one fsync
 * shares the next). Readers see durable records only. Order, index and arrival time all follow the order of `append`.
 * A failed write or fsync rejects the appends it held, cuts their bytes off again and goes on; when even that fails the
 * log refuses appends until it is opened anew, so that no unacknowledged bytes can hide before acknowledged ones.
 *
 * Errors of `append`: `LOG_APPEND_FAILED` (unavailable), `LOG_CLOSED`.
 */
export class ShardLog {
  readonly #directory: string
  readonly #settings: ShardLogSettings
  readonly #parts: ShardLogParts
  readonly #segments: Segment[]
  readonly #reader: LogReader
  readonly #tail: TailCache
  readonly #listeners = new Set<() => void>()
  #active: LogFile
  #pending: PendingAppend[] = []
  #flushing: Promise<void> | undefined
  #nextIndex: number
  #durableIndex: number
  #lastArrivalMs: number
  #durableArrivalMs: number
  /** Failed batches since the last good one: told at the first and at the end. */
  #failures = 0
  #broken = false
  #closed = false
  #appendedRecords = 0
  #appendedBytes = 0

  private constructor(
    directory: string,
    settings: ShardLogSettings,
    parts: ShardLogParts,
    found: { segments: Segment[]; active: LogFile; nextIndex: number; lastArrivalMs: number },
  ) {
    this.#directory = directory
    this.#settings = settings
    this.#parts = parts
    this.#segments = found.segments
    this.#active = found.active
    this.#nextIndex = found.nextIndex
    this.#durableIndex = found.nextIndex - 1
    this.#lastArrivalMs = found.lastArrivalMs
    this.#durableArrivalMs = found.lastArrivalMs
    this.#reader = new LogReader(parts.files, this.#segments)
    this.#tail = new TailCache(settings.tailCacheBytes, found.nextIndex)
  }

  /** Opens the log in an existing directory; recovery is described at `recoverLog`. */
  static async open(directory: string, settings: ShardLogSettings, parts: ShardLogParts): Promise<ShardLog> {
    const { shardNumber, segmentBytes } = settings
    const found = await recoverLog(directory, shardNumber, segmentBytes, parts.files, parts.logger)
    return new ShardLog(directory, settings, parts, found)
  }

  /** The index the next durable record is at least going to have: a reader here has read everything. */
  get tipIndex(): number {
    return this.#durableIndex + 1
  }

  /** No record that is still kept has a smaller index. */
  get trimIndex(): number {
    return this.#segments[0]!.firstIndex
  }

  /** Arrival of the newest durable record, 0 when there never was one. */
  get lastArrivalMs(): number {
    return this.#durableArrivalMs
  }

  /** What was stored since the log was opened: records, and their bytes with headers. */
  get appended(): { readonly records: number; readonly bytes: number } {
    return { records: this.#appendedRecords, bytes: this.#appendedBytes }
  }

  /** Bytes of all segments. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /** Stores the entries (at least one) next to each other. */
  append(entries: readonly LogEntry[]): Promise<Appended> {
    if (this.#closed || this.#broken) return Promise.reject(this.#refusal())
    const firstIndex = this.#nextIndex
    const arrivalMs = Math.max(this.#parts.clock.now(), this.#lastArrivalMs)
    const bytes = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + frameSize(entry), 0))
    let offset = 0
    for (const entry of entries) offset = writeFrame(bytes, offset, entry, this.#nextIndex++, arrivalMs)
    this.#lastArrivalMs = arrivalMs
    return new Promise((resolve, reject) => {
      this.#pending.push({ bytes, firstIndex, lastIndex: this.#nextIndex - 1, arrivalMs, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** Durable records from `fromIndex` on: at once when they are in memory, else a promise of them. */
  read(fromIndex: number, limits: ReadLimits): LogRecord[] | Promise<LogRecord[]> {
    if (this.#tail.covers(fromIndex)) return this.#tail.read(fromIndex, limits)
    return this.#reader.read(fromIndex, limits)
  }

  /** Index of the first record that arrived at `arrivalMs` or later; the tip when there is none yet. */
  async indexAtTime(arrivalMs: number): Promise<number> {
    if (arrivalMs > this.#durableArrivalMs) return this.tipIndex
    return (await this.#reader.firstArrivedSince(arrivalMs)) ?? this.tipIndex
  }

  /** Calls `listener` whenever more records have become durable; the answer takes it off again. */
  onDurable(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Removes whole segments whose newest record arrived before `arrivalMs`; returns how many. */
  async trim(arrivalMs: number): Promise<number> {
    const { sizeBytes } = this.#segments.at(-1)!
    if (sizeBytes > segmentHeaderBytes && this.#durableArrivalMs < arrivalMs) await this.#rollWhenIdle()
    let removed = 0
    while (this.#segments.length > 1 && this.#segments[1]!.floorArrivalMs < arrivalMs) {
      const oldest = this.#segments.shift()!
      this.#reader.forget(oldest)
      await this.#parts.files.remove(oldest.path)
      removed++
    }
    if (removed > 0) await this.#parts.files.syncDirectory(this.#directory)
    return removed
  }

  /** Waits for running appends, refuses new ones, closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#flushing
    await this.#active.close()
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#takeBatch()
      try {
        if (this.#broken) throw this.#refusal()
        if (this.#segments.at(-1)!.sizeBytes >= this.#settings.segmentBytes) await this.#roll(batch[0]!.firstIndex)
        await this.#write(batch)
      } catch (cause) {
        await this.#fail(batch, cause)
        continue
      }
      this.#commit(batch)
    }
    this.#flushing = undefined
  }

  #takeBatch(): PendingAppend[] {
    let bytes = 0
    let count = 0
    while (count < this.#pending.length && (count === 0 || bytes < maxBatchBytes)) {
      bytes += this.#pending[count++]!.bytes.length
    }
    return this.#pending.splice(0, count)
  }

  async #write(batch: readonly PendingAppend[]): Promise<void> {
    await this.#active.write(
      batch.map((append) => append.bytes),
      this.#segments.at(-1)!.sizeBytes,
    )
    await this.#active.sync()
  }

  #commit(batch: readonly PendingAppend[]): void {
    const segment = this.#segments.at(-1)!
    if (this.#failures > 0) {
      this.#parts.logger.info('log takes records again', { path: segment.path, failures: this.#failures })
      this.#failures = 0
    }
    for (const append of batch) {
      segment.index ??= new SparseIndex()
      segment.index.add(append.firstIndex, append.arrivalMs, segment.sizeBytes)
      segment.sizeBytes += append.bytes.length
      this.#appendedBytes += append.bytes.length
      this.#appendedRecords += append.lastIndex - append.firstIndex + 1
      this.#tail.add(append.bytes, append.lastIndex)
      this.#durableIndex = append.lastIndex
      this.#durableArrivalMs = append.arrivalMs
    }
    for (const listener of this.#listeners) listener()
    for (const append of batch) append.resolve(append)
  }

  async #fail(batch: readonly PendingAppend[], cause: unknown): Promise<void> {
    const { path, sizeBytes } = this.#segments.at(-1)!
    const { logger } = this.#parts
    try {
      await this.#active.truncate(sizeBytes)
      await this.#active.sync()
    } catch (error) {
      this.#broken = true
      logger.error('log refuses appends until it is opened again', { path, cause: String(error) })
    }
    if (this.#failures++ === 0)
      logger.warn('append to a log failed', { path, appends: batch.length, cause: String(cause) })
    const error = new EngineError('LOG_APPEND_FAILED', {
      kind: 'unavailable',
      message: `Records could not be stored in ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'See that the disk has space and is healthy; the records may be put again.',
      details: { path },
      cause,
    })
    for (const append of batch) append.reject(error)
  }

  async #roll(firstIndex: number): Promise<void> {
    const { shardNumber } = this.#settings
    const header = { shardNumber, firstIndex, floorArrivalMs: this.#durableArrivalMs }
    const { segment, file } = await createSegment(this.#parts.files, this.#directory, header)
    const previous = this.#active
    this.#reader.seal(this.#segments.at(-1)!)
    this.#segments.push(segment)
    this.#active = file
    await previous.close()
  }

  /** A new segment without a record to write, so that retention can take the last one too. */
  async #rollWhenIdle(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing
    if (this.#closed || this.#broken || this.#segments.at(-1)!.firstIndex === this.#nextIndex) return
    this.#flushing = this.#roll(this.#nextIndex).finally(() => {
      this.#flushing = this.#pending.length > 0 ? this.#flush() : undefined
    })
    await this.#flushing
  }

  #refusal(): EngineError {
    return new EngineError(this.#closed ? 'LOG_CLOSED' : 'LOG_APPEND_FAILED', {
      kind: 'unavailable',
      message: `The log in ${this.#directory} ${this.#closed ? 'is closed' : 'failed earlier and takes no records'}.`,
      hint: this.#closed ? undefined : 'Start the endpoint again once the disk is healthy.',
    })
  }
}
