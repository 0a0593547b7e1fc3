import { EngineError } from '@millrace/engine'

/** How a role's credentials for AWS are got, besides where from. */
export interface AwsSourceOptions {
  readonly awsProfile?: string
  readonly externalId?: string
}

/** Where a role's credentials for AWS come from, as the service tells. */
export interface AwsSource {
  readonly From: string
  readonly Profile?: string
  readonly RoleArn?: string
}

/**
 * What the service calls `node`, `profile:NAME` or the ARN of a role at AWS; undefined for `none`.
 * Errors: `AWS_SOURCE_INVALID` (invalid).
 */
export function awsSourceOf(source: string, { awsProfile, externalId }: AwsSourceOptions): object | undefined {
  const more = {
    ...(awsProfile === undefined ? {} : { Profile: awsProfile }),
    ...(externalId === undefined ? {} : { ExternalId: externalId }),
  }
  if (source.startsWith('arn:')) return { From: 'role', RoleArn: source, ...more }
  if (Object.keys(more).length > 0) throw invalid('--aws-profile and --external-id belong to the ARN of a role at AWS.')
  if (source === 'none') return undefined
  if (source === 'node') return { From: 'node' }
  if (source.startsWith('profile:')) return { From: 'profile', Profile: source.slice('profile:'.length) }
  throw invalid(`'${source}' is nowhere that credentials for AWS come from.`)
}

/** A source as it's typed. */
export function awsSourceText(aws: AwsSource): string {
  if (aws.From === 'profile') return `profile:${aws.Profile}`
  if (aws.From === 'role') return `${aws.RoleArn}${aws.Profile === undefined ? '' : ` by profile:${aws.Profile}`}`
  return aws.From
}

function invalid(message: string): EngineError {
  return new EngineError('AWS_SOURCE_INVALID', {
    kind: 'invalid',
    message,
    hint: 'Give node, profile:NAME, arn:aws:iam::ACCOUNT:role/NAME or none.',
  })
}
