import { readFileSync } from 'node:fs'
import { EngineError } from '@millrace/engine'
import { answer, withService } from './answer.ts'
import { type AwsSource, type AwsSourceOptions, awsSourceOf, awsSourceText } from './aws-source.ts'
import type { ServiceOptions } from './service-connection.ts'

/** Whose policies are meant: one of both. */
export interface OwnerOptions extends ServiceOptions {
  readonly user?: string
  readonly role?: string
}

/** What a new user or role is given; the last ones a role alone. */
export interface NewOwnerOptions extends AwsSourceOptions {
  readonly tag?: readonly string[]
  readonly description?: string
  readonly aws?: string
}

interface Key {
  readonly AccessKeyId: string
  readonly UserName?: string
  readonly Status: string
  readonly SecretAccessKey?: string
  /** Of an administrator: the machine of its process, when that was started (epoch seconds), whether it's the one that answers. */
  readonly Host?: string
  readonly StartDate?: number
  readonly IsOwn?: boolean
}

interface Owner {
  readonly UserName?: string
  readonly RoleName?: string
  readonly Arn: string
  readonly PolicyNames: readonly string[]
  readonly AccessKeys?: readonly Key[]
  readonly Aws?: AwsSource
}

/** Runs one operation of access control and prints its answer. */
function ask<T>(
  options: ServiceOptions,
  operation: string,
  input: object,
  text: (answer: T) => string,
): Promise<number> {
  return withService(options, async (connection) => {
    const result = await connection.access(operation, input)
    answer(options.json, result, text(result as T))
  })
}

export function listUsersCommand(options: ServiceOptions): Promise<number> {
  return ask<{ Users: readonly Owner[] }>(options, 'ListUsers', {}, ({ Users }) =>
    Users.length === 0 ? 'no users: there is the key in the data directory' : Users.map(userLine).join('\n'),
  )
}

function userLine({ UserName, PolicyNames, AccessKeys = [] }: Owner): string {
  const keys = AccessKeys.map(({ AccessKeyId, Status }) => `${AccessKeyId}${Status === 'Active' ? '' : ' (disabled)'}`)
  return `${UserName}  policies: ${listed(PolicyNames)}  keys: ${listed(keys)}`
}

export function listRolesCommand(options: ServiceOptions): Promise<number> {
  return ask<{ Roles: readonly Owner[] }>(options, 'ListRoles', {}, ({ Roles }) => Roles.map(roleLine).join('\n'))
}

function roleLine({ Arn, PolicyNames, Aws }: Owner): string {
  return `${Arn}  policies: ${listed(PolicyNames)}  AWS: ${Aws === undefined ? 'none' : awsSourceText(Aws)}`
}

/** Says where a role's credentials for AWS come from. */
export function roleAwsCommand(RoleName: string, source: string, options: ServiceOptions & AwsSourceOptions) {
  const input = { RoleName, Aws: awsSourceOf(source, options) }
  return ask<{ Role: Owner }>(options, 'PutRoleAws', input, ({ Role }) => roleLine(Role))
}

/** Makes a user or a role. */
export function createOwnerCommand(
  kind: 'User' | 'Role',
  name: string,
  options: ServiceOptions & NewOwnerOptions,
): Promise<number> {
  const { tag = [], description } = options
  const aws = awsSourceOf(options.aws ?? 'none', options)
  const input = {
    [`${kind}Name`]: name,
    Tags: tagsOf(tag),
    ...(description === undefined ? {} : { Description: description }),
    ...(aws === undefined ? {} : { Aws: aws }),
  }
  return ask<Record<string, Owner>>(options, `Create${kind}`, input, (made) => made[kind]!.Arn)
}

export function deleteOwnerCommand(kind: 'User' | 'Role', name: string, options: ServiceOptions): Promise<number> {
  return ask(options, `Delete${kind}`, { [`${kind}Name`]: name }, () => `${name} is gone`)
}

/** Of a user; without one the administrators', of every process with the service's store. */
export function listKeysCommand(UserName: string | undefined, options: ServiceOptions): Promise<number> {
  return ask<{ AccessKeys: readonly Key[] }>(options, 'ListAccessKeys', { UserName }, ({ AccessKeys }) =>
    AccessKeys.map(keyLine).join('\n'),
  )
}

