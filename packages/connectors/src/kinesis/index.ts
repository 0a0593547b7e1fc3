/** The Kinesis Data Streams source: `kinesis(…)` for values, `kinesisRecords(…)` for values with their place. */
export type { AwsCredentials, AwsOptions } from '../aws/aws-options.ts'
export type { KinesisOptions } from './options.ts'
export type { KinesisRecord } from './record-emitter.ts'
export { kinesis, kinesisRecords } from './source.ts'
export type { KinesisEnumeratorState, KinesisSplit, ShardPosition } from './splits.ts'
