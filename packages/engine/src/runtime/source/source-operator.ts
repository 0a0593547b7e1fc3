import { EngineError } from '../../common/errors.ts'
import { MIN_TIMESTAMP } from '../../spi/batch.ts'
import type { Counter } from '../../spi/metrics.ts'
import type { SnapshotReason } from '../../spi/sink.ts'
import type {
  DeadLetter,
  PollResult,
  ReaderOutput,
  Source,
  SourceReader,
  Split,
  SplitOutput,
} from '../../spi/source.ts'
import { Operator, type OperatorContext, type OperatorSnapshot, type Output } from '../operators/operator.ts'
import { type SplitWatermark, SplitWatermarks, type WatermarkAdvance } from '../time/split-watermarks.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'

/** The side output of every source for records that couldn't be read. */
export const DEAD_LETTER_TAG = 'dead-letters'

/** The name of the reader's splits in a checkpoint. */
export const SPLITS_STATE = 'splits'

/** What the source asks of the coordinator's side. */
export interface SourceCoordinatorGateway {
  registerReader(): void
  requestSplit(): void
  sendEvent(event: unknown): void
}

/**
 * Head of a source task: polls the reader, gives each record its timestamp, watches event time per split.
 *
 * State: the splits with the position after the last emitted record.
 */
export class SourceOperator<T> extends Operator<never> {
  readonly #context: OperatorContext
  readonly #source: Source<T>
  readonly #reader: SourceReader<T, Split>
  readonly #gateway: SourceCoordinatorGateway
  readonly #watermarks: SplitWatermarks<T>
  readonly #output: WatermarkingReaderOutput<T>
  readonly #counters: SourceCounters
  #emittedMs: number | undefined
  #emitLagMs: number | null = null

