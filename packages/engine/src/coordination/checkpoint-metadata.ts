import { ByteReader } from '../common/byte-reader.ts'
import { ByteWriter } from '../common/byte-writer.ts'
import { crc32 } from '../common/crc32.ts'
import { EngineError } from '../common/errors.ts'
import { decodeValue, encodeValue } from '../types/value-codec.ts'

/** Who wrote a record of the sequence: an attempt of an application process. */
export interface CheckpointOwner {
  /** Grows with every process; given by the launcher, or one above the last seen. */
  readonly epoch: number
  /** Grows with every restart inside the process. */
  readonly attempt: number
  /** Tells two processes apart that were given the same epoch. */
  readonly nonce: string
}

/** Where one operator's state lies: one file an old subtask, relative to the checkpoint's folder. */
export interface OperatorStateRecord {
  readonly operatorId: string
  readonly operatorName: string
  readonly parallelism: number
  /** Empty when no subtask had any state. */
  readonly files: readonly string[]
}

/** A completed checkpoint or savepoint. Relocatable: all paths are relative to its folder. */
export interface CheckpointRecord {
  readonly kind: 'checkpoint' | 'savepoint'
  readonly checkpointId: number
  readonly owner: CheckpointOwner
  readonly applicationName: string
  readonly graphHash: string
  readonly maxParallelism: number
  /** Epoch ms of the trigger. */
  readonly timestampMs: number
  readonly sizeBytes: number
  readonly operators: readonly OperatorStateRecord[]
  readonly enumerators: readonly { readonly operatorId: string; readonly state: unknown }[]
}

/** A number of the sequence that holds no state: a new attempt has taken over, or a checkpoint was given up. */
export interface MarkerRecord {
  readonly kind: 'takeover' | 'aborted'
  readonly checkpointId: number
  readonly owner: CheckpointOwner
  readonly timestampMs: number
}

export type MetadataRecord = CheckpointRecord | MarkerRecord

const MAGIC = 'MRCP'
const VERSION = 1

/** `_metadata`: magic, version, one value of the canonical codec, CRC-32 of all before it. See docs/reference/state-format.md. */
export function encodeMetadata(record: MetadataRecord): Uint8Array {
  const writer = new ByteWriter()
  for (const character of MAGIC) writer.u8(character.charCodeAt(0))
  writer.u16(VERSION)
  encodeValue(writer, record)
  const body = writer.toBytes()
  const sealed = new ByteWriter()
  sealed.bytes(body)
  sealed.u32(crc32(body))
  return sealed.toBytes()
}

/** Throws `CHECKPOINT_CORRUPT` when the bytes aren't what was written, `CHECKPOINT_VERSION` for a version from the future. */
export function decodeMetadata(bytes: Uint8Array, path: string): MetadataRecord {
  const corrupt = (message: string, cause?: unknown): EngineError =>
    new EngineError('CHECKPOINT_CORRUPT', { kind: 'corrupt', message: `${path}: ${message}`, details: { path }, cause })
  if (bytes.length < 10) throw corrupt('too short for checkpoint metadata')
  const body = bytes.subarray(0, bytes.length - 4)
  const reader = new ByteReader(bytes)
  for (const character of MAGIC) if (reader.u8() !== character.charCodeAt(0)) throw corrupt('not checkpoint metadata')
  const version = reader.u16()
  if (version !== VERSION) {
    throw new EngineError('CHECKPOINT_VERSION', {
      kind: 'invalid',
      message: `${path} has format version ${version}; this release reads version ${VERSION}.`,
      hint: 'Start with the release that wrote it, or a newer one.',
      details: { path, version },
    })
  }
  const sealReader = new ByteReader(bytes.subarray(bytes.length - 4))
  if (sealReader.u32() !== crc32(body)) throw corrupt('checksum differs')
  try {
    return decodeValue(reader) as MetadataRecord
  } catch (error) {
    throw corrupt('unreadable', error)
  }
}
