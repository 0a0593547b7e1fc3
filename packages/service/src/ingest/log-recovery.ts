import { join } from 'node:path'
import { EngineError, type Logger } from '@millrace/engine/spi'
import { frameIndex, frameOverheadBytes, isFrame } from './frame.ts'
import type { LogFile, LogFiles } from './log-files.ts'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  type Segment,
  type SegmentHeader,
  scanSegment,
  segmentFileName,
  segmentHeaderBytes,
} from './segment.ts'

/** A log as found on disk, cut to its last good record and fsynced. */
export interface RecoveredLog {
  readonly segments: Segment[]
  /** The last segment, open for writing. */
  readonly active: LogFile
  readonly nextIndex: number
  readonly lastArrivalMs: number
}

/**
 * Opens a log directory or makes a new one.
 *
 * The torn tail of the last segment is cut at the first frame that isn't whole. Indexes then go on above every index
 * that the cut bytes, even if they were cut from outside, can have held: no sequence number is ever given twice.
 *
 * Errors: `LOG_SEGMENT_CORRUPT` when a segment before the last one has no valid header.
 */
export async function recoverLog(
  directory: string,
  shardNumber: number,
  maxSegmentBytes: number,
  files: LogFiles,
  logger: Logger,
): Promise<RecoveredLog> {
  const names = (await files.list(directory)).filter((name) => name.endsWith('.log'))
  const segments: Segment[] = []
  let skippedTo = 1
  for (const [at, name] of names.entries()) {
    const path = join(directory, name)
    const found = await readHeader(files, path)
    if (found.header?.shardNumber === shardNumber) {
      const { firstIndex, floorArrivalMs } = found.header
      segments.push({ path, firstIndex, floorArrivalMs, sizeBytes: found.sizeBytes, index: undefined })
    } else if (at === names.length - 1) {
      // The crash came between creating the file and making its header durable: nothing in it was acknowledged.
      logger.warn('log segment without a header dropped', { path, bytes: found.sizeBytes })
      skippedTo = Number.parseInt(name, 16)
      await files.rename(path, `${path}.cut`)
      await files.syncDirectory(directory)
    } else {
      throw new EngineError('LOG_SEGMENT_CORRUPT', {
        kind: 'corrupt',
        message: `Segment ${path} has no valid header.`,
        hint: 'Restore the file from a backup, or move it away to go on without its records.',
        details: { path },
      })
    }
  }
  if (segments.length === 0) {
    const created = await createSegment(files, directory, { shardNumber, firstIndex: skippedTo, floorArrivalMs: 0 })
    return { segments: [created.segment], active: created.file, nextIndex: skippedTo, lastArrivalMs: 0 }
  }
  const last = segments.at(-1)!
  const active = await files.open(last.path, 'write')
  const scan = await scanSegment(active, last.sizeBytes)
  if (scan.endBytes < last.sizeBytes) await cutTail(active, last, scan.endBytes, scan.lastIndex, files, logger)
  // Also what a killed process left in the page cache only must be durable before anyone reads it.
  await active.sync()
  last.sizeBytes = scan.endBytes
  last.index = scan.index
  const known = Math.max(scan.lastIndex ?? last.firstIndex - 1, skippedTo - 1)
  return {
    segments,
    active,
    nextIndex: known + 1 + mostFramesInASegment(maxSegmentBytes),
    lastArrivalMs: scan.lastArrivalMs ?? last.floorArrivalMs,
  }
}

/** Creates, fills and fsyncs a segment file and its directory entry; only then may it take acknowledged records. */
export async function createSegment(
  files: LogFiles,
  directory: string,
  header: SegmentHeader,
): Promise<{ segment: Segment; file: LogFile }> {
  const path = join(directory, segmentFileName(header.firstIndex))
  const file = await files.open(path, 'create')
  try {
    await file.write([encodeSegmentHeader(header)], 0)
    await file.sync()
    await files.syncDirectory(directory)
  } catch (error) {
    await file.close()
    await files.remove(path)
    throw error
  }
  const { firstIndex, floorArrivalMs } = header
  return { segment: { path, firstIndex, floorArrivalMs, sizeBytes: segmentHeaderBytes, index: undefined }, file }
}

/** A batch may begin just below the segment's limit; 64 MiB is above the largest batch. */
function mostFramesInASegment(maxSegmentBytes: number): number {
  return Math.ceil((maxSegmentBytes + (64 << 20)) / frameOverheadBytes)
}

async function readHeader(
  files: LogFiles,
  path: string,
): Promise<{ header: SegmentHeader | undefined; sizeBytes: number }> {
  const file = await files.open(path, 'read')
  try {
    const bytes = Buffer.alloc(segmentHeaderBytes)
    const read = await file.read(bytes, 0)
    return { header: decodeSegmentHeader(bytes.subarray(0, read)), sizeBytes: await file.size() }
  } finally {
    await file.close()
  }
}

/** Keeps what is cut beside the segment when records can still be read behind the damage: that is no torn tail. */
async function cutTail(
  active: LogFile,
  segment: Segment,
  endBytes: number,
  lastIndex: number | undefined,
  files: LogFiles,
  logger: Logger,
): Promise<void> {
  const tail = Buffer.alloc(segment.sizeBytes - endBytes)
  await active.read(tail, endBytes)
  const details = { path: segment.path, keptBytes: endBytes, cutBytes: tail.length }
  if (holdsFrame(tail, lastIndex ?? segment.firstIndex - 1)) {
    const copyPath = `${segment.path}.${endBytes}.cut`
    await files.remove(copyPath)
    const copy = await files.open(copyPath, 'create')
    await copy.write([tail], 0)
    await copy.sync()
    await copy.close()
    logger.error('log cut at a damaged record with readable records behind it', { ...details, copyPath })
  } else {
    logger.warn('torn tail of a log cut', details)
  }
  await active.truncate(endBytes)
}

function holdsFrame(bytes: Buffer, lastIndex: number): boolean {
  for (let offset = 1; offset + frameOverheadBytes <= bytes.length; offset++) {
    // Cheap tests first: a damaged megabyte must not cost a checksum per byte.
    if (bytes.readUInt32BE(offset) > bytes.length || frameIndex(bytes, offset) <= lastIndex) continue
    if (frameIndex(bytes, offset) < lastIndex + 1e9 && isFrame(bytes, offset)) return true
  }
  return false
}