  constructor(
    source: Source<T>,
    strategy: WatermarkStrategy<T>,
    gateway: SourceCoordinatorGateway,
    context: OperatorContext,
  ) {
    super()
    this.#context = context
    this.#source = source
    this.#gateway = gateway
    this.#reader = source.createReader(context)
    this.#watermarks = new SplitWatermarks(strategy)
    const { metrics, clock } = context
    this.#counters = {
      records: metrics.counter('numRecordsIn'),
      errors: metrics.counter('numRecordsInErrors'),
      lastTimestampMs: MIN_TIMESTAMP,
    }
    metrics.gauge('currentEmitEventTimeLag', () => this.#emitLagMs)
    metrics.gauge('sourceIdleTime', () => (this.#emittedMs === undefined ? null : clock.now() - this.#emittedMs))
    this.#output = new WatermarkingReaderOutput(this.#watermarks, strategy, gateway, context, this.#counters)
  }

  override open(): void {
    this.#reader.start(this.#context.wake)
    const restored = this.#source.reassignSplitsOnRestore
      ? []
      : ((this.#context.restored?.list(SPLITS_STATE) ?? []) as readonly Split[])
    if (restored.length > 0) this.addSplits(restored)
    this.#gateway.registerReader()
  }

  addSplits(splits: readonly Split[]): void {
    // From here on each split holds the watermark back, also before its first record.
    for (const split of splits) this.#watermarks.split(split.id)
    this.#reader.addSplits(splits)
    this.#context.wake()
  }

  notifyNoMoreSplits(): void {
    this.#reader.notifyNoMoreSplits()
    this.#context.wake()
  }

  handleEvent(event: unknown): void {
    this.#reader.handleEvent?.(event)
    this.#context.wake()
  }

  /** `wanted`: how many records, about. */
  poll(wanted: number): PollResult {
    const before = this.recordsRead
    this.#output.wanted = wanted
    const result = this.#reader.poll(this.#output)
    if (this.recordsRead > before) this.#emitted()
    return result
  }

  get recordsRead(): number {
    return this.#counters.records.value
  }

  /** The lag of a poll's last record stands for all of them: the clock is read once. */
  #emitted(): void {
    const { lastTimestampMs } = this.#counters
    this.#emittedMs = this.#context.clock.now()
    this.#emitLagMs = lastTimestampMs === MIN_TIMESTAMP ? null : this.#emittedMs - lastTimestampMs
  }

  /** At each auto-watermark interval. `paused`: the source was held back by its outputs. */
  tick(paused: boolean): WatermarkAdvance {
    return this.#watermarks.tick(this.#context.clock.monotonicMs(), paused)
  }

  override process(): void {
    throw new EngineError('INVARIANT_VIOLATED', { kind: 'bug', message: 'a source has no input' })
  }

  override snapshot(checkpointId: number, _reason: SnapshotReason): OperatorSnapshot {
    return { lists: Promise.resolve({ [SPLITS_STATE]: this.#reader.snapshotState(checkpointId) }) }
  }

  override notifyCheckpointComplete(checkpointId: number): void {
    this.#reader.notifyCheckpointComplete?.(checkpointId)
  }

  override close(): Promise<void> {
    return this.#reader.close()
  }
}

/** Gives records their timestamps and counts what couldn't be read. */
class WatermarkingReaderOutput<T> implements ReaderOutput<T> {
  wanted = 0
  readonly #watermarks: SplitWatermarks<T>
  readonly #strategy: WatermarkStrategy<T>
  readonly #gateway: SourceCoordinatorGateway
  readonly #context: OperatorContext
  readonly #counters: SourceCounters
  readonly #splits = new Map<string, WatermarkingSplitOutput<T>>()

  constructor(
    watermarks: SplitWatermarks<T>,
    strategy: WatermarkStrategy<T>,
    gateway: SourceCoordinatorGateway,
    context: OperatorContext,
    counters: SourceCounters,
  ) {
    this.#watermarks = watermarks
    this.#strategy = strategy
    this.#gateway = gateway
    this.#context = context
    this.#counters = counters
  }

  split(splitId: string): SplitOutput<T> {
    let output = this.#splits.get(splitId)
    if (output === undefined) {
      output = new WatermarkingSplitOutput(
        this.#watermarks.split(splitId),
        this.#strategy.timestampOf,
        this.#context.output,
        this.#context.sideOutput(DEAD_LETTER_TAG),
        this.#counters,
        (parentId) => this.#watermarks.inherit(splitId, parentId),
      )
      this.#splits.set(splitId, output)
    }
    return output
  }

  releaseSplit(splitId: string): void {
    this.#watermarks.release(splitId)
    this.#splits.delete(splitId)
  }

  requestSplit(): void {
    this.#gateway.requestSplit()
  }

  sendEvent(event: unknown): void {
    this.#gateway.sendEvent(event)
  }
}

interface SourceCounters {
  readonly records: Counter
  readonly errors: Counter
  /** Event time of the last record that was emitted. */
  lastTimestampMs: number
}

class WatermarkingSplitOutput<T> implements SplitOutput<T> {
  readonly #watermark: SplitWatermark<T>
  readonly #timestampOf: ((value: T, recordTimestampMs: number) => number) | undefined
  readonly #main: Output<T>
  readonly #deadLetters: Output<DeadLetter>
  readonly #counters: SourceCounters
  readonly inheritWatermark: (parentSplitId: string) => void

  constructor(
    watermark: SplitWatermark<T>,
    timestampOf: ((value: T, recordTimestampMs: number) => number) | undefined,
    main: Output<T>,
    deadLetters: Output<DeadLetter>,
    counters: SourceCounters,
    inherit: (parentSplitId: string) => void,
  ) {
    this.#watermark = watermark
    this.#timestampOf = timestampOf
    this.#main = main
    this.#deadLetters = deadLetters
    this.#counters = counters
    this.inheritWatermark = inherit
  }

  emit(value: T, recordTimestampMs: number): void {
    this.#counters.records.value++
    const timestampMs =
      this.#timestampOf === undefined ? recordTimestampMs : this.#timestampOf(value, recordTimestampMs)
    this.#counters.lastTimestampMs = timestampMs
    this.#main.emit(value, timestampMs)
    this.#watermark.onEvent(value, timestampMs)
  }

  deadLetter(letter: DeadLetter): void {
    this.#counters.errors.value++
    this.#watermark.recordsSinceTick = true
    this.#deadLetters.emit(letter, letter.timestampMs)
  }

  skipped(): void {
    this.#counters.errors.value++
    this.#watermark.recordsSinceTick = true
  }

  setCaughtUp(caughtUp: boolean): void {
    this.#watermark.caughtUp = caughtUp
  }
}
