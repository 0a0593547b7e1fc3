import { invariant, type PendingFile, type PersistedFile } from '@millrace/engine/spi'
import type { UploadedPart } from './s3-calls.ts'

/** The token of a pending S3 file: the upload and what it is made of. Plain data. */
export interface PendingUpload {
  readonly uploadId: string
  /** Stands in the object's metadata: how it is known again. */
  readonly fileId: string
  readonly openedMs: number
  readonly parts: readonly UploadedPart[]
}

/** The token of a persisted S3 file: its upload, and the bytes that were too few for a part. */
export interface PersistedUpload extends PendingUpload {
  readonly tail: Uint8Array
}

export function pendingUpload(file: PendingFile): PendingUpload {
  const { uploadId, parts } = file.token
  const right = typeof uploadId === 'string' && Array.isArray(parts)
  invariant(right, `The state of ${file.targetPath} isn't one of an S3 file.`)
  return file.token as unknown as PendingUpload
}

export function persistedUpload(file: PersistedFile): PersistedUpload {
  invariant(file.token['tail'] instanceof Uint8Array, `The state of ${file.targetPath} isn't one of an open S3 file.`)
  return { ...pendingUpload(file), tail: file.token['tail'] }
}
