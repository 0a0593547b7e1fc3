import { join } from 'node:path'
import type { Clock, Logger } from '@millrace/engine/spi'
import { invalidArgument } from '../wire/api-error.ts'
import { type LogFiles, replaceFile } from './log-files.ts'
import { Shard } from './shard.ts'
import { ShardLog } from './shard-log.ts'
import { encodeStreamMetadata, metadataFileName, type StreamMetadata, shardId } from './stream-metadata.ts'

export interface StreamParts {
  readonly files: LogFiles
  readonly clock: Clock
  readonly logger: Logger
  readonly segmentBytes: number
  readonly tailCacheBytes: number
}

/** An open stream: metadata on disk and one log a shard. */
export class Stream {
  readonly directory: string
  readonly shards: readonly Shard[]
  readonly #parts: StreamParts
  #metadata: StreamMetadata
  #lastSave: Promise<void> = Promise.resolve()
  isDeleting = false
  /** Monotonic ms from which a new stream takes records. */
  activeAtMs = Number.NEGATIVE_INFINITY

  private constructor(directory: string, metadata: StreamMetadata, shards: readonly Shard[], parts: StreamParts) {
    this.directory = directory
    this.shards = shards
    this.#metadata = metadata
    this.#parts = parts
  }

  /** Opens the stream in `directory`, recovering its logs. */
  static async open(directory: string, metadata: StreamMetadata, parts: StreamParts): Promise<Stream> {
    const { files, clock, logger, segmentBytes, tailCacheBytes } = parts
    const shards = await Promise.all(
      metadata.shards.map(async (shard) => {
        const path = join(directory, shardId(shard.number))
        const settings = { shardNumber: shard.number, segmentBytes, tailCacheBytes }
        const log = await ShardLog.open(path, settings, { files, clock, logger })
        return new Shard(shard, log, clock)
      }),
    )
    return new Stream(directory, metadata, shards, parts)
  }

  get metadata(): StreamMetadata {
    return this.#metadata
  }

  get name(): string {
    return this.#metadata.name
  }

  /** The open shard that owns a hash key. */
  shardOfHash(hash: bigint): Shard {
    let low = 0
    let high = this.shards.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.shards[middle]!.endHash < hash) low = middle + 1
      else high = middle
    }
    return this.shards[low]!
  }

  /** By id. Errors: InvalidArgumentException for what is no id; undefined for an id that isn't here. */
  shardById(id: string): Shard | undefined {
    if (!/^shardId-\d{12}$/.test(id)) throw invalidArgument(`ShardId ${id} is not a shard id.`)
    return this.shards.find((shard) => shard.id === id)
  }

  /** Changes the metadata; resolves when the change is durable. Changes are stored in the order they are made. */
  async update(change: (metadata: StreamMetadata) => StreamMetadata): Promise<void> {
    const before = this.#metadata
    this.#metadata = change(before)
    const bytes = encodeStreamMetadata(this.#metadata)
    const save = this.#lastSave.then(() =>
      replaceFile(this.#parts.files, join(this.directory, metadataFileName), bytes),
    )
    this.#lastSave = save.catch(() => {})
    await save
  }

  /** Removes whole segments of which every record is past retention. */
  async trim(nowMs: number): Promise<void> {
    const horizonMs = nowMs - this.#metadata.retentionHours * 3_600_000
    for (const shard of this.shards) {
      const segments = await shard.log.trim(horizonMs)
      if (segments > 0) this.#parts.logger.info('log trimmed', { stream: this.name, shard: shard.id, segments })
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#lastSave, ...this.shards.map((shard) => shard.log.close())])
  }
}
