import { MIN_TIMESTAMP, ObjectBatch } from '../../spi/batch.ts'
import type { ChannelWriter } from './channel.ts'
import type { StreamElement } from './element.ts'
import { ALL_CHANNELS, type Partitioner } from './partitioner.ts'

/** Everything that travels in a channel besides records. */
export type ControlElement = Exclude<StreamElement, { readonly kind: 'batch' }>

export interface PartitionedOutputSettings {
  /** One for each consumer subtask the edge connects this one with, in the order of their indexes. */
  readonly channels: readonly ChannelWriter[]
  readonly partitioner: Partitioner
  /** Records a channel's batch holds at most. */
  readonly batchSize?: number
}

export const defaultBatchSize = 512

/**
 * What a subtask emits into for one outgoing edge. Records wait in a batch per channel until it is full, a control
 * element follows, or the task flushes (when its input is idle or its flush timer ends): nothing overtakes anything.
 * Emitting never blocks and never refuses; the task pauses at the end of an input batch while `hasCredit` is false.
 */
export class PartitionedOutput {
  readonly #channels: readonly ChannelWriter[]
  readonly #partitioner: Partitioner
  readonly #batchSize: number
  readonly #pending: PendingBatch[]
  /** Records for every channel wait once, and all channels are handed the same batch. */
  readonly #pendingForAll = new PendingBatch()
  #buffered = 0
  #flushed = 0

  constructor(settings: PartitionedOutputSettings) {
    this.#channels = settings.channels
    this.#partitioner = settings.partitioner
    this.#batchSize = settings.batchSize ?? defaultBatchSize
    this.#pending = settings.channels.map(() => new PendingBatch())
  }

  /** Records emitted and not yet written to a channel; one for all channels counts once. */
  get bufferedSinceFlush(): number {
    return this.#buffered
  }

  /** Records emitted since the beginning; one for all channels counts once. */
  get emitted(): number {
    return this.#flushed + this.#buffered
  }

  /** Bytes written to channels that lead to other threads. */
  get bytes(): number {
    let bytes = 0
    for (const channel of this.#channels) bytes += channel.bytes ?? 0
    return bytes
  }

  emit(value: unknown, timestampMs: number = MIN_TIMESTAMP): void {
    const channel = this.#partitioner.channelFor(value)
    if (channel === ALL_CHANNELS) {
      // One record for all behind records for one: a partitioner that mixes them must keep their order in each channel.
      if (this.#buffered > this.#pendingForAll.length) this.#flushSingle()
      this.#buffered++
      if (this.#pendingForAll.add(value, timestampMs) >= this.#batchSize) this.#flushForAll()
      return
    }
    if (this.#pendingForAll.length > 0) this.#flushForAll()
    this.#buffered++
    if ((this.#pending[channel] as PendingBatch).add(value, timestampMs) >= this.#batchSize) this.#flushChannel(channel)
  }

  /** Writes out what waits. */
  flush(): void {
    if (this.#buffered === 0) return
    this.#flushForAll()
    this.#flushSingle()
  }

  /** Writes the element to every channel, behind all records emitted before it. */
  emitControl(element: ControlElement): void {
    this.flush()
    for (const channel of this.#channels) channel.write(element)
  }

  /** How many records the readers of all channels together let wait. */
  get allowedRecords(): number {
    let records = 0
    for (const channel of this.#channels) records += channel.allowedRecords
    return records
  }

  /** Whether every channel takes another batch. */
  hasCredit(): boolean {
    for (const channel of this.#channels) if (!channel.hasCredit()) return false
    return true
  }

  #flushSingle(): void {
    for (let i = 0; i < this.#pending.length; i++) this.#flushChannel(i)
  }

  #flushChannel(index: number): void {
    const pending = this.#pending[index] as PendingBatch
    if (pending.length === 0) return
    this.#buffered -= pending.length
    this.#flushed += pending.length
    ;(this.#channels[index] as ChannelWriter).write({ kind: 'batch', batch: pending.take() })
  }

  #flushForAll(): void {
    if (this.#pendingForAll.length === 0) return
    this.#buffered -= this.#pendingForAll.length
    this.#flushed += this.#pendingForAll.length
    const element: StreamElement = { kind: 'batch', batch: this.#pendingForAll.take() }
    for (const channel of this.#channels) channel.write(element)
  }
}

/** The batch under construction for one channel. */
class PendingBatch {
  #values: unknown[] = []
  #timestamps: number[] = []

  get length(): number {
    return this.#values.length
  }

  /** Appends; answers the new length. */
  add(value: unknown, timestampMs: number): number {
    this.#timestamps.push(timestampMs)
    return this.#values.push(value)
  }

  take(): ObjectBatch<unknown> {
    const batch = new ObjectBatch(this.#values, this.#timestamps)
    this.#values = []
    this.#timestamps = []
    return batch
  }
}
