import type { Clock } from '../../common/clock.ts'
import { asEngineError, serializeError } from '../../common/errors.ts'
import { type Batch, MAX_TIMESTAMP, MIN_TIMESTAMP } from '../../spi/batch.ts'
import type { FileSystem } from '../../spi/file-system.ts'
import type { SnapshotReason } from '../../spi/sink.ts'
import type { Barrier } from '../exchange/element.ts'
import type { GateEvent, InputGate } from '../exchange/input-gate.ts'
import type { ControlElement, PartitionedOutput } from '../exchange/partitioned-output.ts'
import type { Operator, OperatorSnapshot } from '../operators/operator.ts'
import { SourceOperator } from '../source/source-operator.ts'
import type { StateSweep } from '../state/heap-state-sweep.ts'
import { SnapshotFileWriter } from '../state/snapshot-file.ts'
import type { CheckpointTarget, FromThread, SubtaskId } from './messages.ts'
import type { OperatorChain } from './operator-chain.ts'
import { Pace } from './pace.ts'
import { SubtaskTime } from './subtask-time.ts'
import type { RunningSweep } from './sweep-queue.ts'

/** How long a barrier took to the subtask, and from its first channel to its last, ms. */
interface BarrierTimes {
  readonly startDelayMs: number
  readonly alignmentMs: number
}

/** What a subtask needs of its thread. */
export interface SubtaskHost {
  readonly clock: Clock
  /** The time that the thread has spent so far on tasks downstream of this one. */
  downstreamMs?(): number
  post(message: FromThread): void
  /** Sweeps in slices between batches. */
  sweep(sweep: StateSweep): RunningSweep
  /** Where files of that checkpoint go; undefined when the job has nowhere to store state. */
  checkpointTarget(checkpointId: number): Promise<(CheckpointTarget & { readonly fileSystem: FileSystem }) | undefined>
}

/**
 * One parallel instance of a task: takes from its gate or source, runs the chain, answers barriers.
 * `step` is called by the thread's loop; nothing here waits.
 */
export class Subtask {
  readonly id: SubtaskId
  readonly chain: OperatorChain
  readonly time: SubtaskTime
  readonly #host: SubtaskHost
  readonly #gate: InputGate | undefined
  readonly #outputs: readonly PartitionedOutput[]
  readonly #head: Operator
  readonly #pace: Pace
  /** A batch that is worked off in several steps, and how far it is. */
  #batch: Batch<unknown> | undefined
  #batchAt = 0
  #opened = false
  #ended = false
  /** The source is held by a stop-with-savepoint. */
  #held = false
  #watermarkMs = MIN_TIMESTAMP
  #idle = false
  /** At the last step. */
  #heldBack = false
  /** At any step since the last tick. */
  #wasHeldBack = false
  #recordsIn = 0
  #sweeping: { readonly checkpointId: number; readonly running: RunningSweep }[] = []

