import type { FileSystem } from '@millrace/engine/spi'
import { bucketOf, safeKey } from '../../snapshots/s3-names.ts'
import { ApiError } from '../../wire/api-error.ts'

/** Reads an S3 object whole. Errors of any kind but `unavailable` mean that it isn't there or may not be read. */
export type ReadObject = (bucketArn: string, key: string, version: string | undefined) => Promise<Uint8Array>

/** Reads objects through a file system for `s3://`. It knows newest versions only: others are refused. */
export function readObjectFrom(files: Pick<FileSystem, 'read'>): ReadObject {
  return async (bucketArn, key, version) => {
    if (version !== undefined) {
      throw new ApiError('UnsupportedOperationException', 'ObjectVersion is not offered here: the newest one is read.')
    }
    return files.read(`s3://${bucketOf(bucketArn)}/${safeKey(key)}`)
  }
}
