import {
  EngineError,
  type PendingFile,
  type PersistedFile,
  type RecoverableFile,
  storageFailed,
} from '@millrace/engine/spi'
import type { S3Settings } from './options.ts'
import type { S3Calls, UploadedPart } from './s3-calls.ts'
import type { S3Location } from './s3-location.ts'
import type { PendingUpload, PersistedUpload } from './upload-token.ts'

/** Writers use parts 1 to 9,999: 10,000 belongs to recovery, so that a writer of an older attempt can't overwrite it. */
export const RECOVERY_PART = 10_000

interface WaitingPart {
  readonly n: number
  readonly bytes: Uint8Array
  readonly resolve: (part: UploadedPart) => void
  readonly reject: (error: unknown) => void
}

/** An open file as a multipart upload, kept open across checkpoints; what is too small for a part goes into the checkpoint. */
export class S3RecoverableFile implements RecoverableFile {
  readonly targetPath: string
  lengthBytes = 0
  readonly #at: S3Location
  readonly #upload: { readonly uploadId: string; readonly fileId: string; readonly openedMs: number }
  readonly #calls: S3Calls
  readonly #settings: S3Settings
  /** One a part, in order: part n at index n - 1. */
  readonly #parts: Promise<UploadedPart>[] = []
  readonly #waiting: WaitingPart[] = []
  #uploading = 0
  #uploadingBytes = 0
  #tail: Uint8Array[] = []
  #tailBytes = 0
  #failure: { readonly error: unknown } | undefined

  constructor(
    target: S3Location & { readonly path: string },
    upload: { readonly uploadId: string; readonly fileId: string; readonly openedMs: number },
    calls: S3Calls,
    settings: S3Settings,
  ) {
    this.targetPath = target.path
    this.#at = { bucket: target.bucket, key: target.key }
    this.#upload = upload
    this.#calls = calls
    this.#settings = settings
  }

  /** Bytes on their way. The tail isn't counted: waiting doesn't make it less, only more records do. */
  get bufferedBytes(): number {
    return this.#uploadingBytes
  }

  write(bytes: Uint8Array): void {
    this.#throwFailure()
    if (bytes.length === 0) return
    this.#tail.push(bytes)
    this.#tailBytes += bytes.length
    this.lengthBytes += bytes.length
    if (this.#tailBytes >= this.#partSizeBytes()) this.#uploadTail()
  }

  async persist(): Promise<PersistedFile> {
    const { targetPath, lengthBytes } = this
    const tail = concat(this.#tail, this.#tailBytes)
    const parts = await Promise.all(this.#parts.slice())
    const token: PersistedUpload = { ...this.#upload, parts, tail }
    return { targetPath, lengthBytes, token: { ...token } }
  }

  async close(): Promise<PendingFile> {
    const { targetPath, lengthBytes } = this
    // A file without bytes still needs a part.
    if (this.#tailBytes > 0 || this.#parts.length === 0) this.#uploadTail()
    const token: PendingUpload = { ...this.#upload, parts: await Promise.all(this.#parts) }
    return { targetPath, lengthBytes, token: { ...token } }
  }

  async discard(): Promise<void> {
    this.#fail(new EngineError('FILE_DISCARDED', { kind: 'bug', message: `${this.targetPath} was given up.` }))
    // A part that lands after an abort would keep the upload alive.
    await Promise.allSettled(this.#parts)
    await this.#calls.abortUpload(this.#at, this.#upload.uploadId)
  }

  /** Grows, so that 9,999 parts hold what an object may: 1,000 parts of 5 MiB, 1,000 of 10 MiB, and so on. */
  #partSizeBytes(): number {
    return this.#settings.minPartSizeBytes * 2 ** Math.floor(this.#parts.length / 1000)
  }

  #uploadTail(): void {
    const n = this.#parts.length + 1
    if (n >= RECOVERY_PART) throw storageFailed('write', this.targetPath, new Error('it has too many parts'))
    const bytes = concat(this.#tail, this.#tailBytes)
    this.#tail = []
    this.#tailBytes = 0
    this.#uploadingBytes += bytes.length
    const part = new Promise<UploadedPart>((resolve, reject) => this.#waiting.push({ n, bytes, resolve, reject }))
    part.catch(() => {}) // Told by the next call.
    this.#parts.push(part)
    this.#startUploads()
  }

  #startUploads(): void {
    while (this.#uploading < this.#settings.maxConcurrentUploads) {
      const part = this.#waiting.shift()
      if (part === undefined) return
      this.#uploading++
      void this.#uploadPart(part).finally(() => {
        this.#uploading--
        this.#uploadingBytes -= part.bytes.length
        this.#startUploads()
      })
    }
  }

  async #uploadPart({ n, bytes, resolve, reject }: WaitingPart): Promise<void> {
    try {
      this.#throwFailure()
      const part = await this.#calls.uploadPart(this.#at, this.#upload.uploadId, n, bytes)
      if (part === undefined) throw storageFailed('write', this.targetPath, new Error('its upload is gone'))
      resolve(part)
    } catch (error) {
      this.#fail(error)
      reject(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function concat(chunks: readonly Uint8Array[], lengthBytes: number): Uint8Array {
  const all = new Uint8Array(lengthBytes)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}
