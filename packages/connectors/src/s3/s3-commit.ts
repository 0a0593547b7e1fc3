import { type Clock, fileDamaged, type PendingFile, type PersistedFile } from '@millrace/engine/spi'
import type { S3Calls, UploadedPart } from './s3-calls.ts'
import { parseS3Path } from './s3-location.ts'
import { RECOVERY_PART } from './s3-recoverable-file.ts'
import { type PendingUpload, pendingUpload, persistedUpload } from './upload-token.ts'

/**
 * Completes the upload. Repeatable at stores that remember complete uploads (AWS) and at those that don't (MinIO): what
 * counts in the end is whether the object under the key is this very file.
 */
export async function commitUpload(calls: S3Calls, clock: Clock, file: PendingFile): Promise<void> {
  const at = parseS3Path(file.targetPath)
  const upload = pendingUpload(file)
  const { uploadId, parts } = upload
  try {
    if (await calls.completeUpload(at, uploadId, parts, file.lengthBytes)) return
  } catch (error) {
    if (await isCommitted(calls, file)) return
    if (await isGone(calls, file)) throw uploadGone(file, upload, clock)
    throw error
  }
  if (!(await isCommitted(calls, file))) throw uploadGone(file, upload, clock)
}

/**
 * Finishes a file that its writer left open: the bytes that only the checkpoint holds become its last part. The writer may
 * be alive and go on uploading; its later parts aren't listed at the commit, and it never uses this number.
 */
export async function recoverUpload(calls: S3Calls, clock: Clock, file: PersistedFile): Promise<PendingFile> {
  const { targetPath, lengthBytes } = file
  const { uploadId, fileId, openedMs, parts, tail } = persistedUpload(file)
  const pendingWith = (all: readonly UploadedPart[]): PendingFile => {
    const token: PendingUpload = { uploadId, fileId, openedMs, parts: all }
    return { targetPath, lengthBytes, token: { ...token } }
  }
  if (tail.length === 0 && parts.length > 0) return pendingWith(parts)
  const last = await uploadUnlessGone(calls, file, RECOVERY_PART, tail)
  if (last !== undefined) return pendingWith([...parts, last])
  // An older checkpoint, restored again after its file was committed.
  if (await isCommitted(calls, pendingWith(parts))) return pendingWith(parts)
  throw uploadGone(file, { uploadId, fileId, openedMs, parts }, clock)
}

/** Whether the object under the target path is this file. Throws when it is another one: it is never overwritten. */
async function isCommitted(calls: S3Calls, file: PendingFile): Promise<boolean> {
  const { fileId } = pendingUpload(file)
  const object = await calls.head(parseS3Path(file.targetPath))
  if (object === undefined) return false
  if (object.fileId === fileId && object.sizeBytes === file.lengthBytes) return true
  const problem = object.fileId === fileId ? `has ${object.sizeBytes} bytes` : 'is an object of something else'
  throw fileDamaged(file.targetPath, `${problem}, so this file of ${file.lengthBytes} bytes can't be committed`)
}

async function uploadUnlessGone(calls: S3Calls, file: PersistedFile, n: number, bytes: Uint8Array) {
  try {
    return await calls.uploadPart(parseS3Path(file.targetPath), pendingUpload(file).uploadId, n, bytes)
  } catch (error) {
    if (await isGone(calls, file)) return undefined
    throw error
  }
}

/** Some stores answer a broken 500 for a call on an upload that is gone; asking for its parts tells. */
async function isGone(calls: S3Calls, file: PendingFile): Promise<boolean> {
  try {
    return (await calls.uploadChangedMs(parseS3Path(file.targetPath), pendingUpload(file).uploadId)) === undefined
  } catch {
    // Then the first failure is what there is to report.
    return false
  }
}

function uploadGone(file: PendingFile, { uploadId, openedMs }: PendingUpload, clock: Clock) {
  const ageMs = clock.now() - openedMs
  const problem =
    `can't be committed: its upload ${uploadId}, begun ${Math.round(ageMs / 60_000)} minutes ago, is gone ` +
    '(a lifecycle rule that aborts uploads must wait longer than any checkpoint may be old)'
  return fileDamaged(file.targetPath, problem, { uploadId, ageMs })
}
