import type { IncomingHttpHeaders } from 'node:http'
import { ApiError } from '../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService, ErrorContext } from '../wire/api-service.ts'
import { QueryFields } from '../wire/query-fields.ts'
import { encodeXml, type XmlValue } from '../wire/xml.ts'
import { certificatePath } from './notification-document.ts'
import { snsOperations } from './operations/index.ts'
import type { SnsContext } from './sns-context.ts'
import { authorizeTopicOperation } from './topic-authorization.ts'

const namespace = 'http://sns.amazonaws.com/doc/2010-03-31/'

/** SNS has its own names for what all services share. */
const commonErrors: Record<string, string> = {
  UnrecognizedClientException: 'InvalidClientTokenId',
  InvalidSignatureException: 'SignatureDoesNotMatch',
  AccessDeniedException: 'AuthorizationError',
  ThrottlingException: 'Throttling',
  ServiceUnavailableException: 'ServiceUnavailable',
  InternalFailure: 'InternalError',
}

/** SNS over the query protocol: a form comes in, XML goes out. */
export class SnsService implements ApiService {
  readonly signingName = 'sns'
  readonly #context: SnsContext
  readonly #certificatePem: string

  constructor(context: SnsContext, certificatePem: string) {
    this.#context = context
    this.#certificatePem = certificatePem
  }

  accepts(method: string, target: string, headers: IncomingHttpHeaders): boolean {
    if (method === 'GET') return this.isUnsigned(method, target)
    const contentType = headers['content-type'] ?? ''
    return headers['x-amz-target'] === undefined && contentType.startsWith('application/x-www-form-urlencoded')
  }

  /** The links in messages: the certificate is public, and confirming is allowed by the token. */
  isUnsigned(method: string, target: string): boolean {
    if (method !== 'GET') return false
    return target === certificatePath || actionOfLink(target) === 'ConfirmSubscription'
  }

  async handle(call: ApiCall): Promise<ApiAnswer> {
    if (call.target === certificatePath) {
      return { status: 200, contentType: 'application/x-pem-file', body: this.#certificatePem }
    }
    const fields = QueryFields.parse(
      actionOfLink(call.target) === undefined ? call.body.toString() : queryOf(call.target),
    )
    const action = fields.optional('Action') ?? ''
    const operation = snsOperations.get(action)
    if (operation === undefined) {
      throw new ApiError('InvalidAction', `The action ${action.slice(0, 64)} is not offered here.`)
    }
    // A link has no key; its token is what allows it.
    if (call.principal.kind !== 'anonymous') authorizeTopicOperation(action, fields, call.access, this.#context)
    const result = await operation(fields, this.#context)
    return { status: 200, contentType: 'text/xml', body: answerXml(action, result, call.requestId) }
  }

  describeError(error: { type: string; message: string; status: number }, call: ErrorContext): ApiAnswer {
    const Code = commonErrors[error.type] ?? error.type
    const Type = error.status >= 500 ? 'Receiver' : 'Sender'
    const content = encodeXml({ Error: { Type, Code, Message: error.message }, RequestId: call.requestId })
    const body = `<ErrorResponse xmlns="${namespace}">${content}</ErrorResponse>`
    return { status: error.status, contentType: 'text/xml', body }
  }
}

function answerXml(action: string, result: XmlValue, requestId: string): string {
  const content = encodeXml({ [`${action}Result`]: result ?? '', ResponseMetadata: { RequestId: requestId } })
  return `<${action}Response xmlns="${namespace}">${content}</${action}Response>`
}

function actionOfLink(target: string): string | undefined {
  return new URLSearchParams(queryOf(target)).get('Action') ?? undefined
}

function queryOf(target: string): string {
  const at = target.indexOf('?')
  return at < 0 ? '' : target.slice(at + 1)
}
