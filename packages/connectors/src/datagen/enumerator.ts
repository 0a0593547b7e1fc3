import type { EnumeratorContext, SplitEnumerator } from '@millrace/engine/spi'
import { type DatagenEnumeratorState, type DatagenSplit, firstSplits } from './splits.ts'

/** Deals the splits out evenly once all readers are there, at the start and after every restore. */
export class DatagenEnumerator implements SplitEnumerator<DatagenSplit, DatagenEnumeratorState> {
  readonly #context: EnumeratorContext<DatagenSplit>
  #waiting: readonly DatagenSplit[]

  constructor(
    context: EnumeratorContext<DatagenSplit>,
    splits: number | undefined,
    restored: DatagenEnumeratorState | undefined,
  ) {
    this.#context = context
    this.#waiting = restored === undefined ? firstSplits(splits ?? context.parallelism) : restored.waiting
  }

  start(): void {
    this.#assign()
  }

  addReader(): void {
    this.#assign()
  }

  addSplitsBack(splits: readonly DatagenSplit[]): void {
    this.#waiting = [...this.#waiting, ...splits]
  }

  snapshotState(): DatagenEnumeratorState {
    return { waiting: this.#waiting }
  }

  async close(): Promise<void> {}

  #assign(): void {
    const { parallelism, registeredReaders } = this.#context
    if (registeredReaders.size < parallelism) return
    const splits = this.#waiting
    this.#waiting = []
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const share = splits.filter((_, i) => i % parallelism === subtask)
      if (share.length > 0) this.#context.assignSplits(subtask, share)
      this.#context.signalNoMoreSplits(subtask)
    }
  }
}
