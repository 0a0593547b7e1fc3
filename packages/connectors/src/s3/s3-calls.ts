import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { type Clock, type FileInfo, fileNotFound, type Random, type Scheduler } from '@millrace/engine/spi'
import type { AwsCredentials } from '../aws/aws-options.ts'
import { unaryClientConfig } from '../aws/client-config.ts'
import { retrying } from '../aws/retry.ts'
import type { S3Settings } from './options.ts'
import {
  isConflict,
  isMissingObject,
  isMissingUpload,
  isPreconditionFailed,
  redirectedTo,
  storageError,
} from './s3-errors.ts'
import { type S3Location, s3Path } from './s3-location.ts'

/** Metadata that says which open file an object was made of. */
export const FILE_ID = 'millrace-file'

/** What the calls need from their surroundings. */
export interface S3Parts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  /** Ends waiting for a next try. */
  readonly signal?: AbortSignal
  /** Asked again when what it gave expires; goes before the option `credentials`. */
  readonly credentials?: () => Promise<AwsCredentials & { readonly expiration?: Date | undefined }>
}

/** A part as Complete wants it. Plain data. */
export interface UploadedPart {
  readonly n: number
  readonly etag: string
  readonly size: number
}

export interface ObjectInfo {
  readonly sizeBytes: number
  /** Undefined when the object isn't ours. */
  readonly fileId: string | undefined
}

export interface UploadInfo extends S3Location {
  readonly uploadId: string
  readonly initiatedMs: number
}

/**
 * S3's operations as this file system needs them: repeated while they fail in passing, what is missing as a value, and
 * errors of the FileSystem contract.
 */
export class S3Calls {
  /** Buckets in another region than was expected have one of their own. */
  readonly #clients = new Map<string, S3Client>()
  readonly #client: S3Client
  readonly #settings: S3Settings
  readonly #around: S3Parts & { readonly signal: AbortSignal }

  constructor(settings: S3Settings, parts: S3Parts) {
    this.#settings = settings
    this.#around = { ...parts, signal: parts.signal ?? new AbortController().signal }
    this.#client = this.#newClient(settings)
  }

