import { type FileSystem, type Random, sleep } from '@millrace/engine/spi'
import type { EventLoop, MemoryStorage } from '@millrace/engine/testing'
import type { InputShape } from './scenario.ts'

/** A record as it is put into the log. */
export interface LogRecord {
  /** `split:offset`. */
  readonly id: string
  readonly key: string
  /** Event time, ms. */
  readonly at: number
  readonly n: number
  readonly padding: string
}

/** What a position of a split holds: a record, or something that can't be read. */
export type LogEntry = LogRecord | { readonly id: string; readonly malformed: true }

interface LogSplit {
  readonly entries: LogEntry[]
  /** Nothing more will be put. */
  sealed: boolean
}

const folderOf = (split: string): string => `/log/${split}`
export const pathOf = (split: string, offset: number): string => `${folderOf(split)}/${String(offset).padStart(6, '0')}`

/**
 * A log of splits. What was acknowledged is on the storage; readers see nothing else (invariant 7). After a power cut it
 * comes back with what the storage has.
 */
export class SimulatedLog {
  readonly splits = new Map<string, LogSplit>()
  /** Ids that were acknowledged, in the order of their split. */
  readonly acknowledged = new Map<string, string[]>()
  readonly #listeners = new Set<() => void>()
  /** No further splits will appear. */
  complete = false

  /** Calls on every change until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  addSplit(split: string): void {
    this.splits.set(split, { entries: [], sealed: false })
    this.acknowledged.set(split, [])
    this.changed()
  }

  /** Puts an entry at the next position. Resolves when it is acknowledged. */
  async put(split: string, entry: LogEntry, files: FileSystem): Promise<void> {
    const { entries } = this.splits.get(split) as LogSplit
    const bytes = new TextEncoder().encode(JSON.stringify(entry))
    await files.write(pathOf(split, entries.length), bytes)
    this.accept(split, entry)
  }

  accept(split: string, entry: LogEntry): void {
    ;(this.splits.get(split) as LogSplit).entries.push(entry)
    ;(this.acknowledged.get(split) as string[]).push(entry.id)
    this.changed()
  }

  seal(split: string): void {
    ;(this.splits.get(split) as LogSplit).sealed = true
    this.changed()
  }

  /** The log's machine starts again: it knows what the storage has. */
  recover(storage: MemoryStorage): void {
    for (const [split, { entries }] of this.splits) {
      const durable = entries.findIndex((_, offset) => !storage.has(pathOf(split, offset)))
      if (durable >= 0) entries.length = durable
    }
  }
}

/** Puts what the input's shape asks for, split by split side by side, each with pauses of its own. */
export async function produce(
  log: SimulatedLog,
  input: InputShape,
  loop: EventLoop,
  files: FileSystem,
  random: Random,
): Promise<void> {
  const first = Array.from({ length: input.splits }, (_, i) => `s${i}`)
  const late = Array.from({ length: input.lateSplits }, (_, i) => `s${input.splits + i}`)
  for (const split of first) log.addSplit(split)
  const all = first.map((split, i) => fill(log, split, i < input.pausingSplits, input, loop, files, random))
  for (const split of late) {
    await sleep(loop, random.int(10, 400))
    log.addSplit(split)
    all.push(fill(log, split, false, input, loop, files, random))
  }
  log.complete = true
  log.changed()
  await Promise.all(all)
}

async function fill(
  log: SimulatedLog,
  split: string,
  pauses: boolean,
  input: InputShape,
  loop: EventLoop,
  files: FileSystem,
  random: Random,
): Promise<void> {
  let highestMs = 1000
  for (let offset = 0; offset < input.recordsPerSplit; offset++) {
    if (random.next() < 0.6) await sleep(loop, random.next() * input.maxPutGapMs)
    if (pauses && random.next() < 0.05) await sleep(loop, random.int(100, 400))
    highestMs += random.int(0, 15)
    const id = `${split}:${offset}`
    const malformed = input.malformedEvery > 0 && random.int(1, input.malformedEvery) === 1
    const record: LogRecord = {
      id,
      // Some keys live in one split only, others in all.
      key: random.next() < 0.5 ? `k${random.int(1, input.keys)}` : `${split}-k${random.int(1, input.keys)}`,
      at: highestMs - random.int(0, input.disorderMs),
      n: offset,
      padding: 'x'.repeat(random.int(0, input.paddingBytes)),
    }
    await putUntilAcknowledged(log, split, malformed ? { id, malformed } : record, loop, files)
  }
  log.seal(split)
}

/** A producer tries again when it gets no answer; the position makes the repetition harmless. */
async function putUntilAcknowledged(
  log: SimulatedLog,
  split: string,
  entry: LogEntry,
  loop: EventLoop,
  files: FileSystem,
): Promise<void> {
  for (;;) {
    try {
      await log.put(split, entry, files)
      return
    } catch {
      await sleep(loop, 20)
    }
  }
}
