import { EngineError, storageFailed, storageFull } from '@millrace/engine/spi'

interface SdkErrorShape {
  readonly name?: string
  readonly Code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
}

/** The service's name of a failure: `NoSuchKey`, `PreconditionFailed`. */
export function s3ErrorName(error: unknown): string {
  const { name, Code } = (error ?? {}) as SdkErrorShape
  return Code ?? name ?? ''
}

export function s3ErrorStatus(error: unknown): number | undefined {
  return ((error ?? {}) as SdkErrorShape).$metadata?.httpStatusCode
}

/** Another writer of the same key is under way; the request is to be repeated. */
export function isConflict(error: unknown): boolean {
  return s3ErrorStatus(error) === 409 || s3ErrorName(error) === 'ConditionalRequestConflict'
}

/** The condition of a conditional write doesn't hold. */
export function isPreconditionFailed(error: unknown): boolean {
  return s3ErrorStatus(error) === 412 || s3ErrorName(error) === 'PreconditionFailed'
}

export function isMissingObject(error: unknown): boolean {
  const name = s3ErrorName(error)
  // HEAD has no body, so its 404 has no name of its own.
  return name === 'NoSuchKey' || name === 'NotFound'
}

/** The bucket's region when the request went to, or was signed for, another; S3 answers 301 or 400 then. */
export function redirectedTo(error: unknown): string | undefined {
  const status = s3ErrorStatus(error)
  if (status !== 301 && status !== 307 && status !== 400) return undefined
  return ((error ?? {}) as SdkErrorShape).$response?.headers?.['x-amz-bucket-region']
}

export function isMissingUpload(error: unknown): boolean {
  return s3ErrorName(error) === 'NoSuchUpload'
}

const fullNames = /^(XMinioStorageFull|QuotaExceeded|InsufficientStorage|StorageQuotaExceeded)$/

function isStorageFull(error: unknown): boolean {
  return s3ErrorStatus(error) === 507 || fullNames.test(s3ErrorName(error))
}

/** What remains of a failure after all tries, as one of the errors of the FileSystem contract; a wrong request as it is. */
export function storageError(operation: string, path: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error
  if (isStorageFull(error.cause)) return storageFull(operation, path, error.cause)
  return error.kind === 'unavailable' ? storageFailed(operation, path, error) : error
}
