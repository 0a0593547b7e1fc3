import type { IncomingHttpHeaders } from 'node:http'

/** A call of an AWS API as it came over the wire. */
export interface Call {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** An answer in place of the target's. */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** A batch split in two: what is forwarded, and how the target's answer becomes one for all entries. */
export interface PartialBatch {
  /** Undefined when no entry is forwarded. */
  readonly body: Buffer | undefined
  /** `stored`: the target's answer, undefined when none was asked for. */
  merged(stored: string | undefined): Answer
}

/** How the calls of a family of AWS APIs look and how they fail. */
export interface WireProtocol {
  /** Name of the operation, as in the API reference; `''` when it isn't one. */
  operation(call: Call): string
  /** The service's way to say: too much. */
  throttled(): Answer
  /** Fails those entries of the call's batch that `fails` says, one by one. */
  failSome(call: Call, fails: () => boolean): PartialBatch
}

/** An answer of the JSON protocol's services. */
export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, contentType: 'application/x-amz-json-1.1', body: JSON.stringify(body) }
}

/** An error of the JSON protocol's services. */
export function jsonError(type: string): Answer {
  return jsonAnswer(400, { __type: type, message: 'by the fault proxy' })
}

const json: WireProtocol = {
  operation: ({ headers }) => String(headers['x-amz-target'] ?? '').split('.')[1] ?? '',
  throttled: () => jsonError('ProvisionedThroughputExceededException'),
  /** PutRecords. */
  failSome({ body }, fails) {
    const asked = JSON.parse(body.toString()) as { Records: unknown[] }
    const failed = asked.Records.map(() => fails())
    const Records = asked.Records.filter((_, i) => !failed[i])
    const failure = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded' }
    return {
      body: Records.length === 0 ? undefined : Buffer.from(JSON.stringify({ ...asked, Records })),
      merged(stored) {
        const taken = stored === undefined ? [] : (JSON.parse(stored) as { Records: unknown[] }).Records
        const answers = failed.map((is) => (is ? failure : taken.shift()))
        return jsonAnswer(200, { FailedRecordCount: failed.filter(Boolean).length, Records: answers })
      },
    }
  },
}

const xml = (status: number, body: string): Answer => ({ status, contentType: 'text/xml', body })

/** SNS: form bodies, XML answers. */
const query: WireProtocol = {
  operation: ({ body }) => new URLSearchParams(body.toString()).get('Action') ?? '',
  throttled: () =>
    xml(
      400,
      '<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>' +
        '<RequestId>by-the-fault-proxy</RequestId></ErrorResponse>',
    ),
  /** PublishBatch. */
  failSome({ body }, fails) {
    const kept = new URLSearchParams()
    const failed = new Map<string, string>()
    const failedNumbers = new Set<string>()
    let open = 0
    for (const [name, value] of new URLSearchParams(body.toString())) {
      const number = /^PublishBatchRequestEntries\.member\.(\d+)\./.exec(name)?.[1]
      if (number !== undefined && name.endsWith(`.${number}.Id`)) {
        if (fails()) {
          failed.set(number, value)
          failedNumbers.add(number)
        } else open++
      }
      if (number === undefined || !failedNumbers.has(number)) kept.append(name, value)
    }
    const members = [...failed.values()].map(
      (id) =>
        `<member><Id>${id}</Id><Code>InternalError</Code><Message>by the fault proxy</Message>` +
        '<SenderFault>false</SenderFault></member>',
    )
    return {
      body: open === 0 ? undefined : Buffer.from(renumbered(kept).toString()),
      merged(stored) {
        const successful = /<Successful>[\s\S]*<\/Successful>/.exec(stored ?? '')?.[0] ?? '<Successful/>'
        return xml(
          200,
          '<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>' +
            `${successful}<Failed>${members.join('')}</Failed></PublishBatchResult>` +
            '<ResponseMetadata><RequestId>by-the-fault-proxy</RequestId></ResponseMetadata></PublishBatchResponse>',
        )
      },
    }
  },
}

/** Entries counted from 1 without gaps: at a gap, servers stop reading. */
function renumbered(form: URLSearchParams): URLSearchParams {
  const numbers = new Map<string, number>()
  const result = new URLSearchParams()
  for (const [name, value] of form) {
    const changed = name.replace(
      /^(PublishBatchRequestEntries\.member\.)(\d+)/,
      (_, prefix: string, number: string) => {
        if (!numbers.has(number)) numbers.set(number, numbers.size + 1)
        return `${prefix}${numbers.get(number)}`
      },
    )
    result.append(changed, value)
  }
  return result
}

/** S3: the operation is in method, path and query. */
const rest: WireProtocol = {
  operation({ method, path, headers }) {
    const { pathname, searchParams: has } = new URL(path, 'http://s3')
    const object = pathname.split('/').filter((part) => part !== '').length > 1
    switch (method) {
      case 'GET':
        if (!object) return has.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2'
        return has.has('uploadId') ? 'ListParts' : 'GetObject'
      case 'HEAD':
        return object ? 'HeadObject' : 'HeadBucket'
      case 'PUT':
        if (!object) return 'CreateBucket'
        if (has.has('partNumber')) return 'UploadPart'
        return headers['if-none-match'] === undefined ? 'PutObject' : 'PutObject (conditional)'
      case 'POST':
        if (has.has('delete')) return 'DeleteObjects'
        return has.has('uploadId') ? 'CompleteMultipartUpload' : 'CreateMultipartUpload'
      case 'DELETE':
        return has.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject'
      default:
        return ''
    }
  },
  throttled: () => ({
    status: 503,
    contentType: 'application/xml',
    body: '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
  }),
  failSome() {
    throw new Error('no call of S3 that the file system makes fails in part')
  },
}

/** Which API a call belongs to: JSON has its target header, SNS a form, the rest is S3. */
export function protocolOf({ headers }: Call): WireProtocol {
  if (headers['x-amz-target'] !== undefined) return json
  return headers['content-type']?.startsWith('application/x-www-form-urlencoded') ? query : rest
}
