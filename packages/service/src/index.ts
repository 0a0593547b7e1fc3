/** The Millrace service: a durable, Kinesis-compatible log and SNS-compatible notifications on one port. */
export type { Credentials } from './access/credentials-file.ts'
export { type Endpoint, type EndpointParts, type EndpointSettings, startEndpoint } from './endpoint.ts'
export { diskFiles, type LogFile, type LogFiles } from './ingest/log-files.ts'
