import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as a fault rule sees it. */
export interface S3Request {
  /** Of the key that signed it. */
  readonly accessKeyId: string
  /** `PutObject`, `UploadPart`, … */
  readonly operation: string
  readonly key: string
  readonly count: number
}

/** Refuse with a status before anything happened, or do it and drop the answer. */
export type S3Fault = { readonly status: number; readonly code: string } | 'lose-answer'

/** Where the fake differs from AWS, and how old its uploads are. */
export interface FakeS3Settings {
  /** As MinIO: an upload is forgotten when it is complete. */
  readonly forgetsCompleted?: boolean
  readonly pageSize?: number
  readonly minPartSizeBytes?: number
  /** Where its buckets are: requests signed for another region are redirected. Any unless given. */
  readonly region?: string
}

interface StoredPart {
  readonly bytes: Uint8Array
  readonly etag: string
  readonly changedMs: number
}

interface Upload {
  readonly key: string
  readonly fileId: string
  readonly initiatedMs: number
  readonly parts: Map<number, StoredPart>
  completed: boolean
}

interface StoredObject {
  readonly bytes: Uint8Array
  readonly fileId: string
  readonly changedMs: number
}

interface Answer {
  readonly status?: number
  readonly xml?: string
  readonly bytes?: Uint8Array
  readonly headers?: Record<string, string>
}

class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

/**
 * The part of S3 that the file system uses, in memory, with any bucket, without authentication: for what the emulators
 * don't do, like lost answers, forgotten uploads and races. That it is like S3 is shown by running the same suites
 * against a server that others wrote.
 */
export class FakeS3 {
  readonly objects = new Map<string, StoredObject>()
  readonly uploads = new Map<string, Upload>()
  fault: (request: S3Request) => S3Fault | undefined = () => undefined
  requests = 0
  nowMs: () => number
  readonly #settings: Required<Omit<FakeS3Settings, 'region'>> & Pick<FakeS3Settings, 'region'>
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  #uploadIds = 0

  constructor(nowMs: () => number, settings: FakeS3Settings = {}) {
    this.nowMs = nowMs
    this.#settings = { forgetsCompleted: false, pageSize: 3, minPartSizeBytes: 1, ...settings }
  }

