import type { KinesisAnalyticsV2Client } from '@aws-sdk/client-kinesis-analytics-v2'
import { EngineError } from '@millrace/engine'
import { type AccessKey, localCredentials } from './credentials.ts'
import { hintOf } from './service-error.ts'
import { type SignedRequest, signedFetch } from './signed-fetch.ts'

/** Options of every command that speaks with a service. */
export interface ServiceOptions {
  readonly url?: string
  readonly json: boolean
}

type Api = typeof import('@aws-sdk/client-kinesis-analytics-v2')

/** What an operation answers with. */
export type Answer = Readonly<Record<string, unknown>>

/** A service and how to reach it. */
export interface ServiceConnection {
  readonly url: string
  readonly api: Api
  readonly client: KinesisAnalyticsV2Client
  /** A signed GET of what the service offers besides Amazon's API. */
  get(target: string): Promise<Response>
  /** A signed POST of JSON to it. */
  post(target: string, body: object): Promise<Response>
  /** An operation of Amazon's API as JSON, for what the SDK doesn't know. Errors: the service's, by their names. */
  call(operation: string, input: object): Promise<Answer>
  /** An operation of access control. Errors: the service's, by their names. */
  access(operation: string, input: object): Promise<Answer>
}

const DEFAULT_URL = 'http://127.0.0.1:7700'
const DEFAULT_REGION = 'us-east-1'

/**
 * Opens the service of `--url`, of MILLRACE_URL, or the one on this machine's port 7700. Its key is the one in
 * MILLRACE_HOME (`.millrace`), or what the AWS SDK's environment says. Errors (invalid): `URL_INVALID`, `CREDENTIALS_INVALID`.
 */
export async function connectService(options: Pick<ServiceOptions, 'url'>): Promise<ServiceConnection> {
  const url = serviceUrl(options.url)
  const key = localCredentials()
  const region = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? DEFAULT_REGION
  // Its SDK takes a while to load: commands that don't need it start without.
  const api = await import('@aws-sdk/client-kinesis-analytics-v2')
  const client = new api.KinesisAnalyticsV2Client({
    endpoint: url,
    region,
    maxAttempts: 5,
    ...(key === undefined ? {} : { credentials: key }),
  })
  const send = async (request: SignedRequest) =>
    signedFetch(url, request, region, (await client.config.credentials()) as AccessKey)
  const ask = async (service: string, operation: string, input: object) => {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': operation }
    const response = await send({ method: 'POST', target: '/', service, headers, body: JSON.stringify(input) })
    const answer = (await response.json()) as Answer
    if (response.ok) return answer
    throw refused(String(answer['__type']), String(answer['message']))
  }
  return {
    url,
    api,
    client,
    get: (target) => send({ method: 'GET', target, service: 'kinesisanalytics' }),
    post: (target, body) => send({ method: 'POST', target, service: 'kinesisanalytics', body: JSON.stringify(body) }),
    call: (operation, input) => ask('kinesisanalytics', `KinesisAnalytics_20180523.${operation}`, input),
    access: (operation, input) => ask('millrace', `MillraceAccess.${operation}`, input),
  }
}

function refused(code: string, message: string): EngineError {
  const hint = hintOf(code)
  return new EngineError(code, { kind: 'invalid', message, ...(hint === undefined ? {} : { hint }) })
}

function serviceUrl(option: string | undefined): string {
  const text = option ?? process.env['MILLRACE_URL'] ?? DEFAULT_URL
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '')
  throw new EngineError('URL_INVALID', {
    kind: 'invalid',
    message: `'${text}' is not the address of a service.`,
    hint: `Give one such as ${DEFAULT_URL} with --url or MILLRACE_URL.`,
  })
}
