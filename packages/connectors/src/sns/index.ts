/** Amazon SNS topics as a sink, at least once, for alerts that should arrive within milliseconds. */
export type { AwsCredentials, AwsOptions } from '../aws/aws-options.ts'
export type { OversizedPolicy, SnsOptions } from './options.ts'
export { sns } from './sns-sink.ts'
