import { EngineError } from '@millrace/engine/spi'

/** What is stored of one shard; hash keys are decimal texts, both ends included. */
export interface ShardMetadata {
  readonly number: number
  readonly startHash: string
  readonly endHash: string
  /** Goes into its sequence numbers; a child's is above its parents'. */
  readonly createdSecond: number
  readonly parentNumber?: number
  readonly adjacentParentNumber?: number
}

export interface ConsumerMetadata {
  readonly name: string
  readonly createdMs: number
}

/** The file `stream.json` in a stream's directory, replaced as a whole at every change. */
export interface StreamMetadata {
  readonly formatVersion: 1
  readonly name: string
  /** Tells two streams of one name apart: the second one's is greater. */
  readonly createdMs: number
  readonly mode: 'PROVISIONED'
  readonly retentionHours: number
  readonly maxRecordBytes: number
  readonly shards: readonly ShardMetadata[]
  readonly consumers: readonly ConsumerMetadata[]
  readonly tags: Readonly<Record<string, string>>
}

export const metadataFileName = 'stream.json'

export function encodeStreamMetadata(metadata: StreamMetadata): Buffer {
  return Buffer.from(`${JSON.stringify(metadata, null, 2)}\n`)
}

/** Errors: `STREAM_METADATA_CORRUPT`, `STREAM_METADATA_VERSION`. */
export function decodeStreamMetadata(bytes: Buffer, path: string): StreamMetadata {
  let metadata: StreamMetadata
  try {
    metadata = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new EngineError('STREAM_METADATA_CORRUPT', {
      kind: 'corrupt',
      message: `${path} is not readable.`,
      hint: 'Restore the file from a backup.',
      details: { path },
      cause,
    })
  }
  if (metadata.formatVersion === 1) return metadata
  throw new EngineError('STREAM_METADATA_VERSION', {
    kind: 'invalid',
    message: `${path} has format version ${metadata.formatVersion}; this program reads version 1.`,
    hint: 'Start the newer program that wrote it.',
    details: { path },
  })
}

export function shardId(number: number): string {
  return `shardId-${String(number).padStart(12, '0')}`
}
