import type { Cancellable, Clock, Random, Scheduler } from '@millrace/engine/spi'
import { type GeneratedRecord, STEP_MS } from '../generator.ts'

/** What the stream said about one record: where it stands, or why it was not taken. */
export interface PutResult {
  readonly shard?: string | undefined
  readonly sequenceNumber?: string | undefined
  readonly errorCode?: string | undefined
}

/** A record that the stream has acknowledged. */
export interface Acknowledgement {
  readonly record: GeneratedRecord
  readonly shard: string
  readonly sequenceNumber: string
  /** When the answer was received, on the monotonic clock. */
  readonly atMs: number
}

export interface PutPipelineParts {
  readonly records: Iterator<GeneratedRecord>
  /** One PutRecords: results in the order of the records. Rejects when it isn't known what became of them. */
  readonly put: (records: readonly GeneratedRecord[]) => Promise<readonly PutResult[]>
  /** True for failures that repeating doesn't cure. */
  readonly isFatal: (error: unknown) => boolean
  readonly onAcknowledged: (acknowledgement: Acknowledgement) => void
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
}

const TICK_MS = 10
const MOST_RECORDS = 500
const MOST_REQUESTS = 16
/** No record is put more than this event time ahead of one that isn't acknowledged yet: it bounds the disorder that retries make. */
const MOST_AHEAD = 3000 / STEP_MS
/** Being held back, the pipeline doesn't make up for more than this. */
const MOST_BEHIND_MS = 250
const RETRY_BASE_MS = 50
const RETRY_MOST_MS = 1000

/**
 * Puts records at a rate until every one is acknowledged. Of an answer only the entries that failed are put again; when
 * there was no answer all are, so the stream may get them twice. Both wait longer from failure to failure.
 */
export class PutPipeline {
  /** Records handed to the stream at least once, and of these acknowledged. */
  sent = 0
  acknowledged = 0
  /** Entries put again: the stream was over its limit, or an answer was lost. */
  throttled = 0
  repeated = 0
  readonly #parts: PutPipelineParts
  readonly #intervalMs: number
  /** Drawn and not acknowledged, in order of index. */
  readonly #open = new Map<number, GeneratedRecord>()
  /** How many of them by card; and those that wait for their card to be free. */
  readonly #openByCard = new Map<string, number>()
  readonly #waiting = new Map<string, GeneratedRecord[]>()
  #ready: GeneratedRecord[] = []
  readonly #failures = new Map<number, number>()
  #requests = 0
  #dueMs = 0
  #drawn: GeneratedRecord | undefined
  #timer: Cancellable | undefined
  #stopped = false
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined

  constructor(parts: PutPipelineParts, recordsPerSecond: number) {
    this.#parts = parts
    this.#intervalMs = 1000 / recordsPerSecond
  }

  /** Resolves when all records, or after `stop` all that were drawn, are acknowledged. Rejects with a fatal failure. */
  run(): Promise<void> {
    this.#dueMs = this.#parts.clock.monotonicMs()
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#tick()
    })
  }

  /** Draws no more records. */
  stop(): void {
    this.#stopped = true
  }

  #tick(): void {
    if (this.#settle === undefined) return
    this.#draw()
    this.#putReady()
    if (this.#isDone()) {
      this.#settle.resolve()
      this.#settle = undefined
      return
    }
    this.#timer = this.#parts.scheduler.after(TICK_MS, () => this.#tick())
  }

  #isDone(): boolean {
    return this.#open.size === 0 && this.#peek() === undefined
  }

  #peek(): GeneratedRecord | undefined {
    if (this.#stopped) return undefined
    if (this.#drawn === undefined) {
      const next = this.#parts.records.next()
      if (next.done === true) this.#stopped = true
      else this.#drawn = next.value
    }
    return this.#drawn
  }

  /** Takes the records that are due. */
  #draw(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    this.#dueMs = Math.max(this.#dueMs, nowMs - MOST_BEHIND_MS)
    while (this.#dueMs <= nowMs) {
      const record = this.#peek()
      if (record === undefined) return
      const oldest = this.#open.keys().next().value
      if (oldest !== undefined && record.index - oldest >= MOST_AHEAD) return
      this.#drawn = undefined
      this.#dueMs += this.#intervalMs
      const before = this.#openByCard.get(record.partitionKey) ?? 0
      this.#open.set(record.index, record)
      this.#openByCard.set(record.partitionKey, before + 1)
      if (!record.ordered || before === 0) this.#ready.push(record)
      else this.#wait(record)
    }
  }

  #wait(record: GeneratedRecord): void {
    const waiting = this.#waiting.get(record.partitionKey)
    if (waiting === undefined) this.#waiting.set(record.partitionKey, [record])
    else waiting.push(record)
  }

  #putReady(): void {
    while (this.#ready.length > 0 && this.#requests < MOST_REQUESTS && this.#settle !== undefined) {
      const batch = this.#ready.splice(0, MOST_RECORDS)
      this.#requests++
      this.#put(batch)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => {
          this.#requests--
        })
    }
  }

  async #put(batch: readonly GeneratedRecord[]): Promise<void> {
    for (const { index } of batch) if (!this.#failures.has(index)) this.sent++
    let results: readonly PutResult[]
    try {
      results = await this.#parts.put(batch)
    } catch (error) {
      if (this.#parts.isFatal(error)) return this.#fail(error)
      this.repeated += batch.length
      return this.#again(batch)
    }
    this.#take(batch, results)
  }

  #take(batch: readonly GeneratedRecord[], results: readonly PutResult[]): void {
    const atMs = this.#parts.clock.monotonicMs()
    const failed: GeneratedRecord[] = []
    for (const [i, record] of batch.entries()) {
      const { shard, sequenceNumber } = results[i] ?? {}
      if (shard === undefined || sequenceNumber === undefined) failed.push(record)
      else this.#acknowledge({ record, shard, sequenceNumber, atMs })
    }
    this.throttled += failed.length
    if (failed.length > 0) this.#again(failed)
  }

  #acknowledge(acknowledgement: Acknowledgement): void {
    const { index, partitionKey } = acknowledgement.record
    this.acknowledged++
    this.#open.delete(index)
    this.#failures.delete(index)
    const left = this.#openByCard.get(partitionKey)! - 1
    if (left === 0) this.#openByCard.delete(partitionKey)
    else this.#openByCard.set(partitionKey, left)
    this.#parts.onAcknowledged(acknowledgement)
    const waiting = this.#waiting.get(partitionKey)
    // All that is left of the card waits, so none of it is under way.
    if (waiting === undefined || waiting.length < left) return
    this.#ready.push(waiting.shift()!)
    if (waiting.length === 0) this.#waiting.delete(partitionKey)
  }

  #again(records: readonly GeneratedRecord[]): void {
    let most = 0
    for (const { index } of records) {
      const failures = (this.#failures.get(index) ?? 0) + 1
      this.#failures.set(index, failures)
      most = Math.max(most, failures)
    }
    const ceilingMs = Math.min(RETRY_MOST_MS, RETRY_BASE_MS * 2 ** (most - 1))
    const delayMs = ceilingMs * (0.5 + 0.5 * this.#parts.random.next())
    this.#parts.scheduler.after(delayMs, () => {
      this.#ready = [...records, ...this.#ready]
      this.#putReady()
    })
  }

  #fail(error: unknown): void {
    this.#timer?.cancel()
    this.#settle?.reject(error)
    this.#settle = undefined
  }
}
