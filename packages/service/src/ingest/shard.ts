import type { Clock } from '@millrace/engine/spi'
import { invalidArgument } from '../wire/api-error.ts'
import type { LogRecord } from './frame.ts'
import { decodeSequenceNumber, encodeSequenceNumber, type SequenceNumber } from './sequence-number.ts'
import type { ShardLog } from './shard-log.ts'
import { type ShardMetadata, shardId } from './stream-metadata.ts'
import { TokenBucket } from './token-bucket.ts'

/** AWS's quotas of one shard. */
const quota = {
  putBytesPerSecond: 1 << 20,
  putRecordsPerSecond: 1000,
  readBytesPerSecond: 2 << 20,
  readCallsPerSecond: 5,
  iteratorCallsPerSecond: 5,
}

/** One shard: its place in the key space, its log and its quotas. */
export class Shard {
  readonly metadata: ShardMetadata
  readonly id: string
  readonly log: ShardLog
  readonly startHash: bigint
  readonly endHash: bigint
  readonly putBytes: TokenBucket
  readonly putRecords: TokenBucket
  readonly readBytes: TokenBucket
  readonly readCalls: TokenBucket
  readonly iteratorCalls: TokenBucket

  constructor(metadata: ShardMetadata, log: ShardLog, clock: Clock) {
    this.metadata = metadata
    this.id = shardId(metadata.number)
    this.log = log
    this.startHash = BigInt(metadata.startHash)
    this.endHash = BigInt(metadata.endHash)
    this.putBytes = new TokenBucket(clock, quota.putBytesPerSecond)
    this.putRecords = new TokenBucket(clock, quota.putRecordsPerSecond)
    this.readBytes = new TokenBucket(clock, quota.readBytesPerSecond)
    this.readCalls = new TokenBucket(clock, quota.readCallsPerSecond)
    this.iteratorCalls = new TokenBucket(clock, quota.iteratorCallsPerSecond)
  }

  /** The number of a stored record. */
  sequenceNumber(index: number, arrivalMs: number): string {
    const { createdSecond, number } = this.metadata
    const writtenSecond = Math.max(Math.floor(arrivalMs / 1000), createdSecond)
    return encodeSequenceNumber({ createdSecond, shardNumber: number, index, writtenSecond })
  }

  /** A number below the first record's. */
  get startingSequenceNumber(): string {
    return this.sequenceNumber(0, 0)
  }

  /** The index an own, already given number stands for. Errors: InvalidArgumentException. */
  indexOf(sequenceNumber: string): number {
    const parts = decodeSequenceNumber(sequenceNumber)
    if (parts === undefined) throw invalidArgument(`StartingSequenceNumber ${sequenceNumber} is not a sequence number.`)
    this.#checkOwner(sequenceNumber, parts)
    if (parts.index < this.log.tipIndex) return parts.index
    throw invalidArgument(`Sequence number ${sequenceNumber} is beyond the end of ${this.id}.`)
  }

  #checkOwner(sequenceNumber: string, parts: SequenceNumber): void {
    const { number, createdSecond } = this.metadata
    if (parts.shardNumber !== number) {
      throw invalidArgument(
        `Invalid StartingSequenceNumber. It encodes ${shardId(parts.shardNumber)}, while it was used in a call to ` +
          `a shard with ${this.id}: ${sequenceNumber}`,
      )
    }
    if (parts.createdSecond !== createdSecond) {
      throw invalidArgument(`Sequence number ${sequenceNumber} belongs to an earlier stream or shard of this name.`)
    }
  }

  /** How far behind now a reader is that stopped after `last`, or that found nothing at `position`. */
  millisBehind(position: number, last: LogRecord | undefined, nowMs: number): number {
    if (position >= this.log.tipIndex) return 0
    return Math.max(0, nowMs - (last?.arrivalMs ?? this.log.lastArrivalMs))
  }
}