function keyLine({ AccessKeyId, Status, Host, StartDate, IsOwn }: Key): string {
  if (IsOwn === undefined) return `${AccessKeyId}  ${Status}`
  const started = StartDate === undefined ? '' : `, started ${new Date(StartDate * 1000).toISOString()}`
  return `${AccessKeyId}  of ${Host ?? 'an unknown machine'}${started}${IsOwn ? ' (answers)' : ''}`
}

/** Prints it as a shared-credentials file, so that it can be written into one. */
export function createKeyCommand(UserName: string, options: ServiceOptions): Promise<number> {
  return ask<{ AccessKey: Key }>(options, 'CreateAccessKey', { UserName }, ({ AccessKey }) =>
    [
      '[default]',
      `aws_access_key_id = ${AccessKey.AccessKeyId}`,
      `aws_secret_access_key = ${AccessKey.SecretAccessKey}`,
    ].join('\n'),
  )
}

export function changeKeyCommand(
  change: 'disable' | 'enable' | 'delete',
  AccessKeyId: string,
  options: ServiceOptions,
): Promise<number> {
  if (change === 'delete') return ask(options, 'DeleteAccessKey', { AccessKeyId }, () => `${AccessKeyId} is gone`)
  const Status = change === 'enable' ? 'Active' : 'Inactive'
  return ask(options, 'UpdateAccessKey', { AccessKeyId, Status }, () => `${AccessKeyId} is ${Status}`)
}

export function listPoliciesCommand(options: OwnerOptions): Promise<number> {
  interface Policies {
    readonly Policies: readonly { readonly PolicyName: string; readonly PolicyDocument: string }[]
  }
  return ask<Policies>(options, 'ListPolicies', ownerOf(options), ({ Policies }) =>
    Policies.map(({ PolicyName, PolicyDocument }) => `${PolicyName}:\n${PolicyDocument.trimEnd()}`).join('\n\n'),
  )
}

/** Errors: `MalformedPolicyDocument` with line and column. */
export function putPolicyCommand(PolicyName: string, file: string, options: OwnerOptions): Promise<number> {
  const PolicyDocument = readFileSync(file === '-' ? 0 : file, 'utf8')
  const input = { ...ownerOf(options), PolicyName, PolicyDocument }
  return ask(options, 'PutPolicy', input, () => `${PolicyName} holds from now on`)
}

export function deletePolicyCommand(PolicyName: string, options: OwnerOptions): Promise<number> {
  return ask(options, 'DeletePolicy', { ...ownerOf(options), PolicyName }, () => `${PolicyName} is gone`)
}

interface AuditLine {
  readonly time: string
  readonly principal: string
  readonly action: string
  readonly resource?: string
  readonly sourceIp: string
  readonly status: number
  readonly errorCode?: string
}

export function auditCommand(options: ServiceOptions & { readonly tail: number }): Promise<number> {
  return ask<{ Entries: readonly AuditLine[] }>(options, 'ReadAudit', { Tail: options.tail }, ({ Entries }) =>
    Entries.map(({ time, principal, action, resource = '-', sourceIp, status, errorCode = '' }) =>
      `${time} ${status} ${principal} ${action} ${resource} ${sourceIp} ${errorCode}`.trimEnd(),
    ).join('\n'),
  )
}

/** Errors: `OWNER_MISSING` (invalid). */
function ownerOf({ user, role }: OwnerOptions): object {
  if (user !== undefined && role === undefined) return { UserName: user }
  if (role !== undefined && user === undefined) return { RoleName: role }
  throw new EngineError('OWNER_MISSING', {
    kind: 'invalid',
    message: "Whose policies are meant isn't said.",
    hint: 'Give --user NAME or --role NAME, one of them.',
  })
}

/** Errors: `TAG_INVALID` (invalid). */
function tagsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)]
      throw new EngineError('TAG_INVALID', { kind: 'invalid', message: `'${pair}' is not KEY=VALUE.` })
    }),
  )
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
