import { crc32 } from 'node:zlib'
import { frameArrivalMs, frameEnd, frameIndex, isFrame, readUint64, writeUint64 } from './frame.ts'
import type { LogFile } from './log-files.ts'
import { SparseIndex } from './sparse-index.ts'

/** The first bytes of every segment file; `README.md` beside this file has the layout. */
export interface SegmentHeader {
  readonly shardNumber: number
  /** No record in this segment has a smaller index. */
  readonly firstIndex: number
  /** The newest arrival in all earlier segments, so that starting up reads headers, not records. */
  readonly floorArrivalMs: number
}

export const segmentHeaderBytes = 36

const magic = Buffer.from('MRLOGSEG')
const formatVersion = 1

/** A segment as the log keeps it in memory. */
export interface Segment {
  readonly path: string
  readonly firstIndex: number
  readonly floorArrivalMs: number
  /** Bytes that are known to be durable; readers stop here. */
  sizeBytes: number
  /** Built while writing, or by the first read that seeks in an older segment. */
  index: SparseIndex | undefined
}

export function segmentFileName(firstIndex: number): string {
  return `${firstIndex.toString(16).padStart(16, '0')}.log`
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes)
  magic.copy(bytes)
  bytes.writeUInt16BE(formatVersion, 8)
  bytes.writeUInt32BE(header.shardNumber, 12)
  writeUint64(bytes, 16, header.firstIndex)
  writeUint64(bytes, 24, header.floorArrivalMs)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 32)), 32)
  return bytes
}

/** The header, or undefined when these bytes aren't one (torn, damaged, or of a version that isn't ours). */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, 8).equals(magic)) return undefined
  if (bytes.readUInt16BE(8) !== formatVersion || bytes.readUInt32BE(32) !== crc32(bytes.subarray(0, 32)))
    return undefined
  return {
    shardNumber: bytes.readUInt32BE(12),
    firstIndex: readUint64(bytes, 16),
    floorArrivalMs: readUint64(bytes, 24),
  }
}

/** What a walk over a segment's frames found. */
export interface SegmentScan {
  /** Offset behind the last good frame. */
  readonly endBytes: number
  readonly lastIndex: number | undefined
  readonly lastArrivalMs: number | undefined
  readonly index: SparseIndex
}

const scanBlockBytes = 4 << 20

/**
 * Walks the frames from the header to the first one whose checksum, length or index can't be, or to `limitBytes`.
 * Memory: one block of 4 MiB, or one record when that is more.
 */
export async function scanSegment(file: LogFile, limitBytes: number): Promise<SegmentScan> {
  const index = new SparseIndex()
  let lastIndex: number | undefined
  let lastArrivalMs: number | undefined
  let position = segmentHeaderBytes
  let wanted = scanBlockBytes
  while (position < limitBytes) {
    const block = Buffer.allocUnsafe(Math.min(wanted, limitBytes - position))
    const bytes = block.subarray(0, await file.read(block, position))
    let offset = 0
    while (isFrame(bytes, offset) && frameIndex(bytes, offset) > (lastIndex ?? -1)) {
      lastIndex = frameIndex(bytes, offset)
      lastArrivalMs = frameArrivalMs(bytes, offset)
      index.add(lastIndex, lastArrivalMs, position + offset)
      offset = frameEnd(bytes, offset) ?? offset
    }
    position += offset
    if (offset > 0) {
      wanted = scanBlockBytes
      continue
    }
    const needed = frameEnd(bytes, 0)
    if (needed === undefined || needed <= bytes.length || position + needed > limitBytes) break
    wanted = needed
  }
  return { endBytes: position, lastIndex, lastArrivalMs, index }
}
