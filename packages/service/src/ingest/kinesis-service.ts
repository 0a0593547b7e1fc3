import type { IncomingHttpHeaders } from 'node:http'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService, ErrorContext } from '../wire/api-service.ts'
import { decodeCbor, encodeCbor } from '../wire/cbor-codec.ts'
import { decodeJson, encodeJson, type WireValue } from '../wire/json-codec.ts'
import { RequestFields } from '../wire/request-fields.ts'
import { eventStreamOpened, type KinesisContext } from './kinesis-context.ts'
import { kinesisOperations } from './operations/index.ts'
import { authorizeStreamOperation } from './stream-authorization.ts'

const targetPrefix = 'Kinesis_20131202.'
const jsonType = 'application/x-amz-json-1.1'
const cborType = 'application/x-amz-cbor-1.1'

/** Members of newer service models that change what an operation does: refused by name, never ignored. */
const notOffered = ['DryRun', 'StreamId', 'WarmThroughputMiBps']

/** Kinesis Data Streams over JSON 1.1 and CBOR 1.1; the answer comes in the request's content type. */
export class KinesisService implements ApiService {
  readonly signingName = 'kinesis'
  readonly #context: KinesisContext

  constructor(context: KinesisContext) {
    this.#context = context
  }

  accepts(_method: string, _target: string, headers: IncomingHttpHeaders): boolean {
    return targetOf(headers).startsWith(targetPrefix)
  }

  async handle(call: ApiCall): Promise<ApiAnswer | undefined> {
    const name = targetOf(call.headers).slice(targetPrefix.length)
    const operation = kinesisOperations.get(name)
    if (operation === undefined) throw new ApiError('UnknownOperationException', `${name} is not offered here.`)
    const contentType = contentTypeOf(call.headers)
    const values = contentType === cborType ? decodeCbor(call.body) : decodeJson(call.body)
    const fields = new RequestFields(values)
    const refused = notOffered.find((member) => fields.has(member))
    if (refused !== undefined) throw invalidArgument(`${refused} is not offered here.`)
    authorizeStreamOperation(name, fields, call.access, this.#context)
    const result = await operation(fields, this.#context, call)
    if (result === eventStreamOpened) return undefined
    return encode(200, contentType, result)
  }

  describeError(error: { type: string; message: string; status: number }, call: ErrorContext): ApiAnswer {
    const body = { __type: error.type, message: error.message }
    const answer = encode(error.status, contentTypeOf(call.headers), body)
    return { ...answer, headers: { 'x-amzn-errortype': error.type } }
  }
}

function encode(status: number, contentType: string, value: WireValue): ApiAnswer {
  if (value === undefined) return { status, contentType, body: '' }
  return { status, contentType, body: contentType === cborType ? encodeCbor(value) : encodeJson(value) }
}

function contentTypeOf(headers: IncomingHttpHeaders): string {
  return headers['content-type']?.startsWith(cborType) === true ? cborType : jsonType
}

function targetOf(headers: IncomingHttpHeaders): string {
  const target = headers['x-amz-target']
  return typeof target === 'string' ? target : ''
}
