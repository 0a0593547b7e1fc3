import type { FileSystem } from '@millrace/engine/spi'
import { ApiError, invalidArgument } from '../../wire/api-error.ts'

/** Reads an S3 object whole. Errors of any kind but `unavailable` mean that it isn't there or may not be read. */
export type ReadObject = (bucketArn: string, key: string, version: string | undefined) => Promise<Uint8Array>

/** Reads objects through a file system for `s3://`. It knows newest versions only: others are refused. */
export function readObjectFrom(files: Pick<FileSystem, 'read'>): ReadObject {
  return async (bucketArn, key, version) => {
    if (version !== undefined) {
      throw new ApiError('UnsupportedOperationException', 'ObjectVersion is not offered here: the newest one is read.')
    }
    const bucket = /^arn:[\w-]+:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$/.exec(bucketArn)?.[1]
    if (bucket === undefined) throw invalidArgument(`BucketARN '${bucketArn.slice(0, 200)}' is not that of a bucket.`)
    return files.read(`s3://${bucket}/${key}`)
  }
}
