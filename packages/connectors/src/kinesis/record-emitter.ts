import { type Counter, type Decoder, EngineError, type MalformedPolicy, type SplitOutput } from '@millrace/engine/spi'
import type { KinesisServiceRecord } from './kinesis-api.ts'
import { isAggregate, type SubRecord, unpackAggregate } from './kpl-aggregate.ts'
import type { KinesisSplit } from './splits.ts'

/** A record with where it stood in the stream. */
export interface KinesisRecord<T> {
  readonly value: T
  readonly shardId: string
  readonly sequenceNumber: string
  /** Number of the record within one that a producer packed, else 0. With `sequenceNumber` it names a record uniquely. */
  readonly subSequenceNumber: number
  readonly partitionKey: string
  /** When the service received it, epoch ms. */
  readonly approximateArrivalMs: number
}

/** Makes a stream element of a record's value and place. */
export type ToElement<T, O> = (
  value: T,
  record: KinesisServiceRecord,
  shardId: string,
  partitionKey: string,
  subSequenceNumber: number,
  arrivalMs: number,
) => O

/** What emitting needs to know of the settings. */
export interface EmitterSettings<T> {
  readonly stream: { readonly name: string }
  readonly format: Decoder<T>
  readonly onMalformed: MalformedPolicy
  readonly deaggregate: boolean
  readonly hashRangeCheck: boolean
}

/** Decodes records and emits them, each packed record whole, so that a checkpoint never falls inside one. */
export class RecordEmitter<T, O> {
  readonly #settings: EmitterSettings<T>
  readonly #source: string
  readonly #toElement: ToElement<T, O>
  readonly #droppedAggregates: Counter

  constructor(settings: EmitterSettings<T>, source: string, toElement: ToElement<T, O>, droppedAggregates: Counter) {
    this.#settings = settings
    this.#source = source
    this.#toElement = toElement
    this.#droppedAggregates = droppedAggregates
  }

  /** Emits `records` from `from` up to `to`. Throws `KINESIS_RECORD_MALFORMED` by policy `fail`. */
  emit(
    records: readonly KinesisServiceRecord[],
    from: number,
    to: number,
    split: KinesisSplit,
    output: SplitOutput<O>,
  ): void {
    const { format, deaggregate } = this.#settings
    const toElement = this.#toElement
    for (let i = from; i < to; i++) {
      const record = records[i]!
      if (deaggregate && isAggregate(record.Data) && this.#emitAggregate(record, split, output)) continue
      const arrivalMs = record.ApproximateArrivalTimestamp.getTime()
      let value: T
      try {
        value = format.decode(record.Data)
      } catch (error) {
        this.#malformed(error, record, record.Data, 0, split, output)
        continue
      }
      output.emit(toElement(value, record, split.id, record.PartitionKey, 0, arrivalMs), arrivalMs)
    }
  }

  /** False when it only looked like a packed record: then it is plain data. */
  #emitAggregate(record: KinesisServiceRecord, split: KinesisSplit, output: SplitOutput<O>): boolean {
    const parts = unpackAggregate(record.Data)
    if (parts === undefined) return false
    if (this.#settings.hashRangeCheck && !parts.every((part) => isInside(part, split))) {
      this.#droppedAggregates.value++
      return true
    }
    const arrivalMs = record.ApproximateArrivalTimestamp.getTime()
    for (let sub = 0; sub < parts.length; sub++) {
      const part = parts[sub]!
      let value: T
      try {
        value = this.#settings.format.decode(part.data)
      } catch (error) {
        this.#malformed(error, record, part.data, sub, split, output)
        continue
      }
      output.emit(this.#toElement(value, record, split.id, part.partitionKey, sub, arrivalMs), arrivalMs)
    }
    return true
  }

  #malformed(
    error: unknown,
    record: KinesisServiceRecord,
    data: Uint8Array,
    sub: number,
    split: KinesisSplit,
    output: SplitOutput<O>,
  ): void {
    const reason = error instanceof Error ? error.message : String(error)
    const position = sub === 0 ? record.SequenceNumber : `${record.SequenceNumber}:${sub}`
    switch (this.#settings.onMalformed) {
      case 'skip':
        output.skipped()
        return
      case 'dead-letter':
        output.deadLetter({
          source: this.#source,
          splitId: split.id,
          position,
          reason,
          data,
          timestampMs: record.ApproximateArrivalTimestamp.getTime(),
        })
        return
      case 'fail':
        throw new EngineError('KINESIS_RECORD_MALFORMED', {
          kind: 'invalid',
          message: `Record ${position} of ${split.id} in stream '${this.#settings.stream.name}' can't be read: ${reason}`,
          hint: "Set onMalformed to 'dead-letter' or 'skip' to go on without such records.",
          details: { stream: this.#settings.stream.name, shardId: split.id, position },
          cause: error,
        })
    }
  }
}

function isInside(part: SubRecord, split: KinesisSplit): boolean {
  const hashKey = part.hashKey()
  return hashKey >= BigInt(split.startingHashKey) && hashKey <= BigInt(split.endingHashKey)
}
