import { NodeHttp2Handler, NodeHttpHandler } from '@smithy/node-http-handler'
import { type AwsOptions, type AwsServiceName, profileFor, resolveEndpoint, resolveRegion } from './aws-options.ts'

/** What every SDK client of ours is made with. */
export interface AwsClientConfig {
  readonly region?: string
  readonly endpoint?: string
  readonly credentials?: AwsOptions['credentials'] & {}
  readonly profile?: string
  /** One try: repeating is ours, so that throttles are seen and a stop interrupts a backoff. */
  readonly maxAttempts: 1
  /** Never asks the instance metadata service for defaults. */
  readonly defaultsMode: 'standard'
  readonly requestHandler: NodeHttpHandler | NodeHttp2Handler
}

const requestTimeoutMs = 30_000
const connectionTimeoutMs = 5_000
/** Longer than a subscription lives (five minutes), which ends it by itself. */
const eventStreamIdleMs = 60_000

/**
 * The configuration of a client for calls that answer at once: HTTP/1.1 over kept connections. HTTP/2 would share one
 * connection's flow-control window (64 KiB) between all answers, or open a connection a call.
 */
export function unaryClientConfig(service: AwsServiceName, options: AwsOptions, arn?: string): AwsClientConfig {
  return configWith(
    service,
    options,
    arn,
    new NodeHttpHandler({
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 256 },
      httpsAgent: { keepAlive: true, maxSockets: 256 },
    }),
  )
}

/** The configuration of a client for event streams: a connection of its own for each, so that one that is blocked blocks no other. */
export function eventStreamClientConfig(service: AwsServiceName, options: AwsOptions, arn?: string): AwsClientConfig {
  const handler =
    options.httpProtocol === 'http1.1'
      ? new NodeHttpHandler({
          connectionTimeout: connectionTimeoutMs,
          socketTimeout: eventStreamIdleMs,
          httpAgent: { keepAlive: false, maxSockets: Number.POSITIVE_INFINITY },
          httpsAgent: { keepAlive: false, maxSockets: Number.POSITIVE_INFINITY },
        })
      : new NodeHttp2Handler({ requestTimeout: eventStreamIdleMs, disableConcurrentStreams: true })
  return configWith(service, options, arn, handler)
}

function configWith(
  service: AwsServiceName,
  options: AwsOptions,
  arn: string | undefined,
  requestHandler: NodeHttpHandler | NodeHttp2Handler,
): AwsClientConfig {
  const region = resolveRegion(options, arn, process.env)
  const profile = profileFor(resolveEndpoint(options, service, process.env), process.env)
  return {
    ...(region === undefined ? {} : { region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(profile === undefined || options.credentials !== undefined ? {} : { profile }),
    ...(options.credentials === undefined ? {} : { credentials: { ...options.credentials } }),
    // The SDK writes into what it is given: above, credentials are copied.
    maxAttempts: 1,
    defaultsMode: 'standard',
    requestHandler,
  }
}
