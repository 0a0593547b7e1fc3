/** Files as a sink, exactly once, on any file system. */
export { type BucketAssigner, type EventTimeBucketOptions, eventTimeBuckets } from './bucket-assigner.ts'
export { files } from './files-sink.ts'
export type { FilesOptions, RollingOptions } from './options.ts'
