import type { Clock, Scheduler } from '../common/clock.ts'
import { type Logger, silentLogger } from '../common/logger.ts'
import type { Random } from '../common/random.ts'
import { createMetricGroup, type MetricGroup } from '../spi/metrics.ts'
import type { SubtaskContext } from '../spi/runtime-context.ts'
import type {
  DeadLetter,
  EnumeratorContext,
  ReaderOutput,
  Source,
  SourceReader,
  Split,
  SplitEnumerator,
  SplitOutput,
} from '../spi/source.ts'

/** Where a source run lives. */
export interface DriverSurroundings {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger?: Logger
}

/** A record as a reader emitted it. */
export interface Emitted<T> {
  readonly value: T
  readonly splitId: string
  readonly subtask: number
  readonly timestampMs: number
}

/** A consistent cut through a run: the enumerator's state, every reader's splits, and what had been emitted before it. */
export interface SourceSnapshot<T> {
  readonly checkpointId: number
  readonly enumerator: unknown
  readonly splits: readonly Split[]
  readonly emitted: readonly Emitted<T>[]
}

/** What a reader told its output besides records, in order. */
export type OutputNote =
  | { readonly kind: 'caught-up'; readonly splitId: string; readonly caughtUp: boolean }
  | { readonly kind: 'inherit'; readonly splitId: string; readonly parent: string }
  | { readonly kind: 'release'; readonly splitId: string }
  | { readonly kind: 'skipped'; readonly splitId: string }
  | { readonly kind: 'dead-letter'; readonly splitId: string; readonly letter: DeadLetter }

interface ReaderSlot<T> {
  readonly reader: SourceReader<T, Split>
  readonly metrics: MetricGroup
  readonly inbox: { readonly epoch: number; readonly deliver: () => void }[]
  polling: boolean
  ended: boolean
}

interface PendingSnapshot<T> {
  readonly checkpointId: number
  readonly enumerator: unknown
  /** By subtask: its splits, and how long the log of emitted records was. */
  readonly parts: Map<number, { readonly splits: readonly Split[]; readonly logLength: number }>
  readonly done: (snapshot: SourceSnapshot<T>) => void
}

/**
 * Runs a source as the engine does, without the engine: one enumerator, `parallelism` readers polled when they wake,
 * calls between them delivered later and in order, and snapshots whose barrier reaches each reader at its own moment.
 * What the enumerator sends after its snapshot reaches a reader after the reader's.
 */
export class SourceDriver<T> {
  readonly notes: OutputNote[] = []
  readonly enumeratorMetrics: MetricGroup = createMetricGroup()
  readonly #around: DriverSurroundings
  readonly #enumerator: SplitEnumerator<Split, unknown>
  readonly #slots: ReaderSlot<T>[] = []
  readonly #before: readonly Emitted<T>[]
  readonly #log: Emitted<T>[] = []
  readonly #registered = new Set<number>()
  #paused = false
  #closed = false
  #failure: { readonly error: unknown } | undefined
  #epoch = 0
  #snapshot: PendingSnapshot<T> | undefined

