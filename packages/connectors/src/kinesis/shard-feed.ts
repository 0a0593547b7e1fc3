import { Aborted } from '../aws/backoff.ts'
import type { KinesisServiceRecord } from './kinesis-api.ts'
import { compareSequenceNumbers } from './sequence-numbers.ts'
import type { KinesisSplit } from './splits.ts'

/** What one answer brought. */
export interface ShardChunk {
  readonly records: readonly KinesisServiceRecord[]
  readonly millisBehindLatest: number
  /** The shard ends after these records; then `childShardIds` says what follows. */
  readonly end: boolean
  readonly childShardIds: readonly string[]
  /** When it was received, epoch ms. */
  readonly receivedMs: number
}

/** Chunks that wait to be emitted; a fetcher stops while a shard has so many. */
export const maxQueuedChunks = 2

/** What a feed tells its reader. */
export interface FeedListener {
  /** There is something to look at in `poll`. */
  wake(): void
  /** Fails the reader. */
  failed(error: unknown): void
}

/**
 * Between a shard's fetcher (a loop in the background) and the reader's synchronous `poll`: a queue bounded by
 * `maxQueuedChunks`, and what is known about the shard's tip.
 */
export class ShardFeed {
  readonly split: KinesisSplit
  readonly #listener: FeedListener
  readonly #closing = new AbortController()
  readonly #chunks: ShardChunk[] = []
  #lastSequenceNumber: string | undefined
  #roomWaiter: (() => void) | undefined
  #verdictWaiter: (() => void) | undefined
  #millisBehindLatest: number | null = null
  #readUpToMs: number | null
  #atTip = false
  #missing = false

  constructor(split: KinesisSplit, listener: FeedListener) {
    this.split = split
    this.#listener = listener
    this.#readUpToMs = split.readUpToMs
    if (split.position.type === 'AFTER_SEQUENCE_NUMBER') this.#lastSequenceNumber = split.position.sequenceNumber
  }

  /** Fires when the fetcher shall stop. */
  get signal(): AbortSignal {
    return this.#closing.signal
  }

  /** The newest answer's distance to the tip in ms; null before the first and after the end. */
  get millisBehindLatest(): number | null {
    return this.#millisBehindLatest
  }

  /** All that arrived up to this time was emitted. */
  get readUpToMs(): number | null {
    return this.#readUpToMs
  }

  /** Everything received is emitted, and the newest answer was at the shard's tip. */
  get caughtUp(): boolean {
    return this.#atTip && this.#chunks.length === 0
  }

  get head(): ShardChunk | undefined {
    return this.#chunks[0]
  }

  /** Called by `poll` when it has emitted the head. */
  shift(): void {
    const chunk = this.#chunks.shift()
    if (chunk === undefined) return
    this.#readUpToMs = upTo(chunk)
    this.#roomWaiter?.()
    this.#roomWaiter = undefined
  }

  /** Takes the question whether the shard or its consumer still exists, once a question. */
  takeMissing(): boolean {
    const missing = this.#missing
    this.#missing = false
    return missing
  }

  /** The answer to it: read again. */
  readAgain(): void {
    this.#verdictWaiter?.()
    this.#verdictWaiter = undefined
  }

  close(): void {
    this.#closing.abort()
    this.#millisBehindLatest = null
  }

  /** For the fetcher: resolves when one more chunk may be fetched. */
  async room(): Promise<void> {
    if (this.#chunks.length >= maxQueuedChunks) await this.#unlessClosed((resolve) => (this.#roomWaiter = resolve))
    if (this.signal.aborted) throw new Aborted()
  }

  /** For the fetcher: an answer. Records that were already received (an overlap after a resubscription) are left out. */
  received(chunk: ShardChunk): void {
    if (this.signal.aborted) return
    const records = this.#withoutOverlap(chunk.records)
    const last = records[records.length - 1]
    if (last !== undefined) this.#lastSequenceNumber = last.SequenceNumber
    const wasAtTip = this.#atTip
    this.#atTip = chunk.millisBehindLatest === 0 && !chunk.end
    this.#millisBehindLatest = chunk.end ? null : chunk.millisBehindLatest
    if (records.length > 0 || chunk.end) this.#chunks.push({ ...chunk, records })
    else if (this.#chunks.length === 0) this.#readUpToMs = upTo(chunk)
    if (this.#chunks.length > 0 || wasAtTip !== this.#atTip) this.#listener.wake()
  }

  /** For the fetcher: contact is lost, so the shard can't be said to be at its tip. */
  interrupted(): void {
    if (!this.#atTip) return
    this.#atTip = false
    this.#listener.wake()
  }

  /** For the fetcher: the service doesn't know the shard or the consumer. Resolves when reading shall be tried again. */
  async missing(): Promise<void> {
    this.interrupted()
    this.#missing = true
    this.#listener.wake()
    await this.#unlessClosed((resolve) => (this.#verdictWaiter = resolve))
  }

  /** For the fetcher: reading can't go on. */
  failed(error: unknown): void {
    if (!this.signal.aborted) this.#listener.failed(error)
  }

  #withoutOverlap(records: readonly KinesisServiceRecord[]): readonly KinesisServiceRecord[] {
    const last = this.#lastSequenceNumber
    if (last === undefined) return records
    let seen = 0
    while (seen < records.length && compareSequenceNumbers(records[seen]!.SequenceNumber, last) <= 0) seen++
    return seen === 0 ? records : records.slice(seen)
  }

  #unlessClosed(wait: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.signal.aborted) return reject(new Aborted())
      const onAbort = () => reject(new Aborted())
      this.signal.addEventListener('abort', onAbort, { once: true })
      wait(() => {
        this.signal.removeEventListener('abort', onAbort)
        resolve()
      })
    })
  }
}

const upTo = (chunk: ShardChunk): number => chunk.receivedMs - chunk.millisBehindLatest
