import { type ApiError, invalidArgument } from '../wire/api-error.ts'
import type { RequestFields } from '../wire/request-fields.ts'

/**
 * Where a role's credentials for AWS's own services come from. No secret is in it.
 *
 * - `node`: what the SDK finds where the service runs: environment, profile, single sign-on, container, instance.
 * - `profile`: that profile of the AWS configuration there.
 * - `role`: STS AssumeRole with the credentials of the node, or of a profile there.
 */
export type RoleAwsSource =
  | { readonly from: 'node' }
  | { readonly from: 'profile'; readonly profile: string }
  | {
      readonly from: 'role'
      readonly roleArn: string
      readonly externalId?: string | undefined
      readonly profile?: string | undefined
    }

const profileRule = { minLength: 1, maxLength: 128, pattern: /^[^\s[\]]+$/ }
const roleArnRule = { maxLength: 2048, pattern: /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/ }
/** As STS has it. */
const externalIdRule = { minLength: 2, maxLength: 1224, pattern: /^[\w+=,.@:/-]+$/ }

/** Which members there may be besides `From`. */
const allowed: Record<RoleAwsSource['from'], readonly string[]> = {
  node: [],
  profile: ['Profile'],
  role: ['RoleArn', 'ExternalId', 'Profile'],
}

/** The source that a request's `Aws` says. Errors: `ValidationException`, `InvalidArgumentException`. */
export function awsSourceIn(fields: RequestFields): RoleAwsSource {
  const from = fields.string('From', { oneOf: Object.keys(allowed) }) as RoleAwsSource['from']
  for (const member of allowed.role) {
    if (fields.has(member) && !allowed[from].includes(member)) {
      throw invalidArgument(`Aws.${member} says nothing when Aws.From is ${from}.`)
    }
  }
  if (from === 'node') return { from }
  if (from === 'profile') return { from, profile: fields.string('Profile', profileRule) }
  const externalId = fields.optionalString('ExternalId', externalIdRule)
  const profile = fields.optionalString('Profile', profileRule)
  return {
    from,
    roleArn: fields.string('RoleArn', roleArnRule),
    ...(externalId === undefined ? {} : { externalId }),
    ...(profile === undefined ? {} : { profile }),
  }
}

/** A source as the API shows and takes it. */
export function describeAwsSource(source: RoleAwsSource): Readonly<Record<string, string | undefined>> {
  if (source.from === 'node') return { From: source.from }
  if (source.from === 'profile') return { From: source.from, Profile: source.profile }
  const { from, roleArn, externalId, profile } = source
  return { From: from, RoleArn: roleArn, ExternalId: externalId, Profile: profile }
}

/** What who needs a role with credentials for AWS is told when it has none. */
export function awsSourceMissing(roleArn: string): ApiError {
  return invalidArgument(`Role ${roleArn} has no credentials for AWS. ${awsSourceHint(roleArn)}`)
}

/** What gives a role credentials for AWS. */
export function awsSourceHint(roleArn: string): string {
  const name = roleArn.slice(roleArn.lastIndexOf('/') + 1)
  return (
    `An administrator gives it some with 'millrace access roles aws ${name} node', or with profile:NAME or the ARN of a ` +
    'role at AWS in place of node.'
  )
}