  /** Starts to listen on a free port of 127.0.0.1; answers the address. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = new URL(request.url ?? '/', 'http://s3')
    const [, , key = ''] = /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? []
    const operation = operationOf(request.method ?? '', key, url.searchParams)
    const [, accessKeyId = '', signedFor] =
      /Credential=([^/]+)\/\d+\/([^/]+)/.exec(request.headers.authorization ?? '') ?? []
    const { region } = this.#settings
    if (region !== undefined && region !== signedFor) {
      const headers = { 'x-amz-bucket-region': region }
      return send(response, { ...errorAnswer(301, 'PermanentRedirect'), headers }, request.method)
    }
    const fault = this.fault({ accessKeyId, operation, key, count: ++this.requests })
    if (typeof fault === 'object') return send(response, errorAnswer(fault.status, fault.code), request.method)
    let answer: Answer
    try {
      answer = this.#handle(operation, key, url.searchParams, request.headers, Buffer.concat(chunks))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      answer = errorAnswer(error.status, error.code)
    }
    if (fault === 'lose-answer') request.socket.destroy()
    else send(response, answer, request.method)
  }

  #handle(
    operation: string,
    key: string,
    query: URLSearchParams,
    headers: IncomingMessage['headers'],
    body: Uint8Array,
  ): Answer {
    const fileId = String(headers['x-amz-meta-millrace-file'] ?? '')
    switch (operation) {
      case 'GetObject': {
        const version = query.get('versionId')
        return { bytes: this.#object(version === null ? key : `${key}?${version}`, 'NoSuchKey').bytes }
      }
      case 'HeadObject': {
        const object = this.#object(key, 'NotFound')
        const length = String(object.bytes.length)
        return { headers: { 'content-length': length, 'x-amz-meta-millrace-file': object.fileId } }
      }
      case 'PutObject': {
        if (headers['if-none-match'] === '*' && this.objects.has(key)) throw new Refusal(412, 'PreconditionFailed')
        this.objects.set(key, { bytes: body, fileId, changedMs: this.nowMs() })
        return { headers: { etag: etagOf(body) } }
      }
      case 'DeleteObjects': {
        const keys = [
          ...Buffer.from(body)
            .toString()
            .matchAll(/<Key>([^<]*)<\/Key>/g),
        ].map((m) => unescaped(m[1] ?? ''))
        for (const each of keys) this.objects.delete(each)
        return { xml: '<DeleteResult/>' }
      }
      case 'ListObjectsV2':
        return this.#listObjects(query)
      case 'CreateMultipartUpload': {
        const uploadId = `upload-${++this.#uploadIds}`
        const upload = { key, fileId, initiatedMs: this.nowMs(), parts: new Map(), completed: false }
        this.uploads.set(uploadId, upload)
        return {
          xml: `<InitiateMultipartUploadResult><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`,
        }
      }
      case 'UploadPart': {
        const upload = this.#openUpload(query)
        const etag = etagOf(body)
        upload.parts.set(Number(query.get('partNumber')), { bytes: body, etag, changedMs: this.nowMs() })
        return { headers: { etag } }
      }
      case 'CompleteMultipartUpload':
        return this.#complete(query, Buffer.from(body).toString(), headers)
      case 'AbortMultipartUpload': {
        this.#openUpload(query)
        this.uploads.delete(query.get('uploadId') ?? '')
        return { status: 204 }
      }
      case 'ListParts': {
        const parts = [...this.#openUpload(query).parts].sort(([a], [b]) => a - b)
        const after = parts.filter(([n]) => n > Number(query.get('part-number-marker') ?? 0))
        const page = after.slice(0, this.#settings.pageSize)
        const items = page.map(([n, p]) => `<Part><PartNumber>${n}</PartNumber>${modified(p.changedMs)}</Part>`)
        const next = `<NextPartNumberMarker>${page.at(-1)?.[0] ?? 0}</NextPartNumberMarker>`
        const truncated = `<IsTruncated>${page.length < after.length}</IsTruncated>`
        return { xml: `<ListPartsResult>${items.join('')}${next}${truncated}</ListPartsResult>` }
      }
      case 'ListMultipartUploads':
        return this.#listUploads(query)
      default:
        throw new Refusal(501, 'NotImplemented')
    }
  }

  #complete(query: URLSearchParams, body: string, headers: IncomingMessage['headers']): Answer {
    const upload = this.uploads.get(query.get('uploadId') ?? '')
    if (upload === undefined) throw new Refusal(404, 'NoSuchUpload')
    const listed = [...body.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
      n: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: unescaped(/<ETag>([^<]*)</.exec(part)?.[1] ?? ''),
    }))
    const parts = listed.map(({ n, etag }) => {
      const part = upload.parts.get(n)
      if (part === undefined || part.etag !== etag) throw new Refusal(400, 'InvalidPart')
      return part
    })
    if (parts.length === 0) throw new Refusal(400, 'MalformedXML')
    if (listed.some(({ n }, i) => i > 0 && n <= (listed[i - 1]?.n ?? 0))) throw new Refusal(400, 'InvalidPartOrder')
    if (parts.slice(0, -1).some((part) => part.bytes.length < this.#settings.minPartSizeBytes)) {
      throw new Refusal(400, 'EntityTooSmall')
    }
    const bytes = Buffer.concat(parts.map((part) => part.bytes))
    if (Number(headers['x-amz-mp-object-size']) !== bytes.length) throw new Refusal(400, 'InvalidRequest')
    if (!upload.completed) this.objects.set(upload.key, { bytes, fileId: upload.fileId, changedMs: this.nowMs() })
    upload.completed = true
    if (this.#settings.forgetsCompleted) this.uploads.delete(query.get('uploadId') ?? '')
    return { xml: '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>' }
  }

  #listObjects(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? ''
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort()
    const after = keys.filter((key) => key > (query.get('continuation-token') ?? ''))
    const page = after.slice(0, this.#settings.pageSize)
    const items = page.map((key) => {
      const { bytes, changedMs } = this.#object(key, 'NoSuchKey')
      return `<Contents><Key>${escaped(key)}</Key><Size>${bytes.length}</Size>${modified(changedMs)}</Contents>`
    })
    const more = page.length < after.length
    const token = more ? `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>` : ''
    return { xml: `<ListBucketResult>${items.join('')}${token}<IsTruncated>${more}</IsTruncated></ListBucketResult>` }
  }

  #listUploads(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? ''
    const after = `${query.get('key-marker') ?? ''}\0${query.get('upload-id-marker') ?? ''}`
    const open = [...this.uploads]
      .filter(([, upload]) => !upload.completed && upload.key.startsWith(prefix))
      .map(([id, upload]) => ({ id, upload, place: `${upload.key}\0${id}` }))
      .filter(({ place }) => after === '\0' || place > after)
      .sort((a, b) => (a.place < b.place ? -1 : 1))
    const page = open.slice(0, this.#settings.pageSize)
    const items = page.map(({ id, upload }) => {
      const initiated = `<Initiated>${new Date(upload.initiatedMs).toISOString()}</Initiated>`
      return `<Upload><Key>${escaped(upload.key)}</Key><UploadId>${id}</UploadId>${initiated}</Upload>`
    })
    const last = page.at(-1)
    const next =
      last === undefined
        ? ''
        : `<NextKeyMarker>${escaped(last.upload.key)}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>`
    const truncated = `<IsTruncated>${page.length < open.length}</IsTruncated>`
    return { xml: `<ListMultipartUploadsResult>${items.join('')}${next}${truncated}</ListMultipartUploadsResult>` }
  }

  #object(key: string, missing: string): StoredObject {
    const object = this.objects.get(key)
    if (object === undefined) throw new Refusal(404, missing)
    return object
  }

  #openUpload(query: URLSearchParams): Upload {
    const upload = this.uploads.get(query.get('uploadId') ?? '')
    if (upload === undefined || upload.completed) throw new Refusal(404, 'NoSuchUpload')
    return upload
  }
}

function operationOf(method: string, key: string, query: URLSearchParams): string {
  const has = (name: string) => query.has(name)
  switch (method) {
    case 'GET':
      if (has('uploadId')) return 'ListParts'
      if (has('uploads')) return 'ListMultipartUploads'
      return key === '' ? 'ListObjectsV2' : 'GetObject'
    case 'HEAD':
      return 'HeadObject'
    case 'PUT':
      return has('uploadId') ? 'UploadPart' : 'PutObject'
    case 'POST':
      if (has('delete')) return 'DeleteObjects'
      return has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload'
    case 'DELETE':
      return 'AbortMultipartUpload'
    default:
      return method
  }
}

function send(response: ServerResponse, answer: Answer, method: string | undefined): void {
  const body = answer.bytes ?? Buffer.from(answer.xml === undefined ? '' : `<?xml version="1.0"?>${answer.xml}`)
  const type: Record<string, string> = answer.xml === undefined ? {} : { 'content-type': 'application/xml' }
  response.writeHead(answer.status ?? 200, { 'content-length': String(body.length), ...type, ...answer.headers })
  response.end(method === 'HEAD' ? undefined : body)
}

function errorAnswer(status: number, code: string): Answer {
  return { status, xml: `<Error><Code>${code}</Code><Message>${code}</Message></Error>` }
}

const etagOf = (bytes: Uint8Array) => `"${createHash('md5').update(bytes).digest('hex')}"`
const modified = (ms: number) => `<LastModified>${new Date(ms).toISOString()}</LastModified>`
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
const unescaped = (text: string) =>
  text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