  /** The newest version unless told which. */
  async read(at: S3Location, versionId?: string): Promise<Uint8Array> {
    const bytes = await this.#call('read', at, (client) =>
      unless(isMissingObject, async () => {
        const { Body } = await client.send(new GetObjectCommand({ ...named(at), VersionId: versionId }))
        return Body === undefined ? new Uint8Array(0) : await Body.transformToByteArray()
      }),
    )
    if (bytes === undefined) throw fileNotFound(s3Path(at.bucket, at.key))
    return bytes
  }

  async put(at: S3Location, bytes: Uint8Array, fileId: string): Promise<void> {
    await this.#call('write', at, (client) =>
      client.send(new PutObjectCommand({ ...named(at), Body: bytes, Metadata: { [FILE_ID]: fileId } })),
    )
  }

  /** False when there is an object. It may be our own, by a try whose answer was lost. */
  async putIfAbsent(at: S3Location, bytes: Uint8Array, fileId: string): Promise<boolean> {
    const input = { ...named(at), Body: bytes, Metadata: { [FILE_ID]: fileId }, IfNoneMatch: '*' }
    const answer = await this.#call('create', at, (client) =>
      unless(isPreconditionFailed, () => client.send(new PutObjectCommand(input))),
    )
    return answer !== undefined
  }

  head(at: S3Location): Promise<ObjectInfo | undefined> {
    return this.#call('look at', at, (client) =>
      unless(isMissingObject, async () => {
        const { ContentLength = 0, Metadata = {} } = await client.send(new HeadObjectCommand(named(at)))
        return { sizeBytes: ContentLength, fileId: Metadata[FILE_ID] }
      }),
    )
  }

  /** Every object whose key begins so, in S3's order. */
  async list(bucket: string, prefix: string): Promise<FileInfo[]> {
    const files: FileInfo[] = []
    let token: string | undefined
    do {
      const input = { Bucket: bucket, Prefix: prefix, ContinuationToken: token }
      const page = await this.#call('list', { bucket, key: prefix }, (client) =>
        client.send(new ListObjectsV2Command(input)),
      )
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        files.push({ path: s3Path(bucket, Key), sizeBytes: Size, modifiedMs: LastModified?.getTime() ?? 0 })
      }
      token = page.NextContinuationToken
    } while (token !== undefined)
    return files
  }

  /** Removes objects; missing ones are fine. */
  async delete(bucket: string, keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += 1000) {
      const objects = keys.slice(at, at + 1000).map((Key) => ({ Key }))
      const where = { bucket, key: keys[at] as string }
      await this.#call('delete', where, async (client) => {
        const Delete = { Objects: objects, Quiet: true }
        const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete }))
        const [first] = Errors
        if (first !== undefined) throw Object.assign(new Error(`${first.Key}: ${first.Message}`), { name: first.Code })
      })
    }
  }

  async startUpload(at: S3Location, fileId: string): Promise<string> {
    const input = { ...named(at), Metadata: { [FILE_ID]: fileId } }
    const { UploadId = '' } = await this.#call('open', at, (client) =>
      client.send(new CreateMultipartUploadCommand(input)),
    )
    return UploadId
  }

  /** Undefined when the upload is gone. */
  uploadPart(at: S3Location, uploadId: string, n: number, bytes: Uint8Array): Promise<UploadedPart | undefined> {
    const input = { ...named(at), UploadId: uploadId, PartNumber: n, Body: bytes }
    return this.#call('write', at, (client) =>
      unless(isMissingUpload, async () => {
        const { ETag = '' } = await client.send(new UploadPartCommand(input))
        return { n, etag: ETag, size: bytes.length }
      }),
    )
  }

  /** False when the upload is gone: aborted, or complete at a store that forgets those. */
  async completeUpload(
    at: S3Location,
    uploadId: string,
    parts: readonly UploadedPart[],
    lengthBytes: number,
  ): Promise<boolean> {
    const input = {
      ...named(at),
      UploadId: uploadId,
      MultipartUpload: { Parts: parts.map(({ n, etag }) => ({ PartNumber: n, ETag: etag })) },
      MpuObjectSize: lengthBytes,
    }
    const answer = await this.#call('commit', at, (client) =>
      unless(isMissingUpload, () => client.send(new CompleteMultipartUploadCommand(input))),
    )
    return answer !== undefined
  }

  /** Time of the newest part (epoch ms), 0 without parts; undefined when the upload is gone. */
  async uploadChangedMs(at: S3Location, uploadId: string): Promise<number | undefined> {
    let newestMs = 0
    let marker: string | undefined
    do {
      const input = { ...named(at), UploadId: uploadId, PartNumberMarker: marker }
      const page = await this.#call('look at', at, (client) =>
        unless(isMissingUpload, () => client.send(new ListPartsCommand(input))),
      )
      if (page === undefined) return undefined
      for (const { LastModified } of page.Parts ?? []) newestMs = Math.max(newestMs, LastModified?.getTime() ?? 0)
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined
    } while (marker !== undefined)
    return newestMs
  }

  async abortUpload(at: S3Location, uploadId: string): Promise<void> {
    await this.#call('discard', at, (client) =>
      unless(isMissingUpload, () => client.send(new AbortMultipartUploadCommand({ ...named(at), UploadId: uploadId }))),
    )
  }

  /** Every open upload whose key begins so. */
  async listUploads(bucket: string, prefix: string): Promise<UploadInfo[]> {
    const uploads: UploadInfo[] = []
    let marker: { readonly KeyMarker: string; readonly UploadIdMarker: string | undefined } | undefined
    do {
      const input = { Bucket: bucket, Prefix: prefix, ...marker }
      const page: ListMultipartUploadsCommandOutput = await this.#call('list', { bucket, key: prefix }, (client) =>
        client.send(new ListMultipartUploadsCommand(input)),
      )
      for (const { Key: key = '', UploadId: uploadId = '', Initiated } of page.Uploads ?? []) {
        uploads.push({ bucket, key, uploadId, initiatedMs: Initiated?.getTime() ?? 0 })
      }
      const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page
      const more = IsTruncated === true && NextKeyMarker !== undefined
      marker = more ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined
    } while (marker !== undefined)
    return uploads
  }

  async #call<R>(operation: string, at: S3Location, send: (client: S3Client) => Promise<R>): Promise<R> {
    const path = s3Path(at.bucket, at.key)
    const what = `To ${operation} ${path}`
    const call = () => this.#whereBucketIs(at.bucket, send).catch(worthRepeating)
    try {
      return await retrying(this.#around, what, this.#settings.unavailableAfterMs, call)
    } catch (error) {
      throw storageError(operation, path, error)
    }
  }

  /** S3 tells who asks in the wrong region which one is right: that is remembered. */
  async #whereBucketIs<R>(bucket: string, send: (client: S3Client) => Promise<R>): Promise<R> {
    try {
      return await send(this.#clients.get(bucket) ?? this.#client)
    } catch (error) {
      const region = redirectedTo(error)
      if (region === undefined) throw error
      const client = this.#newClient({ ...this.#settings, region })
      this.#clients.set(bucket, client)
      return await send(client)
    }
  }

  #newClient(settings: S3Settings): S3Client {
    const { credentials } = this.#around
    return new S3Client({
      ...unaryClientConfig('S3', settings),
      ...(credentials === undefined ? {} : { credentials }),
      forcePathStyle: settings.forcePathStyle,
      // The SDK's default, a CRC32 on everything, chokes other stores than AWS's.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }
}

/** Marks a failure that the common retry rules don't know: they are about services, these about S3. */
function worthRepeating(error: unknown): never {
  if (isConflict(error)) throw Object.assign(new Error('conflict', { cause: error }), { name: 'InternalError' })
  throw error
}

async function unless<R>(expected: (error: unknown) => boolean, send: () => Promise<R>): Promise<R | undefined> {
  try {
    return await send()
  } catch (error) {
    if (expected(error)) return undefined
    throw error
  }
}

function named({ bucket, key }: S3Location): { readonly Bucket: string; readonly Key: string } {
  return { Bucket: bucket, Key: key }
}
