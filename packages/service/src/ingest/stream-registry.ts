import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import { uniformHashRanges } from './hash-key.ts'
import { replaceFile } from './log-files.ts'
import { Stream, type StreamParts } from './stream.ts'
import {
  decodeStreamMetadata,
  encodeStreamMetadata,
  metadataFileName,
  type StreamMetadata,
  shardId,
} from './stream-metadata.ts'

export interface StreamOptions {
  readonly shardCount: number
  readonly maxRecordBytes: number
  readonly tags: Readonly<Record<string, string>>
}

/** Streams are limited in sum, as an account's shards are. */
const maxShards = 1000

/**
 * All streams under one directory: `<name>@<createdMs>/` each. A directory is filled under a hidden name and renamed
 * when it is complete, and renamed away before it is removed, so that a crash leaves no half of a stream.
 */
export class StreamRegistry {
  readonly tokenKey: Buffer
  readonly #directory: string
  readonly #parts: StreamParts
  readonly #clock: Clock
  readonly #streams = new Map<string, Stream>()
  readonly #creating = new Set<string>()
  #lastCreatedMs = 0

  private constructor(directory: string, parts: StreamParts, tokenKey: Buffer) {
    this.#directory = directory
    this.#parts = parts
    this.#clock = parts.clock
    this.tokenKey = tokenKey
  }

  static async open(directory: string, parts: StreamParts): Promise<StreamRegistry> {
    await parts.files.makeDirectory(directory)
    const registry = new StreamRegistry(directory, parts, await loadOrCreateTokenKey(directory, parts))
    for (const name of await parts.files.list(directory)) {
      const path = join(directory, name)
      if (name.startsWith('.')) await parts.files.remove(path)
      else if (name.includes('@')) await registry.#openExisting(path)
    }
    return registry
  }

  get(name: string): Stream | undefined {
    return this.#streams.get(name)
  }

  /** Names in order. */
  names(): string[] {
    return [...this.#streams.keys()].sort()
  }

  /** Makes a stream and resolves when it is durable. Errors: ResourceInUseException, LimitExceededException. */
  async create(name: string, options: StreamOptions): Promise<Stream> {
    if (this.#streams.has(name) || this.#creating.has(name)) {
      throw new ApiError('ResourceInUseException', `Stream ${name} already exists.`)
    }
    const inUse = [...this.#streams.values()].reduce((sum, stream) => sum + stream.shards.length, 0)
    if (inUse + options.shardCount > maxShards || this.#creating.size >= 5) {
      throw new ApiError('LimitExceededException', `There may be ${maxShards} shards, and 5 streams being created.`)
    }
    this.#creating.add(name)
    try {
      const stream = await this.#create(this.#newMetadata(name, options))
      this.#streams.set(name, stream)
      return stream
    } finally {
      this.#creating.delete(name)
    }
  }

  /** Removes a stream and its records; resolves when it can't come back. */
  async delete(stream: Stream): Promise<void> {
    const { files } = this.#parts
    const away = join(this.#directory, `.deleted-${stream.name}@${stream.metadata.createdMs}`)
    stream.isDeleting = true
    await stream.close()
    await files.rename(stream.directory, away)
    await files.syncDirectory(this.#directory)
    this.#streams.delete(stream.name)
    await files.remove(away)
  }

  async trim(): Promise<void> {
    for (const stream of this.#streams.values()) if (!stream.isDeleting) await stream.trim(this.#clock.now())
  }

  async close(): Promise<void> {
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()))
  }

  async #create(metadata: StreamMetadata): Promise<Stream> {
    const { files } = this.#parts
    const name = `${metadata.name}@${metadata.createdMs}`
    const hidden = join(this.#directory, `.new-${name}`)
    const path = join(this.#directory, name)
    try {
      for (const shard of metadata.shards) await files.makeDirectory(join(hidden, shardId(shard.number)))
      await replaceFile(files, join(hidden, metadataFileName), encodeStreamMetadata(metadata))
      await files.rename(hidden, path)
      await files.syncDirectory(this.#directory)
      return await Stream.open(path, metadata, this.#parts)
    } catch (error) {
      await files.remove(hidden)
      await files.remove(path)
      throw error
    }
  }

  async #openExisting(path: string): Promise<void> {
    const file = join(path, metadataFileName)
    const bytes = await this.#parts.files.readFile(file)
    const metadata = decodeStreamMetadata(bytes ?? Buffer.alloc(0), file)
    this.#lastCreatedMs = Math.max(this.#lastCreatedMs, metadata.createdMs)
    this.#streams.set(metadata.name, await Stream.open(path, metadata, this.#parts))
  }

  #newMetadata(name: string, options: StreamOptions): StreamMetadata {
    // Sequence numbers carry the second of creation: a stream made anew must not share it with the one before.
    const earliestMs = (Math.floor(this.#lastCreatedMs / 1000) + 1) * 1000
    const nowMs = this.#clock.now()
    const createdMs = this.#lastCreatedMs === 0 || nowMs >= earliestMs ? nowMs : earliestMs
    this.#lastCreatedMs = createdMs
    return {
      formatVersion: 1,
      name,
      createdMs,
      mode: 'PROVISIONED',
      retentionHours: 24,
      maxRecordBytes: options.maxRecordBytes,
      shards: uniformHashRanges(options.shardCount).map(({ start, end }, number) => ({
        number,
        startHash: String(start),
        endHash: String(end),
        createdSecond: Math.floor(createdMs / 1000),
      })),
      consumers: [],
      tags: options.tags,
    }
  }
}

async function loadOrCreateTokenKey(directory: string, parts: StreamParts): Promise<Buffer> {
  const path = join(directory, 'token-key')
  const existing = await parts.files.readFile(path)
  if (existing !== undefined && existing.length === 32) return existing
  const key = randomBytes(32)
  await replaceFile(parts.files, path, key)
  return key
}
