import { LineMatcher, type LogFilter } from './log-filter.ts'
import { endOf, type LogPart, type OpenLogFile, readAfter, readChunk, withFiles } from './log-reader.ts'

/** How much a search may cost. */
export interface SearchLimits {
  /** Lines of the answer: the newest that fit. */
  readonly lines: number
  /** Of the answer. */
  readonly maxBytes: number
  /** Read from the disk at most. */
  readonly maxScannedBytes: number
}

/** What was found, oldest first. */
export interface FoundLines extends LogPart {
  /** False: older lines were not looked at, or didn't fit into the answer. */
  readonly isComplete: boolean
}

const newline = 0x0a
const chunkBytes = 256 * 1024
/** Lines of the program and of the service come a little out of order. */
const disorderLines = 1000

/**
 * The newest lines of a rotated log that fit, from the newest backwards, a chunk at a time: memory is bounded by the limits
 * and the longest line, however long the log. `position` is the log's end.
 */
export function searchLog(path: string, filter: LogFilter, limits: SearchLimits): Promise<FoundLines> {
  return withFiles(path, async (files) => {
    const search = new Search(filter, limits)
    for (const file of files.toReversed()) if (!(await searchFile(file, search))) break
    const newest = files.at(-1)
    return { ...search.found(), position: newest === undefined ? '' : await endOf(newest) }
  })
}

/** The lines behind a position that fit; see `readAfter`. */
export async function searchAfter(
  path: string,
  position: string,
  filter: LogFilter,
  maxBytes: number,
): Promise<LogPart> {
  const part = await readAfter(path, position, maxBytes)
  const matcher = new LineMatcher(filter)
  const fitting: Buffer[] = []
  for (let start = 0; start < part.bytes.length; ) {
    const end = part.bytes.indexOf(newline, start) + 1
    const line = part.bytes.subarray(start, end)
    if (matcher.verdict(line) === 'fits') fitting.push(line)
    start = end
  }
  return { bytes: Buffer.concat(fitting), position: part.position }
}

/** False: enough was seen. */
async function searchFile(file: OpenLogFile, search: Search): Promise<boolean> {
  // What lies behind the last line break is still being written.
  let rest: Buffer | undefined
  for (let end = file.sizeBytes; end > 0; ) {
    const start = Math.max(0, end - chunkBytes)
    if (!search.mayScan(end - start)) return false
    const chunk = await readChunk(file.handle, start, end - start)
    const bytes = rest === undefined ? chunk.subarray(0, chunk.lastIndexOf(newline) + 1) : Buffer.concat([chunk, rest])
    let lineEnd = bytes.length
    for (;;) {
      const lineStart = lineEnd === 0 ? 0 : bytes.lastIndexOf(newline, lineEnd - 2) + 1
      // A chunk's first line begins in the chunk before.
      if (lineEnd === 0 || lineEnd === 1 || (lineStart === 0 && start > 0)) break
      if (!search.take(bytes.subarray(lineStart, lineEnd))) return false
      lineEnd = lineStart
    }
    rest = bytes.length === 0 ? undefined : Buffer.from(bytes.subarray(0, lineEnd))
    end = start
  }
  return true
}

class Search {
  readonly #matcher: LineMatcher
  readonly #limits: SearchLimits
  readonly #lines: Buffer[] = []
  #bytes = 0
  #scanned = 0
  #olderInARow = 0
  #isComplete = true

  constructor(filter: LogFilter, limits: SearchLimits) {
    this.#matcher = new LineMatcher(filter)
    this.#limits = limits
  }

  mayScan(bytes: number): boolean {
    this.#scanned += bytes
    if (this.#scanned <= this.#limits.maxScannedBytes) return true
    this.#isComplete = false
    return false
  }

  /** The next older line. False: no more are needed. */
  take(line: Buffer): boolean {
    const verdict = this.#matcher.verdict(line)
    this.#olderInARow = verdict === 'older' ? this.#olderInARow + 1 : 0
    if (this.#olderInARow >= disorderLines) return false
    if (verdict !== 'fits') return true
    if (this.#lines.length === this.#limits.lines || this.#bytes + line.length > this.#limits.maxBytes) {
      this.#isComplete = false
      return false
    }
    // A copy: the chunk would be kept in memory for its sake.
    this.#lines.push(Buffer.from(line))
    this.#bytes += line.length
    return true
  }

  found(): { bytes: Buffer; isComplete: boolean } {
    return { bytes: Buffer.concat(this.#lines.reverse()), isComplete: this.#isComplete }
  }
}
