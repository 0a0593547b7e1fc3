import { MIN_TIMESTAMP } from '../../spi/batch.ts'
import type { PollResult, ReaderOutput, Source, SourceReader, Split } from '../../spi/source.ts'

interface CollectionSplit extends Split {
  /** Index of the next element. */
  readonly next: number
}

const ELEMENTS_PER_POLL = 512

/** A bounded source of given elements, in order, by one reader. Elements have no timestamp of their own. */
export function collectionSource<T>(elements: readonly T[]): Source<T, CollectionSplit, { assigned: boolean }> {
  return {
    name: 'collection',
    boundedness: 'bounded',
    createEnumerator(context, restored) {
      let assigned = restored?.assigned ?? false
      return {
        start() {},
        addReader(subtask) {
          if (subtask === 0 && !assigned) {
            assigned = true
            context.assignSplits(0, [{ id: 'collection', next: 0 }])
          }
          context.signalNoMoreSplits(subtask)
        },
        addSplitsBack() {},
        snapshotState: () => ({ assigned }),
        async close() {},
      }
    },
    createReader: () => new CollectionReader(elements),
  }
}

class CollectionReader<T> implements SourceReader<T, CollectionSplit> {
  readonly #elements: readonly T[]
  #split: CollectionSplit | undefined
  #noMoreSplits = false

  constructor(elements: readonly T[]) {
    this.#elements = elements
  }

  start(): void {}

  addSplits(splits: readonly CollectionSplit[]): void {
    this.#split = splits[0] ?? this.#split
  }

  notifyNoMoreSplits(): void {
    this.#noMoreSplits = true
  }

  poll(output: ReaderOutput<T>): PollResult {
    const split = this.#split
    if (split === undefined) return this.#noMoreSplits ? 'end' : 'nothing'
    const end = Math.min(split.next + Math.min(output.wanted, ELEMENTS_PER_POLL), this.#elements.length)
    const to = output.split(split.id)
    for (let i = split.next; i < end; i++) to.emit(this.#elements[i] as T, MIN_TIMESTAMP)
    this.#split = { ...split, next: end }
    return end === this.#elements.length ? 'end' : 'more'
  }

  snapshotState(): readonly CollectionSplit[] {
    return this.#split === undefined ? [] : [this.#split]
  }

  async close(): Promise<void> {}
}
