import type { WireValue } from '../wire/json-codec.ts'
import type { LogRecord } from './frame.ts'
import type { Shard } from './shard.ts'

/** A record as GetRecords and SubscribeToShard answer it. */
export function describeRecord(shard: Shard, record: LogRecord): { readonly [member: string]: WireValue } {
  return {
    SequenceNumber: shard.sequenceNumber(record.index, record.arrivalMs),
    ApproximateArrivalTimestamp: new Date(record.arrivalMs),
    Data: record.data,
    PartitionKey: record.partitionKey,
  }
}
