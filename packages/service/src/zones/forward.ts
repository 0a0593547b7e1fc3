import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Cancellable, Scheduler } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import type { ApiAnswer } from '../wire/api-service.ts'

/** Says that a node has passed a request on: the next one answers it or refuses it, so that it can't go round. */
export const forwardedHeader = 'x-millrace-forwarded-by'

/** A request as it came. */
export interface ForwardedRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const answerLimitMs = 15_000
/** As much as an API request may have; logs and monitoring answers are far smaller. */
const maxAnswerBytes = 16 << 20

/** Headers of one connection, not of the request. Source: RFC 9110, section 7.6.1. */
const perConnection = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Hands a request to the node that can answer it, unchanged: method, path, body, Host and every header that a signature
 * may cover. The other node verifies and authorizes it as if it had come from the client.
 * Errors: `ApiError` `ServiceUnavailableException` (503) when that node doesn't answer.
 */
export async function forwardRequest(
  request: ForwardedRequest,
  nodeUrl: string,
  by: string,
  scheduler: Scheduler,
): Promise<ApiAnswer> {
  const url = new URL(nodeUrl)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = forwardedHeaders(request, by)
  let timer: Cancellable | undefined
  try {
    return await new Promise<ApiAnswer>((resolve, reject) => {
      const sent = send(
        { host: url.hostname, port: url.port, method: request.method, path: request.target, headers, agent: false },
        (response) => readAnswer(response).then(resolve, reject),
      )
      timer = scheduler.after(answerLimitMs, () => sent.destroy(new Error('it did not answer in time')))
      sent.once('error', reject)
      sent.end(request.body)
    })
  } catch (error) {
    const reason = (error as Error).message
    throw new ApiError('ServiceUnavailableException', `The node that runs the application: ${reason}. Try again.`, 503)
  } finally {
    timer?.cancel()
  }
}

function forwardedHeaders({ headers, body }: ForwardedRequest, by: string): Record<string, string | string[]> {
  const sent: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !perConnection.has(name) && !name.startsWith(':')) sent[name] = value
  }
  // HTTP/2 has it under another name; the signature calls it host.
  const authority = headers[':authority']
  if (sent['host'] === undefined && typeof authority === 'string') sent['host'] = authority
  if (body.length > 0) sent['content-length'] = String(body.length)
  sent[forwardedHeader] = by
  return sent
}

async function readAnswer(response: IncomingMessage): Promise<ApiAnswer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length
    if (size > maxAnswerBytes) {
      response.destroy()
      throw new Error('its answer is too large')
    }
    parts.push(part)
  }
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (typeof value === 'string' && !perConnection.has(name) && name !== 'date') headers[name] = value
  }
  const { 'content-type': contentType = 'application/octet-stream', ...rest } = headers
  return { status: response.statusCode ?? 502, contentType, body: Buffer.concat(parts), headers: rest }
}
