import type { EnumeratorContext, Source, SubtaskContext } from '@millrace/engine/spi'
import { KinesisEnumerator } from './enumerator.ts'
import type { KinesisApi } from './kinesis-api.ts'
import { type KinesisOptions, type KinesisSettings, kinesisSettings } from './options.ts'
import { KinesisReader } from './reader.ts'
import type { KinesisRecord, ToElement } from './record-emitter.ts'
import { SdkKinesisApi } from './sdk-kinesis-api.ts'
import type { KinesisEnumeratorState, KinesisSplit } from './splits.ts'

/** Makes the calls to the service; one for the enumerator and one a reader, closed by them. */
export type KinesisApiFactory = () => KinesisApi

/**
 * Reads a Kinesis data stream: every shard in its order, children of a reshard after their parents.
 *
 * Out:       one value a record, with the record's approximate arrival as its time until a watermark strategy says otherwise.
 * Delivery:  exactly once with respect to checkpoints: positions are part of them. A producer's own retries are records of their own.
 * Rescaling: a restore balances the shards anew over any parallelism.
 * Errors:    `OPTION_*` here; while running `KINESIS_STREAM_MISSING`, `KINESIS_RECORD_MALFORMED`, `KINESIS_DATA_LOST`,
 *            `KINESIS_STREAM_CHANGED`, `AWS_*`.
 */
export function kinesis<T>(options: KinesisOptions<T>): Source<T, KinesisSplit, KinesisEnumeratorState> {
  return kinesisSource(options, (value) => value)
}

/** The same, each value with its place in the stream: shard, sequence number, partition key and arrival. */
export function kinesisRecords<T>(
  options: KinesisOptions<T>,
): Source<KinesisRecord<T>, KinesisSplit, KinesisEnumeratorState> {
  return kinesisSource(options, (value, record, shardId, partitionKey, subSequenceNumber, approximateArrivalMs) => ({
    value,
    shardId,
    sequenceNumber: record.SequenceNumber,
    subSequenceNumber,
    partitionKey,
    approximateArrivalMs,
  }))
}

/** The source of an element shape, over any implementation of the calls. */
export function kinesisSource<T, O>(
  options: KinesisOptions<T>,
  toElement: ToElement<T, O>,
  makeApi?: KinesisApiFactory,
): Source<O, KinesisSplit, KinesisEnumeratorState> {
  const settings: KinesisSettings<T> = kinesisSettings(options)
  const api = makeApi ?? (() => new SdkKinesisApi(settings.stream, settings.aws))
  return {
    name: settings.name,
    boundedness: 'unbounded',
    reassignSplitsOnRestore: true,
    createEnumerator: (context: EnumeratorContext<KinesisSplit>, restored: KinesisEnumeratorState | undefined) =>
      new KinesisEnumerator(context, settings, restored, api()),
    createReader: (context: SubtaskContext) => new KinesisReader(context, settings, toElement, api()),
  }
}
