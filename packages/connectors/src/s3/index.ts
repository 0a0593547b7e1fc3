/** Files in S3. */
export type { S3Options } from './options.ts'
export type { S3Parts } from './s3-calls.ts'
export { type S3FileSystem, s3FileSystem } from './s3-file-system.ts'
