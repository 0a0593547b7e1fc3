import type {
  PollResult,
  Random,
  ReaderOutput,
  Source,
  SourceReader,
  Split,
  SplitEnumerator,
} from '@millrace/engine/spi'
import type { EventLoop } from '@millrace/engine/testing'
import type { InputShape } from './scenario.ts'
import type { LogRecord, SimulatedLog } from './simulated-log.ts'

interface LogSplitState extends Split {
  /** Offset of the next entry. */
  readonly next: number
}

interface EnumeratorState {
  readonly assigned: readonly string[]
  readonly waiting: readonly LogSplitState[]
}

const DISCOVERY_MS = 25

/** Reads a simulated log: some entries at a poll, by chance; splits are found while it runs. */
export function logSource(
  log: SimulatedLog,
  input: InputShape,
  reassignSplits: boolean,
): Source<LogRecord, LogSplitState, EnumeratorState> {
  return {
    name: 'log',
    boundedness: 'bounded',
    reassignSplitsOnRestore: reassignSplits,
    createEnumerator(context, restored) {
      const assigned = new Set(restored?.assigned ?? [])
      const waiting: LogSplitState[] = [...(restored?.waiting ?? [])]
      const told = new Set<number>()
      let closed = false
      const assign = (): void => {
        const readers = [...context.registeredReaders]
        if (readers.length === 0) return
        for (const split of waiting.splice(0)) {
          assigned.add(split.id)
          context.assignSplits(readers[context.random.int(0, readers.length - 1)] as number, [split])
        }
        // Splits go to the readers that were there: a late reader may get none.
        const allFound = log.complete && [...log.splits.keys()].every((id) => assigned.has(id))
        for (const reader of allFound && readers.length === context.parallelism ? readers : []) {
          if (told.has(reader)) continue
          told.add(reader)
          context.signalNoMoreSplits(reader)
        }
      }
      const discover = (): void => {
        if (closed) return
        for (const id of log.splits.keys()) {
          if (!assigned.has(id) && !waiting.some((split) => split.id === id)) waiting.push({ id, next: 0 })
        }
        assign()
        context.scheduler.after(DISCOVERY_MS, discover)
      }
      const enumerator: SplitEnumerator<LogSplitState, EnumeratorState> = {
        start: discover,
        addReader: assign,
        addSplitsBack(splits) {
          for (const split of splits) {
            assigned.delete(split.id)
            waiting.push(split)
          }
        },
        snapshotState: () => ({ assigned: [...assigned], waiting: [...waiting] }),
        async close() {
          closed = true
        },
      }
      return enumerator
    },
    createReader: (context) => new LogReader(log, input, context.scheduler as EventLoop, context.random),
  }
}

class LogReader implements SourceReader<LogRecord, LogSplitState> {
  readonly #log: SimulatedLog
  readonly #input: InputShape
  readonly #loop: EventLoop
  readonly #random: Random
  readonly #positions = new Map<string, number>()
  readonly #finished = new Set<string>()
  #noMoreSplits = false
  #stop: () => void = () => {}

  constructor(log: SimulatedLog, input: InputShape, loop: EventLoop, random: Random) {
    this.#log = log
    this.#input = input
    this.#loop = loop
    this.#random = random
  }

  start(wake: () => void): void {
    this.#stop = this.#log.onChange(() => this.#loop.soon(wake))
  }

  addSplits(splits: readonly LogSplitState[]): void {
    for (const { id, next } of splits) this.#positions.set(id, next)
  }

  notifyNoMoreSplits(): void {
    this.#noMoreSplits = true
  }

  poll(output: ReaderOutput<LogRecord>): PollResult {
    let more = false
    let open = false
    for (const [id, from] of this.#positions) {
      const split = this.#log.splits.get(id)
      if (split === undefined || this.#finished.has(id)) continue
      const to = Math.min(split.entries.length, from + Math.min(output.wanted, this.#random.int(0, 6)))
      for (let offset = from; offset < to; offset++) this.#emit(output, id, offset)
      this.#positions.set(id, to)
      output.split(id).setCaughtUp(to >= split.entries.length)
      if (to < split.entries.length) more = true
      if (split.sealed && to === split.entries.length) {
        this.#finished.add(id)
        output.releaseSplit(id)
      } else {
        open = true
      }
    }
    if (more) return 'more'
    return this.#noMoreSplits && !open ? 'end' : 'nothing'
  }

  #emit(output: ReaderOutput<LogRecord>, id: string, offset: number): void {
    const entry = this.#log.splits.get(id)?.entries[offset]
    if (entry === undefined) throw new Error(`position ${offset} of ${id} is gone`)
    if (!('malformed' in entry)) {
      output.split(id).emit(entry, entry.at)
    } else if (this.#input.malformedPolicy === 'skip') {
      output.split(id).skipped()
    } else {
      const letter = { source: 'log', splitId: id, position: String(offset), reason: 'malformed', timestampMs: 0 }
      output.split(id).deadLetter({ ...letter, data: new Uint8Array() })
    }
  }

  snapshotState(): readonly LogSplitState[] {
    return [...this.#positions].map(([id, next]) => ({ id, next }))
  }

  async close(): Promise<void> {
    this.#stop()
  }
}
