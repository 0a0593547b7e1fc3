/** Requests signed by hand, so that a test can break any part of them. */
import { createHash, createHmac } from 'node:crypto'
import { systemClock } from '@millrace/engine/spi'
import { canonicalRequest } from './signature-v4.ts'

export interface TestKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface TestRequest {
  readonly method?: string
  /** Path and query. */
  readonly path?: string
  readonly service?: string
  readonly region?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Epoch ms that it is signed for; now unless given. */
  readonly signedMs?: number
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** The headers of a signed request. */
export function signedHeaders(url: string, key: TestKey, request: TestRequest): Record<string, string> {
  const { method = 'POST', path = '/', service = 'kinesisanalytics', region = 'us-east-1', body = '' } = request
  const date = new Date(request.signedMs ?? systemClock.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  const headers: Record<string, string> = {
    ...request.headers,
    host: new URL(url).host,
    'x-amz-date': date,
    ...(key.sessionToken === undefined ? {} : { 'x-amz-security-token': key.sessionToken }),
  }
  const names = Object.keys(headers).sort()
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`
  const canonical = canonicalRequest({ method, target: path, headers }, names, hash(body))
  let signingKey: Buffer | string = `AWS4${key.secretAccessKey}`
  for (const part of scope.split('/')) signingKey = createHmac('sha256', signingKey).update(part).digest()
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(canonical)}`
  const signature = createHmac('sha256', signingKey).update(toSign).digest('hex')
  const credential = `${key.accessKeyId}/${scope}`
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  const { host: _fetchSetsIt, ...sent } = headers
  return { ...sent, authorization }
}

/** What an endpoint answered: the error's name is that of an AWS JSON API. */
export interface TestAnswer {
  readonly status: number
  readonly error: string | undefined
  readonly text: string
  readonly json: Record<string, never>
  readonly headers: Headers
}

/** Sends a signed request. */
export function sendSigned(url: string, key: TestKey, request: TestRequest): Promise<TestAnswer> {
  return send(url, request, signedHeaders(url, key, request))
}

/** Sends a request with these headers as they are. */
export async function send(
  url: string,
  { method = 'POST', path = '/', body }: TestRequest,
  headers: Readonly<Record<string, string>>,
): Promise<TestAnswer> {
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const response = await fetch(`${url}${path}`, { method, headers, ...(hasBody ? { body: body ?? '' } : {}) })
  const text = await response.text()
  const isJson = text.startsWith('{')
  const error = response.headers.get('x-amzn-errortype') ?? undefined
  return { status: response.status, error, text, json: isJson ? JSON.parse(text) : {}, headers: response.headers }
}

/** A call of a JSON API, such as `MillraceAccess.CreateUser`. */
export function jsonCall(target: string, input: object = {}): TestRequest {
  const services: Record<string, string> = { MillraceAccess: 'millrace', Kinesis_20131202: 'kinesis' }
  return {
    service: services[target.split('.')[0]!] ?? 'kinesisanalytics',
    headers: { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(input),
  }
}

/** Carries out an operation of `MillraceAccess`. Errors: when it's refused. */
export async function manageAccess(url: string, key: TestKey, operation: string, input: object = {}) {
  const answer = await sendSigned(url, key, jsonCall(`MillraceAccess.${operation}`, input))
  if (answer.status !== 200) throw new Error(`${operation}: ${answer.text}`)
  return answer.json as Record<string, unknown>
}

/** A user with a key and one policy of these statements. */
export async function createUser(url: string, root: TestKey, UserName: string, Statement: object, Tags = {}) {
  await manageAccess(url, root, 'CreateUser', { UserName, Tags })
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
  await manageAccess(url, root, 'PutPolicy', { UserName, PolicyName: 'test', PolicyDocument })
  const made = (await manageAccess(url, root, 'CreateAccessKey', { UserName }))['AccessKey'] as Record<string, string>
  return { accessKeyId: made['AccessKeyId']!, secretAccessKey: made['SecretAccessKey']! } satisfies TestKey
}
