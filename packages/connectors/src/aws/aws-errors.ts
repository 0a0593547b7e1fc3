import { EngineError } from '@millrace/engine/spi'

/**
 * What a failed AWS call asks for.
 *
 * - `throttled`: slow down and repeat.
 * - `transient`: the network or the service failed; repeat.
 * - `expired`: an iterator or token is too old; take a fresh one.
 * - `in-use`: the resource is being used or changed; wait.
 * - `missing`: the resource isn't there.
 * - `denied`: credentials or permissions; repeating is useless.
 * - `rejected`: the request is wrong, or the service can't do it.
 */
export type AwsErrorClass = 'throttled' | 'transient' | 'expired' | 'in-use' | 'missing' | 'denied' | 'rejected'

const throttles =
  /^(Throttl\w*|ProvisionedThroughputExceeded(Exception)?|LimitExceeded(Exception)?|RequestLimitExceeded|RequestThrottled(Exception)?|KMSThrottling(Exception)?|Throttled|SlowDown|TooManyRequests(Exception)?|BandwidthLimitExceeded)$/
const denials =
  /^(AccessDenied(Exception)?|UnrecognizedClient(Exception)?|InvalidSignature(Exception)?|SignatureDoesNotMatch|IncompleteSignature(Exception)?|InvalidClientTokenId|MissingAuthenticationToken(Exception)?|NotAuthorized|OptInRequired|CredentialsProviderError|InvalidAccessKeyId)$/
const transientNames =
  /^(TimeoutError|RequestTimeout(Exception)?|InternalFailure(Exception)?|InternalError|InternalServerError|ServiceUnavailable(Exception)?|ExpiredToken(Exception)?|RequestTimeTooSkewed|RequestExpired|AbortError)$/
/** By what the SDK says of a region, for it has no name for these: no request was made. */
const regionProblems = /^Region (is missing|not accepted)/
const absences = /^(ResourceNotFoundException|NotFoundException|NoSuchBucket|NoSuchVersion)$/
const expiries = /^Expired(Iterator|NextToken)Exception$/

interface SdkErrorShape {
  readonly name?: string
  readonly message?: string
  readonly code?: unknown
  readonly $fault?: 'client' | 'server'
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean }
}

/**
 * Classifies what an SDK client threw, by name first (Kinesis and SNS throttle with status 400), then by status;
 * whatever has no HTTP answer (refused, reset, cut short) is transient.
 */
export function classifyAwsError(error: unknown): AwsErrorClass {
  const { name = '', message = '', $fault, $metadata } = (error ?? {}) as SdkErrorShape
  if (throttles.test(name)) return 'throttled'
  if (expiries.test(name)) return 'expired'
  // The SDK has taken the server's clock from this very answer; the next signature is right.
  if ($metadata?.clockSkewCorrected === true) return 'transient'
  if (absences.test(name)) return 'missing'
  if (name === 'ResourceInUseException') return 'in-use'
  if (denials.test(name)) return 'denied'
  if (transientNames.test(name)) return 'transient'
  if (regionProblems.test(message)) return 'rejected'
  const status = $metadata?.httpStatusCode
  if (status === undefined) return $fault === undefined ? 'transient' : byFault($fault)
  if (status === 429) return 'throttled'
  if (status >= 500) return 'transient'
  // An answer cut short or garbled on its way surfaces with its successful status.
  return status < 300 ? 'transient' : 'rejected'
}

const byFault = (fault: 'client' | 'server'): AwsErrorClass => (fault === 'server' ? 'transient' : 'rejected')

/** The job's error for a call that can't be repeated any more. `what` names the call, e.g. `Reading shard-0 of stream orders`. */
export function awsFailure(what: string, error: unknown, details: Readonly<Record<string, unknown>> = {}): EngineError {
  const kindOf = classifyAwsError(error)
  const name = (error as Error | undefined)?.name ?? 'unknown error'
  const message = (error as Error | undefined)?.message ?? String(error)
  const invalid = kindOf === 'denied' || kindOf === 'rejected' || kindOf === 'missing'
  return new EngineError(codes[kindOf], {
    kind: invalid ? 'invalid' : 'unavailable',
    message: `${what} failed: ${name}: ${message}`,
    hint: regionProblems.test(message) ? 'Set AWS_REGION to the region, such as us-east-1.' : hints[kindOf],
    details: { ...details, awsError: name },
    cause: error,
  })
}

const codes: Record<AwsErrorClass, string> = {
  throttled: 'AWS_THROTTLED',
  transient: 'AWS_UNAVAILABLE',
  expired: 'AWS_UNAVAILABLE',
  'in-use': 'AWS_RESOURCE_IN_USE',
  missing: 'AWS_RESOURCE_MISSING',
  denied: 'AWS_ACCESS_DENIED',
  rejected: 'AWS_REQUEST_REJECTED',
}

const hints: Record<AwsErrorClass, string> = {
  throttled: 'Too many calls share this resource; raise its capacity or use fewer readers.',
  transient: 'Check that the endpoint is up and can be reached from here.',
  expired: 'Check that the endpoint is up and can be reached from here.',
  'in-use': 'Another application uses the resource or it is being changed; wait or choose another name.',
  missing: 'Check the name, the region and the account.',
  denied: 'Check the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE, …) and the permissions they carry.',
  rejected: "Check the option that the message names against the service's limits.",
}
