import { asEngineError } from '@millrace/engine/spi'
import type { RoleS3 } from '../../access/role-s3.ts'
import type { Shapes } from '../../model/shapes.ts'
import { bucketOf, safeKey } from '../../snapshots/s3-names.ts'
import { invalidArgument } from '../../wire/api-error.ts'

/** Whose code it is: it's read with the rights of this role at AWS. */
export interface CodeOwner {
  readonly name: string
  readonly serviceExecutionRole: string
}

/**
 * Reads an S3 object whole. Errors: `InvalidArgumentException` in Amazon's words when it isn't there or the role may not
 * read it, with the reason; those of S3 that is out of reach.
 */
export async function readObject(
  s3: Pick<RoleS3, 'open'>,
  { BucketARN, FileKey, ObjectVersion }: Shapes['S3ContentLocation'],
  { name, serviceExecutionRole }: CodeOwner,
): Promise<Uint8Array> {
  const bucket = bucketOf(BucketARN)
  const path = `s3://${bucket}/${safeKey(FileKey)}`
  try {
    const files = await s3.open(serviceExecutionRole, name)
    return await (ObjectVersion === undefined ? files.read(path) : files.readVersion(path, ObjectVersion))
  } catch (error) {
    const { kind, message, hint = '' } = asEngineError(error, 'invalid')
    if (kind === 'unavailable') throw error
    throw invalidArgument(
      'Please check the role provided or validity of S3 location you provided. We are unable to get the specified ' +
        `fileKey: ${FileKey} in the specified bucket: ${bucket}. ${message.replace(/\.$/, '')}. ${hint}`.trimEnd(),
    )
  }
}
