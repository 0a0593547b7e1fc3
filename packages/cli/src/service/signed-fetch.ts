import { createHash, createHmac } from 'node:crypto'
import { systemClock } from '@millrace/engine/spi'
import type { AccessKey } from './credentials.ts'

/** A request besides those that the AWS SDK makes. */
export interface SignedRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Path and query, whose characters need no encoding and whose parameters are in alphabetical order. */
  readonly target: string
  /** In whose name it's signed. */
  readonly service: string
  /** By names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** Sends a request that is signed as the API's calls are (AWS Signature Version 4). */
export function signedFetch(url: string, request: SignedRequest, region: string, key: AccessKey): Promise<Response> {
  const { method, target, body } = request
  const date = new Date(systemClock.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  const headers: Record<string, string> = { ...request.headers, host: new URL(url).host, 'x-amz-date': date }
  if (key.sessionToken !== undefined) headers['x-amz-security-token'] = key.sessionToken
  const authorization = sign(request, headers, region, key)
  const { host: _fetchSetsIt, ...sent } = headers
  const content = body === undefined ? {} : { body }
  return fetch(`${url}${target}`, { method, headers: { ...sent, authorization }, ...content })
}

function sign(
  { method, target, service, body = '' }: SignedRequest,
  headers: Readonly<Record<string, string>>,
  region: string,
  key: AccessKey,
): string {
  const date = headers['x-amz-date'] as string
  const names = Object.keys(headers).sort()
  const [path = '/', query = ''] = target.split('?')
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join('')
  const canonical = [method, path, query, canonicalHeaders, names.join(';'), hash(body)].join('\n')
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`
  let signingKey = Buffer.from(`AWS4${key.secretAccessKey}`)
  for (const part of scope.split('/')) signingKey = createHmac('sha256', signingKey).update(part).digest()
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(canonical)}`
  const signature = createHmac('sha256', signingKey).update(toSign).digest('hex')
  return `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}
