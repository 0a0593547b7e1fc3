import type { Cancellable, Clock, Logger, Scheduler } from '@millrace/engine/spi'
import type { LogFiles } from '../ingest/log-files.ts'
import { ShardLog } from '../ingest/shard-log.ts'
import type { Message } from './message.ts'

/** How long a deduplication id counts; journaled messages are kept at least as long. */
export const deduplicationWindowMs = 300_000

const settleDelayMs = 100
const replayLimits = { maxRecords: 1_000, maxBytes: 4 << 20 }

interface SettledEntry {
  readonly messageId: string
  readonly target: string
}

/** What a restart finds. */
export interface JournaledMessage {
  readonly message: Message
  /** Position in the journal: increases from message to message. */
  readonly index: number
  /** Subscriptions that may not have it yet. */
  readonly remaining: ReadonlySet<string>
}

/**
 * Keeps published messages until every subscriber has them, across crashes: an append-only log of messages and of
 * deliveries. `add` resolves when the message is durable. Deliveries are noted soon after, not at once, so that a crash
 * may repeat a delivery but never loses one.
 */
export class MessageJournal {
  readonly #log: ShardLog
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #logger: Logger
  readonly #openSinceMs = new Map<string, { publishedMs: number; remaining: number }>()
  #settled: SettledEntry[] = []
  #settling: Cancellable | undefined

  private constructor(log: ShardLog, parts: { clock: Clock; scheduler: Scheduler; logger: Logger }) {
    this.#log = log
    this.#clock = parts.clock
    this.#scheduler = parts.scheduler
    this.#logger = parts.logger
  }

  /** Opens the journal and reads what a former run left. */
  static async open(
    directory: string,
    parts: { files: LogFiles; clock: Clock; scheduler: Scheduler; logger: Logger },
  ): Promise<{ journal: MessageJournal; found: JournaledMessage[] }> {
    await parts.files.makeDirectory(directory)
    const settings = { shardNumber: 0, segmentBytes: 8 << 20, tailCacheBytes: 0 }
    const journal = new MessageJournal(await ShardLog.open(directory, settings, parts), parts)
    return { journal, found: await journal.#replay() }
  }

  /** Resolves with the message's position when it is durable. */
  async add(message: Message): Promise<number> {
    this.#open(message, message.targets.length)
    try {
      const { firstIndex } = await this.#log.append([entry('message', message)])
      return firstIndex
    } catch (error) {
      this.#openSinceMs.delete(message.id)
      throw error
    }
  }

  /** Notes that a subscription has the message, or never will. */
  settle(messageId: string, target: string): void {
    const open = this.#openSinceMs.get(messageId)
    if (open !== undefined && --open.remaining <= 0) this.#openSinceMs.delete(messageId)
    this.#settled.push({ messageId, target })
    this.#settling ??= this.#scheduler.after(settleDelayMs, () => void this.#writeSettled())
  }

  /** Removes what is delivered and past the deduplication window. */
  async trim(): Promise<void> {
    let keepFromMs = this.#clock.now() - deduplicationWindowMs
    for (const { publishedMs } of this.#openSinceMs.values()) keepFromMs = Math.min(keepFromMs, publishedMs)
    await this.#log.trim(keepFromMs)
  }

  async close(): Promise<void> {
    this.#settling?.cancel()
    await this.#writeSettled()
    await this.#log.close()
  }

  #open(message: Message, remaining: number): void {
    if (remaining > 0) this.#openSinceMs.set(message.id, { publishedMs: message.publishedMs, remaining })
  }

  async #writeSettled(): Promise<void> {
    const entries = this.#settled
    this.#settled = []
    this.#settling = undefined
    if (entries.length === 0) return
    try {
      await this.#log.append([entry('settled', entries)])
    } catch (error) {
      // The messages are delivered again after a restart; subscribers must expect that anyway.
      this.#logger.warn('deliveries could not be noted', { count: entries.length, cause: String(error) })
    }
  }

  async #replay(): Promise<JournaledMessage[]> {
    const found = new Map<string, { message: Message; index: number; remaining: Set<string> }>()
    let position = this.#log.trimIndex
    while (position < this.#log.tipIndex) {
      const records = await this.#log.read(position, replayLimits)
      for (const { index, partitionKey, data } of records) {
        const value = JSON.parse(data.toString('utf8'))
        if (partitionKey === 'message')
          found.set(value.id, { message: value, index, remaining: new Set(value.targets) })
        else for (const { messageId, target } of value as SettledEntry[]) found.get(messageId)?.remaining.delete(target)
      }
      position = records.length === 0 ? this.#log.tipIndex : records.at(-1)!.index + 1
    }
    for (const { message, remaining } of found.values()) this.#open(message, remaining.size)
    return [...found.values()]
  }
}

function entry(kind: 'message' | 'settled', value: unknown): { partitionKey: string; data: Buffer } {
  return { partitionKey: kind, data: Buffer.from(JSON.stringify(value)) }
}
