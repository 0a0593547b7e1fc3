import { EngineError } from '@millrace/engine/spi'
import { type OptionChecks, oneOf, optional, text } from './check-options.ts'

/** Fixed credentials. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** How an AWS service is reached. Everything left out comes from the SDK's standard environment and files. */
export interface AwsOptions {
  /** Base address, e.g. `http://127.0.0.1:7700`. Else `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, the profile, AWS itself. */
  readonly endpoint?: string
  /** Else `AWS_REGION`, `AWS_DEFAULT_REGION`, the region of the resource's ARN, the profile. */
  readonly region?: string
  /** Else the SDK's chain: environment, profile, single sign-on, web identity, container, instance. */
  readonly credentials?: AwsCredentials
  /** Protocol of event streams: `http2` (default), or `http1.1` for endpoints whose HTTP/2 is incomplete. */
  readonly httpProtocol?: 'http1.1' | 'http2'
}

/** Checks of `aws: {…}`, for the option tables of connectors. */
export const awsOptionChecks: OptionChecks<AwsOptions> = {
  endpoint: optional((value) => (isHttpUrl(value) ? undefined : 'must be an http:// or https:// address')),
  region: optional(text),
  credentials: optional(credentialsCheck),
  httpProtocol: optional(oneOf('http1.1', 'http2')),
}

/** What a provider of the SDK gave carries more members than these; they do no harm. */
function credentialsCheck(value: unknown): string | undefined {
  const { accessKeyId, secretAccessKey, sessionToken } = (value ?? {}) as Partial<Record<keyof AwsCredentials, unknown>>
  const complete = text(accessKeyId, '') === undefined && text(secretAccessKey, '') === undefined
  return complete && (sessionToken === undefined || typeof sessionToken === 'string')
    ? undefined
    : 'must have accessKeyId, secretAccessKey and perhaps sessionToken, all strings'
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}

/**
 * The region by option, environment and ARN, in that order; undefined leaves it to the SDK (the profile).
 * The JavaScript SDK ignores `AWS_DEFAULT_REGION`, which containers often set alone.
 */
export function resolveRegion(
  options: AwsOptions,
  arn: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return options.region ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? regionOfArn(arn)
}

/** A service as the SDK's environment variables name it. */
export type AwsServiceName = 'KINESIS' | 'S3' | 'SNS'

/** The address that the SDK will take, but for one in a profile; undefined: AWS's own. */
export function resolveEndpoint(
  { endpoint }: Pick<AwsOptions, 'endpoint'>,
  service: AwsServiceName,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (endpoint !== undefined) return endpoint
  if (environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true') return undefined
  return environment[`AWS_ENDPOINT_URL_${service}`] || environment['AWS_ENDPOINT_URL'] || undefined
}

/**
 * The profile with which requests to an address are signed: `millrace` for the endpoints in `MILLRACE_ENDPOINTS`, which the
 * service tells its applications beside that profile; undefined leaves it to the SDK.
 */
export function profileFor(
  endpoint: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const own = environment['MILLRACE_ENDPOINTS']?.split(' ').map(originOf) ?? []
  return endpoint !== undefined && own.includes(originOf(endpoint)) ? 'millrace' : undefined
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url
}

function regionOfArn(arn: string | undefined): string | undefined {
  return arn?.split(':')[3] || undefined
}

/** The parts of an ARN that metrics and messages name. Throws `AWS_ARN_INVALID`. */
export function parseArn(arn: string): { region: string; accountId: string; resource: string } {
  const [prefix, , , region, accountId, ...resource] = arn.split(':')
  if (prefix !== 'arn' || region === undefined || accountId === undefined || resource.length === 0) {
    throw new EngineError('AWS_ARN_INVALID', {
      kind: 'invalid',
      message: `'${arn}' isn't an ARN.`,
      hint: 'An ARN looks like arn:aws:kinesis:us-east-1:123456789012:stream/orders.',
      details: { arn },
    })
  }
  return { region, accountId, resource: resource.join(':') }
}
