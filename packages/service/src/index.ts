/** The Millrace service: a durable, Kinesis-compatible log, SNS-compatible notifications and managed applications on one port. */
export type { Credentials } from './access/credentials-file.ts'
export type { ApplicationsParts, LifecycleSurroundings } from './applications/applications.ts'
export { createLifecycle, type ManagedJobs } from './applications/create-lifecycle.ts'
export type { Lifecycle } from './applications/lifecycle.ts'
export { type Endpoint, type EndpointParts, type EndpointSettings, startEndpoint } from './endpoint.ts'
export { diskFiles, type LogFile, type LogFiles } from './ingest/log-files.ts'
export { describeIsolation, detectIsolation, type Isolation } from './launchers/index.ts'
export { SharedCode } from './zones/shared-code.ts'
