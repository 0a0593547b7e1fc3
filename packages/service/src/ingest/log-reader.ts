import { EngineError } from '@millrace/engine/spi'
import {
  frameArrivalMs,
  frameEnd,
  frameIndex,
  frameOverheadBytes,
  isFrame,
  type LogRecord,
  readFrame,
} from './frame.ts'
import type { LogFile, LogFiles } from './log-files.ts'
import { type Segment, scanSegment, segmentHeaderBytes } from './segment.ts'
import type { SparseIndex } from './sparse-index.ts'
import type { ReadLimits } from './tail-cache.ts'

const blockBytes = 256 << 10
const maxOlderIndexes = 32
const maxHints = 64

/** Reads a log's records from its files: for whoever is behind the tail cache. */
export class LogReader {
  readonly #files: LogFiles
  readonly #segments: readonly Segment[]
  /** Where recent reads stopped: a consumer that goes on finds its place without seeking. */
  readonly #hints = new Map<number, { segment: Segment; offset: number }>()
  readonly #olderIndexes = new Set<Segment>()

  /** `segments` is the log's own list, oldest first, and changes under our eyes. */
  constructor(files: LogFiles, segments: readonly Segment[]) {
    this.#files = files
    this.#segments = segments
  }

  /**
   * Records with an index of at least `fromIndex`, in order, as far as they are durable.
   * Errors: `LOG_RECORD_CORRUPT` when a checksum is wrong.
   */
  async read(fromIndex: number, limits: ReadLimits): Promise<LogRecord[]> {
    const records: LogRecord[] = []
    let bytesLeft = limits.maxBytes
    const hint = this.#hints.get(fromIndex)
    let segment = hint?.segment ?? this.#segmentWith(fromIndex)
    let offset = hint?.offset
    while (segment !== undefined) {
      const current = segment
      const start = offset ?? (await this.#seek(current, fromIndex))
      const stopped = await this.#walk(current, start, (bytes, at, place) => {
        if (frameIndex(bytes, at) < fromIndex) return true
        const record = readFrame(bytes, at)
        bytesLeft -= record.data.length + record.partitionKey.length
        if (records.length >= limits.maxRecords || (records.length > 0 && bytesLeft < 0)) {
          this.#remember(records.at(-1)!.index + 1, current, place)
          return false
        }
        records.push(record)
        return true
      })
      if (stopped) return records
      segment = this.#segments[this.#segments.indexOf(current) + 1]
      offset = undefined
    }
    return records
  }

  /** Index of the first durable record that arrived at `arrivalMs` or later, undefined when there is none. */
  async firstArrivedSince(arrivalMs: number): Promise<number | undefined> {
    for (const [at, segment] of this.#segments.entries()) {
      const next = this.#segments[at + 1]
      if (next !== undefined && next.floorArrivalMs < arrivalMs) continue
      const start = (await this.#indexOf(segment)).before(arrivalMs)?.offset ?? segmentHeaderBytes
      let found: number | undefined
      await this.#walk(segment, start, (bytes, offset) => {
        if (frameArrivalMs(bytes, offset) < arrivalMs) return true
        found = frameIndex(bytes, offset)
        return false
      })
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Forgets places in a segment that is about to be removed. */
  forget(segment: Segment): void {
    this.#olderIndexes.delete(segment)
    for (const [index, hint] of this.#hints) if (hint.segment === segment) this.#hints.delete(index)
  }

  #segmentWith(index: number): Segment | undefined {
    return this.#segments.findLast((segment) => segment.firstIndex <= index) ?? this.#segments[0]
  }

  async #seek(segment: Segment, fromIndex: number): Promise<number> {
    if (fromIndex <= segment.firstIndex) return segmentHeaderBytes
    return (await this.#indexOf(segment)).atOrBelow(fromIndex)?.offset ?? segmentHeaderBytes
  }

  /** Built by one walk over an older segment when somebody seeks in it; a bounded number is kept. */
  async #indexOf(segment: Segment): Promise<SparseIndex> {
    if (segment.index !== undefined) return segment.index
    const index = await this.#withFile(segment, async (file) => (await scanSegment(file, segment.sizeBytes)).index)
    segment.index = index
    this.seal(segment)
    return index
  }

  /** Counts a segment that takes no more records among those whose index is kept; the one kept longest goes. */
  seal(segment: Segment): void {
    this.#olderIndexes.add(segment)
    for (const oldest of this.#olderIndexes) {
      if (this.#olderIndexes.size <= maxOlderIndexes) break
      oldest.index = undefined
      this.#olderIndexes.delete(oldest)
    }
  }

  /** Calls `visit(bytes, offset in bytes, offset in file)` per frame until it answers false; true when it did. */
  async #walk(
    segment: Segment,
    start: number,
    visit: (bytes: Buffer, offset: number, place: number) => boolean,
  ): Promise<boolean> {
    const limit = segment.sizeBytes
    if (start >= limit) return false
    return this.#withFile(segment, async (file) => {
      let wanted = blockBytes
      for (let position = start; position < limit; ) {
        const block = Buffer.allocUnsafe(Math.min(wanted, limit - position))
        const bytes = block.subarray(0, await file.read(block, position))
        let offset = 0
        for (let end = frameEnd(bytes, 0); end !== undefined && end <= bytes.length; end = frameEnd(bytes, offset)) {
          if (!isFrame(bytes, offset)) throw corrupt(segment, position + offset)
          if (!visit(bytes, offset, position + offset)) return true
          offset = end
        }
        position += offset
        if (position >= limit) break
        // A frame longer than the block is read again in one piece; a short or absurd one is damage.
        const needed = offset === 0 ? frameEnd(bytes, 0) : frameOverheadBytes
        if (needed === undefined || position + needed > limit || bytes.length < block.length) {
          throw corrupt(segment, position)
        }
        wanted = offset === 0 ? needed : Math.max(blockBytes, wanted >>> 1)
      }
      return false
    })
  }

  async #withFile<T>(segment: Segment, use: (file: LogFile) => Promise<T>): Promise<T> {
    const file = await this.#files.open(segment.path, 'read')
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }

  #remember(index: number, segment: Segment, offset: number): void {
    if (this.#hints.size >= maxHints) this.#hints.delete(this.#hints.keys().next().value!)
    this.#hints.set(index, { segment, offset })
  }
}

function corrupt(segment: Segment, position: number): EngineError {
  return new EngineError('LOG_RECORD_CORRUPT', {
    kind: 'corrupt',
    message: `The record at byte ${position} of ${segment.path} is damaged.`,
    hint: 'Restore the file from a backup; records behind the damage are not served out of order.',
    details: { path: segment.path, position },
  })
}