  constructor(source: Source<T>, parallelism: number, around: DriverSurroundings, restored?: SourceSnapshot<T>) {
    this.#around = around
    this.#before = restored?.emitted ?? []
    this.#epoch = restored?.checkpointId ?? 0
    this.#enumerator = source.createEnumerator(this.#enumeratorContext(parallelism), clone(restored?.enumerator))
    for (let subtask = 0; subtask < parallelism; subtask++) this.#slots.push(this.#slot(source, subtask, parallelism))
    if (restored !== undefined) this.#giveBack(source, clone(restored.splits))
    for (const [subtask, slot] of this.#slots.entries()) slot.reader.start(() => this.#poll(subtask))
    this.#enumerator.start()
    for (const subtask of this.#slots.keys()) {
      around.scheduler.soon(() => {
        if (this.#closed) return
        this.#registered.add(subtask)
        this.#enumerator.addReader(subtask)
        this.#poll(subtask)
      })
    }
  }

  /** Everything emitted, in the order of time: before the restored snapshot, then since. Throws what failed the run. */
  get emitted(): readonly Emitted<T>[] {
    this.throwFailure()
    return [...this.#before, ...this.#log]
  }

  get failure(): unknown {
    return this.#failure?.error
  }

  /** Every reader has said that it is at its end. */
  get ended(): boolean {
    return this.#slots.every((slot) => slot.ended)
  }

  metricsOf(subtask: number): MetricGroup {
    return this.#slots[subtask]!.metrics
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Stops polling, as an engine whose output is full does, until `resume`. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    for (const subtask of this.#slots.keys()) this.#poll(subtask)
  }

  /** Takes a snapshot: the enumerator's now, each reader's after up to eight more polls of its own. */
  snapshot(): Promise<SourceSnapshot<T>> {
    const checkpointId = ++this.#epoch
    const enumerator = clone(this.#enumerator.snapshotState(checkpointId))
    return new Promise((done) => {
      this.#snapshot = { checkpointId, enumerator, parts: new Map(), done }
      for (const subtask of this.#slots.keys()) this.#barrierLater(subtask, this.#around.random.int(0, 8))
    })
  }

  /** The snapshot is durable. */
  complete({ checkpointId }: SourceSnapshot<T>): void {
    for (const { reader } of this.#slots) reader.notifyCheckpointComplete?.(checkpointId)
    this.#enumerator.notifyCheckpointComplete?.(checkpointId)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#slots.map(({ reader }) => reader.close()), this.#enumerator.close()])
  }

  #giveBack(source: Source<T>, splits: readonly Split[]): void {
    if (source.reassignSplitsOnRestore === true) {
      this.#enumerator.addSplitsBack(splits)
      return
    }
    for (const [i, split] of splits.entries()) this.#slots[i % this.#slots.length]!.reader.addSplits([split])
  }

  #slot(source: Source<T>, subtaskIndex: number, parallelism: number): ReaderSlot<T> {
    const { clock, scheduler, random, logger = silentLogger } = this.#around
    const metrics = createMetricGroup()
    const context: SubtaskContext = {
      applicationName: 'contract',
      operatorId: 'source',
      operatorName: source.name,
      subtaskIndex,
      parallelism,
      maxParallelism: 128,
      attempt: 1,
      clock,
      scheduler,
      random,
      logger,
      metrics,
      fileSystem: (path) => {
        throw new Error(`this run has no file system for ${path}`)
      },
    }
    return { reader: source.createReader(context), metrics, inbox: [], polling: false, ended: false }
  }

  #enumeratorContext(parallelism: number): EnumeratorContext<Split> {
    const { clock, scheduler, random, logger = silentLogger } = this.#around
    return {
      applicationName: 'contract',
      operatorId: 'source',
      parallelism,
      registeredReaders: this.#registered,
      clock,
      scheduler,
      random,
      logger,
      metrics: this.enumeratorMetrics,
      assignSplits: (subtask, splits) => this.#send(subtask, (reader) => reader.addSplits(clone(splits))),
      signalNoMoreSplits: (subtask) => this.#send(subtask, (reader) => reader.notifyNoMoreSplits()),
      sendEvent: (subtask, event) => this.#send(subtask, (reader) => reader.handleEvent?.(clone(event))),
      fail: (error) => {
        this.#failure ??= { error }
      },
    }
  }

  #send(subtask: number, call: (reader: SourceReader<T, Split>) => void): void {
    if (!this.#registered.has(subtask)) throw new Error(`reader ${subtask} isn't registered`)
    const slot = this.#slots[subtask]!
    slot.inbox.push({ epoch: this.#epoch, deliver: () => call(slot.reader) })
    this.#around.scheduler.soon(() => this.#deliver(subtask))
  }

  /** Hands over what was sent, but nothing sent after a snapshot that this reader hasn't taken yet. */
  #deliver(subtask: number): void {
    const { inbox } = this.#slots[subtask]!
    const pending = this.#snapshot
    const waiting = pending !== undefined && !pending.parts.has(subtask)
    while (!this.#closed && inbox[0] !== undefined && !(waiting && inbox[0].epoch >= pending.checkpointId)) {
      inbox.shift()!.deliver()
    }
  }

  #barrierLater(subtask: number, polls: number): void {
    this.#around.scheduler.soon(() => {
      if (this.#closed) return
      if (polls > 0) {
        this.#pollOnce(subtask)
        this.#barrierLater(subtask, polls - 1)
        return
      }
      this.#deliver(subtask)
      this.#takePart(subtask)
    })
  }

  #takePart(subtask: number): void {
    const pending = this.#snapshot!
    const splits = clone(this.#slots[subtask]!.reader.snapshotState(pending.checkpointId))
    pending.parts.set(subtask, { splits, logLength: this.#log.length })
    this.#deliver(subtask)
    if (pending.parts.size < this.#slots.length) return
    this.#snapshot = undefined
    const { checkpointId, enumerator, parts } = pending
    const emitted = this.#log.filter((record, i) => i < parts.get(record.subtask)!.logLength)
    pending.done({
      checkpointId,
      enumerator,
      splits: [...parts.values()].flatMap((part) => part.splits),
      emitted: [...this.#before, ...emitted],
    })
  }

  #poll(subtask: number): void {
    const slot = this.#slots[subtask]!
    if (slot.polling || this.#paused || this.#closed) return
    slot.polling = true
    this.#around.scheduler.soon(() => {
      slot.polling = false
      if (this.#pollOnce(subtask)) this.#poll(subtask)
    })
  }

  #pollOnce(subtask: number): boolean {
    const slot = this.#slots[subtask]!
    if (this.#paused || this.#closed || this.#failure !== undefined || slot.ended) return false
    try {
      const result = slot.reader.poll(this.#output(subtask))
      slot.ended = result === 'end'
      return result === 'more'
    } catch (error) {
      this.#failure = { error }
      return false
    }
  }

  #output(subtask: number): ReaderOutput<T> {
    return {
      wanted: Number.POSITIVE_INFINITY,
      split: (splitId) => this.#splitOutput(subtask, splitId),
      releaseSplit: (splitId) => void this.notes.push({ kind: 'release', splitId }),
      requestSplit: () => this.#toEnumerator(() => this.#enumerator.handleSplitRequest?.(subtask)),
      sendEvent: (event) => this.#toEnumerator(() => this.#enumerator.handleEvent?.(subtask, clone(event))),
    }
  }

  #splitOutput(subtask: number, splitId: string): SplitOutput<T> {
    return {
      emit: (value, timestampMs) => void this.#log.push({ value, splitId, subtask, timestampMs }),
      deadLetter: (letter) => void this.notes.push({ kind: 'dead-letter', splitId, letter }),
      skipped: () => void this.notes.push({ kind: 'skipped', splitId }),
      setCaughtUp: (caughtUp) => void this.notes.push({ kind: 'caught-up', splitId, caughtUp }),
      inheritWatermark: (parent) => void this.notes.push({ kind: 'inherit', splitId, parent }),
    }
  }

  #toEnumerator(call: () => void): void {
    this.#around.scheduler.soon(() => {
      if (!this.#closed) call()
    })
  }
}

/** State and events cross processes: only plain data survives. */
function clone<V>(value: V): V {
  return structuredClone(value)
}
