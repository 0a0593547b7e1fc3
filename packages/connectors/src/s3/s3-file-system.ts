import { type FileSystem, randomUuid } from '@millrace/engine/spi'
import { type S3Options, s3Settings } from './options.ts'
import { S3Calls, type S3Parts } from './s3-calls.ts'
import { commitUpload, recoverUpload } from './s3-commit.ts'
import { folderPrefix, parseS3Path, s3Path } from './s3-location.ts'
import { S3RecoverableFile } from './s3-recoverable-file.ts'

/** The same with what only S3 has. */
export interface S3FileSystem extends FileSystem {
  /** The object's bytes in an older version. */
  readVersion(path: string, versionId: string): Promise<Uint8Array>
}

/**
 * Files in S3 and stores that speak its protocol, by paths like `s3://bucket/key`.
 *
 * An open file is a multipart upload that stays open across checkpoints. It becomes an object by the commit, which is
 * idempotent; the target path of an open file must be unique to it, for S3 has no rename. `createExclusive` is a
 * conditional PUT: the store must know `If-None-Match: *`. Uploads that crashed writers left cost money: give the bucket
 * a lifecycle rule `AbortIncompleteMultipartUpload` of 7 days or more, longer than any savepoint is kept.
 *
 * Errors: those of `FileSystem`; `AWS_ACCESS_DENIED`, `AWS_RESOURCE_MISSING` (a bucket, a version), `AWS_REQUEST_REJECTED`
 * (invalid) when repeating is useless; `S3_PATH_INVALID`.
 */
export function s3FileSystem(options: S3Options, parts: S3Parts): S3FileSystem {
  const settings = s3Settings(options)
  const calls = new S3Calls(settings, parts)
  const { clock, random } = parts

  return {
    scheme: 's3',

    read: async (path) => calls.read(parseS3Path(path)),

    readVersion: async (path, versionId) => calls.read(parseS3Path(path), versionId),

    write: async (path, bytes) => calls.put(parseS3Path(path), bytes, randomUuid(random)),

    async createExclusive(path, bytes) {
      const at = parseS3Path(path)
      const fileId = randomUuid(random)
      if (await calls.putIfAbsent(at, bytes, fileId)) return true
      return (await calls.head(at))?.fileId === fileId
    },

    async list(folder) {
      const { bucket, key } = parseS3Path(folder)
      const files = await calls.list(bucket, folderPrefix(key))
      // Consoles mark folders by empty objects; S3 sorts by UTF-8 bytes, the contract by code units.
      return files.filter((file) => !file.path.endsWith('/')).sort((a, b) => (a.path < b.path ? -1 : 1))
    },

    async delete(path) {
      const { bucket, key } = parseS3Path(path)
      const below = await calls.list(bucket, folderPrefix(key))
      const keys = below.map((file) => file.path.slice(s3Path(bucket, '').length))
      await calls.delete(bucket, key === '' ? keys : [key, ...keys])
    },

    async openFile(targetPath) {
      const at = parseS3Path(targetPath)
      const fileId = randomUuid(random)
      const uploadId = await calls.startUpload(at, fileId)
      const upload = { uploadId, fileId, openedMs: clock.now() }
      return new S3RecoverableFile({ ...at, path: s3Path(at.bucket, at.key) }, upload, calls, settings)
    },

    recoverFile: (file) => recoverUpload(calls, clock, file),

    commitFile: (file) => commitUpload(calls, clock, file),

    async removeOrphans(folder, keep, olderThanMs, mayRemove = () => true) {
      const { bucket, key } = parseS3Path(folder)
      const kept = new Set(keep.map((file) => file.token['uploadId']))
      const newestMs = clock.now() - olderThanMs
      let removed = 0
      for (const upload of await calls.listUploads(bucket, folderPrefix(key))) {
        if (kept.has(upload.uploadId) || upload.initiatedMs > newestMs) continue
        if (!mayRemove(s3Path(bucket, upload.key))) continue
        const changedMs = await calls.uploadChangedMs(upload, upload.uploadId)
        if (changedMs === undefined || changedMs > newestMs) continue
        await calls.abortUpload(upload, upload.uploadId)
        removed++
      }
      return removed
    },
  }
}