  constructor(
    id: SubtaskId,
    chain: OperatorChain,
    gate: InputGate | undefined,
    outputs: readonly PartitionedOutput[],
    host: SubtaskHost,
  ) {
    this.id = id
    this.chain = chain
    this.#gate = gate
    this.#outputs = outputs
    this.#host = host
    this.#head = chain.head
    const startMs = host.clock.monotonicMs()
    this.time = new SubtaskTime(startMs, host.downstreamMs)
    this.#pace = new Pace(startMs)
    gate?.allow(this.#pace.waitingRecords)
  }

  /** The event time that it has passed on; null before the first watermark. */
  get watermarkMs(): number | null {
    return this.#watermarkMs === MIN_TIMESTAMP ? null : this.#watermarkMs
  }

  /** Records and bytes that have come in and gone out; bytes only of what goes between threads. */
  counts(): { numRecordsIn: number; numRecordsOut: number; numBytesIn: number; numBytesOut: number } {
    let numRecordsOut = 0
    let numBytesOut = 0
    for (const output of this.#outputs) {
      numRecordsOut += output.emitted
      numBytesOut += output.bytes
    }
    return { numRecordsIn: this.#recordsTaken(), numRecordsOut, numBytesIn: this.#gate?.bytes ?? 0, numBytesOut }
  }

  #recordsTaken(): number {
    return this.source?.recordsRead ?? this.#recordsIn
  }

  async open(): Promise<void> {
    await this.chain.open()
    this.#opened = true
  }

  /** The head when it is a source. */
  get source(): SourceOperator<unknown> | undefined {
    return this.#head instanceof SourceOperator ? this.#head : undefined
  }

  /** Does a bounded piece of work that began at `nowMs` (monotonic). Answers when it ended; undefined: there was none. */
  step(nowMs: number): number | undefined {
    const before = this.#recordsTaken()
    if (this.#step()) {
      const endMs = this.#host.clock.monotonicMs()
      this.time.worked(nowMs, endMs, !this.#hasRoom())
      this.#keepPace(this.#recordsTaken() - before, nowMs, endMs)
      return endMs
    }
    this.time.rested(nowMs, this.#heldBack)
    return undefined
  }

  #keepPace(records: number, fromMs: number, tillMs: number): void {
    if (records > 0) this.#pace.stepped(records, tillMs - fromMs)
    if (this.#gate === undefined || !this.#pace.isDue(tillMs)) return
    this.#pace.measure(tillMs, this.#recordsIn, this.time.spent(tillMs))
    this.#gate.allow(this.#pace.waitingRecords)
  }

  /** How many records a step takes: those behind this subtask are to be asked as often as their own pace wants it. */
  #wanted(): number {
    let records = this.#pace.stepRecords
    for (const output of this.#outputs) records = Math.min(records, Math.floor(output.allowedRecords / 4))
    return Math.max(records, 1)
  }

  #step(): boolean {
    const worked = this.#advanceProcessingTime()
    this.#heldBack = !this.#hasRoom()
    if (this.#heldBack) {
      this.#wasHeldBack = true
      return worked
    }
    if (this.#batch !== undefined) this.#processBatch(this.#batch)
    else if (!(this.#gate === undefined ? this.#pollSource() : this.#pollGate(this.#gate))) return worked
    return true
  }

  #hasRoom(): boolean {
    for (const output of this.#outputs) if (!output.hasCredit()) return false
    return this.chain.isReady()
  }

  #advanceProcessingTime(): boolean {
    const dueMs = this.chain.nextProcessingTimeMs()
    // A timer fires when the clock is past it (rule TM-11). After the end of the input none fires any more (TM-12).
    if (dueMs === Number.POSITIVE_INFINITY || this.#ended || dueMs >= this.#host.clock.now()) return false
    this.chain.advanceProcessingTime(this.#host.clock.now() - 1)
    this.#flush()
    return true
  }

  /** When processing time has to be looked at next, epoch ms. */
  nextProcessingTimeMs(): number {
    return this.#ended ? Number.POSITIVE_INFINITY : this.chain.nextProcessingTimeMs()
  }

  #pollSource(): boolean {
    const source = this.source as SourceOperator<unknown>
    if (this.#ended || this.#held) return false
    const result = source.poll(this.#wanted())
    this.chain.flush()
    this.#flush()
    if (result === 'end') this.#end()
    return result !== 'nothing'
  }

  #pollGate(gate: InputGate): boolean {
    const event = gate.poll()
    if (event === undefined) return false
    this.#handle(event)
    return true
  }

  #handle(event: GateEvent): void {
    switch (event.kind) {
      case 'batch':
        this.#batchAt = 0
        this.#processBatch(event.batch)
        return
      case 'watermark':
        this.#advanceWatermark(event.timestampMs)
        return
      case 'status':
        this.#setIdle(event.idle)
        return
      case 'barrier':
        this.#takeSnapshot(event.barrier, event)
        return
      case 'cancel':
        this.#emitControl({ kind: 'cancel', checkpointId: event.checkpointId })
        return
      case 'end':
        this.#end()
    }
  }

  /** As much of it as a step takes. */
  #processBatch(batch: Batch<unknown>): void {
    const from = this.#batchAt
    const to = Math.min(from + this.#wanted(), batch.length)
    for (let i = from; i < to; i++) this.#head.process(batch.valueAt(i), batch.timestampAt(i))
    this.#recordsIn += to - from
    this.#batchAt = to
    this.#batch = to < batch.length ? batch : undefined
    this.chain.flush()
    this.#flush()
  }

  #advanceWatermark(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs
    this.chain.advanceWatermark(watermarkMs)
    this.#flush()
  }

  #setIdle(idle: boolean): void {
    this.#idle = idle
    this.#emitControl({ kind: 'status', idle })
  }

  #emitControl(element: ControlElement): void {
    for (const output of this.#outputs) output.emitControl(element)
  }

  #flush(): void {
    for (const output of this.#outputs) output.flush()
  }

  /** Looks at event time: called at each auto-watermark interval, for sources. */
  tick(): void {
    const source = this.source
    if (source === undefined || this.#ended || !this.#opened) return
    const { watermarkMs, idle } = source.tick(this.#wasHeldBack)
    this.#wasHeldBack = false
    if (this.#idle && !idle) this.#setIdle(false)
    if (watermarkMs > this.#watermarkMs) this.#advanceWatermark(watermarkMs)
    if (!this.#idle && idle) this.#setIdle(true)
  }

  /** The end of the input: event time ends, timers fire, operators finish (rule TM-12). Barriers still come. */
  #end(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#watermarkMs !== MAX_TIMESTAMP) this.#advanceWatermark(MAX_TIMESTAMP)
    this.chain.finish()
    this.#flush()
    this.#emitControl({ kind: 'end' })
    this.#host.post({ kind: 'ended', subtask: this.id })
  }

  /** The coordinator starts a checkpoint: sources answer at once, all others when the barriers reach them. */
  triggerCheckpoint(barrier: Barrier): void {
    if (this.source === undefined) return
    if (barrier.stop === 'drain') this.#end()
    if (barrier.stop !== 'none') this.#held = true
    this.#takeSnapshot(barrier, {
      alignmentMs: 0,
      startDelayMs: Math.max(0, this.#host.clock.now() - barrier.timestampMs),
    })
  }

  /** The checkpoint was given up. */
  abortCheckpoint(checkpointId: number): void {
    this.#gate?.abort(checkpointId)
    if (!this.#ended) this.#held = false
    this.#abandonSweeps(checkpointId)
  }

  /** The synchronous part: everything before the barrier is in, nothing after it. The rest goes on beside the records. */
  #takeSnapshot(barrier: Barrier, { alignmentMs, startDelayMs }: BarrierTimes): void {
    const startedMs = this.#host.clock.monotonicMs()
    const reason: SnapshotReason = this.#ended ? 'end-of-input' : barrier.kind
    this.#abandonSweeps(barrier.checkpointId - 1)
    const parts = this.chain.snapshot(barrier.checkpointId, reason)
    this.#emitControl({ kind: 'barrier', barrier })
    const syncMs = this.#host.clock.monotonicMs() - startedMs
    this.#completeSnapshot(barrier.checkpointId, parts, { alignmentMs, startDelayMs, syncMs }).catch((error) => {
      const { checkpointId } = barrier
      this.#host.post({ kind: 'checkpoint-declined', checkpointId, subtask: this.id, error: serializeError(error) })
    })
  }

  async #completeSnapshot(
    checkpointId: number,
    parts: readonly { operatorId: string; snapshot: OperatorSnapshot }[],
    times: BarrierTimes & { readonly syncMs: number },
  ): Promise<void> {
    const startedMs = this.#host.clock.monotonicMs()
    // Both kinds of work start now and go on side by side.
    const sweeps = parts.map(({ snapshot }) => this.#sweep(checkpointId, snapshot))
    const [lists] = await Promise.all([Promise.all(parts.map(({ snapshot }) => snapshot.lists)), Promise.all(sweeps)])
    const target = await this.#host.checkpointTarget(checkpointId)
    const stored = target && (await this.#store(target, parts, lists))
    this.#host.post({
      kind: 'checkpoint-acknowledged',
      checkpointId,
      snapshot: {
        ...this.id,
        file: stored?.file,
        sizeBytes: stored?.sizeBytes ?? 0,
        operatorIds: stored?.operatorIds ?? [],
        ...times,
        asyncMs: this.#host.clock.monotonicMs() - startedMs,
      },
    })
  }

  /** Writes the subtask's file of that checkpoint. */
  async #store(
    { folder, writer: owner, fileSystem }: CheckpointTarget & { readonly fileSystem: FileSystem },
    parts: readonly { operatorId: string; snapshot: OperatorSnapshot }[],
    lists: readonly (Readonly<Record<string, readonly unknown[]>> | undefined)[],
  ): Promise<{ file: string; sizeBytes: number; operatorIds: string[] }> {
    const writer = new SnapshotFileWriter()
    const operatorIds = new Set<string>()
    for (const [i, { operatorId, snapshot }] of parts.entries()) {
      if (snapshot.keyed !== undefined) {
        const sections = snapshot.keyed.sweep.result()
        if (sections.length > 0) operatorIds.add(operatorId)
        writer.addKeyed(operatorId, snapshot.keyed.backend.schema(), sections)
      }
      for (const [name, elements] of Object.entries(lists[i] ?? {})) {
        if (elements.length === 0) continue
        operatorIds.add(operatorId)
        writer.addOperator(operatorId, name, elements)
      }
    }
    const { bytes } = writer.finish()
    const file = `${folder}/task-${this.id.task}-${this.id.subtask}-${owner}.state`
    await fileSystem.write(file, bytes)
    return { file, sizeBytes: bytes.length, operatorIds: [...operatorIds] }
  }

  async #sweep(checkpointId: number, snapshot: OperatorSnapshot): Promise<void> {
    if (snapshot.keyed === undefined) return
    const running = this.#host.sweep(snapshot.keyed.sweep)
    this.#sweeping.push({ checkpointId, running })
    await running.done
    this.#sweeping = this.#sweeping.filter((other) => other.running !== running)
  }

  /** The barrier of the next checkpoint may have come before the news that this one was given up: that sweep goes on. */
  #abandonSweeps(upToCheckpointId: number): void {
    const over = this.#sweeping.filter(({ checkpointId }) => checkpointId <= upToCheckpointId)
    this.#sweeping = this.#sweeping.filter(({ checkpointId }) => checkpointId > upToCheckpointId)
    for (const { running } of over) running.abandon()
  }

  /** The failure with the task's name, for the coordinator. */
  describe(error: unknown): ReturnType<typeof serializeError> {
    const failure = asEngineError(error)
    const where = { task: this.chain.taskName, subtask: this.id.subtask }
    const serialized = serializeError(failure)
    return { ...serialized, details: { ...serialized.details, ...where } }
  }
}
