import { frameEnd, frameIndex, type LogRecord, readFrame } from './frame.ts'

interface Chunk {
  readonly lastIndex: number
  readonly bytes: Buffer
}

/** How much one read may return. At least one record is returned when there is one, however large. */
export interface ReadLimits {
  readonly maxRecords: number
  readonly maxBytes: number
}

/**
 * The newest frames of a log, as written, so that consumers at the tip are served without the disk. Bounded by bytes;
 * whoever falls behind reads files.
 */
export class TailCache {
  readonly #maxBytes: number
  readonly #chunks: Chunk[] = []
  #bytes = 0
  #startIndex: number

  /** `startIndex`: every record from this index on will be added. */
  constructor(maxBytes: number, startIndex: number) {
    this.#maxBytes = maxBytes
    this.#startIndex = startIndex
  }

  /** True when all records from `index` on are here (maybe none). */
  covers(index: number): boolean {
    return index >= this.#startIndex
  }

  /** Adds whole frames in log order; `lastIndex` is the last one's. */
  add(bytes: Buffer, lastIndex: number): void {
    this.#chunks.push({ bytes, lastIndex })
    this.#bytes += bytes.length
    let dropped = 0
    while (this.#bytes > this.#maxBytes && dropped < this.#chunks.length) {
      const oldest = this.#chunks[dropped++]!
      this.#bytes -= oldest.bytes.length
      this.#startIndex = oldest.lastIndex + 1
    }
    if (dropped > 0) this.#chunks.splice(0, dropped)
  }

  read(fromIndex: number, limits: ReadLimits): LogRecord[] {
    const records: LogRecord[] = []
    let bytesLeft = limits.maxBytes
    for (let at = this.#firstChunkWith(fromIndex); at < this.#chunks.length; at++) {
      const { bytes } = this.#chunks[at]!
      for (let offset = 0; offset < bytes.length; ) {
        const end = frameEnd(bytes, offset)!
        if (frameIndex(bytes, offset) >= fromIndex) {
          const record = readFrame(bytes, offset)
          bytesLeft -= record.data.length + record.partitionKey.length
          if (records.length > 0 && bytesLeft < 0) return records
          if (records.push(record) >= limits.maxRecords) return records
        }
        offset = end
      }
    }
    return records
  }

  #firstChunkWith(index: number): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#chunks[middle]!.lastIndex < index) low = middle + 1
      else high = middle
    }
    return low
  }
}
