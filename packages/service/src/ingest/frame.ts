import { crc32 } from 'node:zlib'

/**
 * One record as the log holds it: big-endian
 * `u32 bodyLength | u32 crc32(bodyLength, body) | body = u64 index | u64 arrivalMs | u16 keyLength | key | data`.
 */
export interface LogRecord {
  /** Strictly increasing in a log; not always by one. */
  readonly index: number
  /** Epoch ms of arrival; never decreases in a log. */
  readonly arrivalMs: number
  readonly partitionKey: string
  readonly data: Buffer
}

/** What a producer hands in. */
export interface LogEntry {
  readonly partitionKey: string
  readonly data: Buffer
}

/** Bytes of a frame besides key and data. */
export const frameOverheadBytes = 26

const bodyOverheadBytes = 18

/** The frame's size in bytes. */
export function frameSize(entry: LogEntry): number {
  return frameOverheadBytes + Buffer.byteLength(entry.partitionKey) + entry.data.length
}

/** Writes one frame at `offset` and returns the offset behind it. */
export function writeFrame(into: Buffer, offset: number, entry: LogEntry, index: number, arrivalMs: number): number {
  const keyLength = into.write(entry.partitionKey, offset + frameOverheadBytes)
  const end = offset + frameOverheadBytes + keyLength + entry.data.length
  into.writeUInt32BE(end - offset - 8, offset)
  writeUint64(into, offset + 8, index)
  writeUint64(into, offset + 16, arrivalMs)
  into.writeUInt16BE(keyLength, offset + 24)
  entry.data.copy(into, offset + frameOverheadBytes + keyLength)
  into.writeUInt32BE(frameChecksum(into, offset, end), offset + 4)
  return end
}

/** The frame's end as its length field says, or undefined when the length can't be one or isn't all there. */
export function frameEnd(from: Buffer, offset: number): number | undefined {
  if (offset + frameOverheadBytes > from.length) return undefined
  const bodyLength = from.readUInt32BE(offset)
  return bodyLength < bodyOverheadBytes ? undefined : offset + 8 + bodyLength
}

/** True when a whole frame with a right checksum begins at `offset`. */
export function isFrame(from: Buffer, offset: number): boolean {
  const end = frameEnd(from, offset)
  if (end === undefined || end > from.length) return false
  if (frameOverheadBytes + from.readUInt16BE(offset + 24) > end - offset) return false
  return from.readUInt32BE(offset + 4) === frameChecksum(from, offset, end)
}

/** Reads the frame at `offset`, which must be a whole one; `data` shares the buffer's memory. */
export function readFrame(from: Buffer, offset: number): LogRecord {
  const keyEnd = offset + frameOverheadBytes + from.readUInt16BE(offset + 24)
  return {
    index: frameIndex(from, offset),
    arrivalMs: frameArrivalMs(from, offset),
    partitionKey: from.toString('utf8', offset + frameOverheadBytes, keyEnd),
    data: from.subarray(keyEnd, offset + 8 + from.readUInt32BE(offset)),
  }
}

export function frameIndex(from: Buffer, offset: number): number {
  return readUint64(from, offset + 8)
}

export function frameArrivalMs(from: Buffer, offset: number): number {
  return readUint64(from, offset + 16)
}

/** A whole number up to 2^53 - 1 as eight bytes: faster than BigInt, and no log gets there. */
export function writeUint64(into: Buffer, offset: number, value: number): void {
  into.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset)
  into.writeUInt32BE(value % 0x1_0000_0000, offset + 4)
}

export function readUint64(from: Buffer, offset: number): number {
  return from.readUInt32BE(offset) * 0x1_0000_0000 + from.readUInt32BE(offset + 4)
}

function frameChecksum(bytes: Buffer, offset: number, end: number): number {
  return crc32(bytes.subarray(offset + 8, end), crc32(bytes.subarray(offset, offset + 4)))
}
