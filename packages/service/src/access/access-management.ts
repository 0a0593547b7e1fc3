import { randomBytes } from 'node:crypto'
import type { Clock } from '@millrace/engine/spi'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import type { RequestFields } from '../wire/request-fields.ts'
import type { AccessDirectory, RootKey } from './access-directory.ts'
import { applicationService } from './access-directory.ts'
import type { AccessKeyRecord, RoleRecord, UserRecord } from './access-records.ts'
import type { AccessView } from './access-view.ts'
import { newKeyId } from './credentials-file.ts'
import { parsePolicy } from './policy/policy-document.ts'
import { roleArn, userArn } from './principal.ts'
import { awsSourceIn, describeAwsSource, type RoleAwsSource } from './role-aws-source.ts'

/** As IAM has them, without paths. */
const nameRule = { minLength: 1, maxLength: 64, pattern: /^[\w+=,.@-]+$/ }
const descriptionRule = { maxLength: 1000 }
const maxPolicies = 20
const maxTags = 50
const maxKeys = 2
const maxUsers = 5_000
const maxRoles = 1_000

type Answer = { readonly [member: string]: unknown }
type Owner = UserRecord | RoleRecord

/** Makes, shows and removes users, their keys, roles, and the policies of both. */
export class AccessManagement {
  readonly #directory: AccessDirectory
  readonly #clock: Clock

  constructor(directory: AccessDirectory, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
  }

  async createUser(fields: RequestFields): Promise<Answer> {
    const name = fields.string('UserName', nameRule)
    const tags = tagsIn(fields)
    const user: UserRecord = { kind: 'user', name, createdMs: this.#clock.now(), tags, policies: {} }
    await this.#directory.change((view) => {
      if (view.users.has(name)) throw alreadyThere('user', name)
      if (view.users.size >= maxUsers) throw limit(`There may be ${maxUsers} users.`)
      return { put: [user], remove: [], result: undefined }
    })
    return { User: this.#describeUser(user, []) }
  }

  async listUsers(): Promise<Answer> {
    const { view } = this.#directory
    const users = [...view.users.values()].sort(byName)
    return { Users: users.map((user) => this.#describeUser(user, view.keysOf(user.name))) }
  }

  async getUser(fields: RequestFields): Promise<Answer> {
    const { view } = this.#directory
    const user = existingUser(view, fields.string('UserName', nameRule))
    return { User: { ...this.#describeUser(user, view.keysOf(user.name)), Policies: user.policies } }
  }

  /** With its keys: who has one is turned away from now on. */
  async deleteUser(fields: RequestFields): Promise<Answer> {
    const name = fields.string('UserName', nameRule)
    await this.#directory.change((view) => {
      const user = existingUser(view, name)
      return { put: [], remove: [user, ...view.keysOf(name)], result: undefined }
    })
    return {}
  }

  /** The only time that the secret is told. */
  async createAccessKey(fields: RequestFields): Promise<Answer> {
    const userName = fields.string('UserName', nameRule)
    const id = newKeyId('MRUSER')
    const secretAccessKey = randomBytes(30).toString('base64url')
    const sealedSecret = this.#directory.sealKey(id, secretAccessKey)
    const key: AccessKeyRecord = {
      kind: 'key',
      id,
      userName,
      isActive: true,
      createdMs: this.#clock.now(),
      sealedSecret,
    }
    await this.#directory.change((view) => {
      existingUser(view, userName)
      if (view.keysOf(userName).length >= maxKeys) throw limit(`A user may have ${maxKeys} access keys.`)
      return { put: [key], remove: [], result: undefined }
    })
    return { AccessKey: { ...describeKey(key), SecretAccessKey: secretAccessKey } }
  }

  /** Of a user; without one the administrators' keys. */
  async listAccessKeys(fields: RequestFields): Promise<Answer> {
    const name = fields.optionalString('UserName', nameRule)
    const { view, rootKeys } = this.#directory
    if (name === undefined) return { AccessKeys: rootKeys.map(describeRootKey) }
    return { AccessKeys: view.keysOf(existingUser(view, name).name).map(describeKey) }
  }

  async updateAccessKey(fields: RequestFields): Promise<Answer> {
    const id = fields.string('AccessKeyId', { maxLength: 128 })
    const isActive = fields.string('Status', { oneOf: ['Active', 'Inactive'] }) === 'Active'
    await this.#directory.change((view) => {
      const key = existingKey(view, id)
      return { put: key.isActive === isActive ? [] : [{ ...key, isActive }], remove: [], result: undefined }
    })
    return {}
  }

  /** Of a user, or of the administrator of another process, which brings it back when it is started again. */
  async deleteAccessKey(fields: RequestFields): Promise<Answer> {
    const id = fields.string('AccessKeyId', { maxLength: 128 })
    await this.#directory.change((view) => {
      const root = this.#directory.rootKeys.find(({ accessKeyId }) => accessKeyId === id)
      if (root?.isOwn === true) throw invalidArgument(`${id} is the administrator's key of the process that answers.`)
      return { put: [], remove: [root?.record ?? existingKey(view, id)], result: undefined }
    })
    return {}
  }

  async createRole(fields: RequestFields): Promise<Answer> {
    const name = fields.string('RoleName', nameRule)
    const role: RoleRecord = {
      kind: 'role',
      name,
      description: fields.optionalString('Description', descriptionRule) ?? '',
      createdMs: this.#clock.now(),
      tags: tagsIn(fields),
      policies: {},
      trustedServices: [applicationService],
      aws: optionalAwsSource(fields),
    }
    await this.#directory.change((view) => {
      if (view.roles.has(name)) throw alreadyThere('role', name)
      if (view.roles.size >= maxRoles) throw limit(`There may be ${maxRoles} roles.`)
      return { put: [role], remove: [], result: undefined }
    })
    return { Role: this.#describeRole(role) }
  }

  async listRoles(): Promise<Answer> {
    const roles = [...this.#directory.view.roles.values()].sort(byName)
    return { Roles: roles.map((role) => this.#describeRole(role)) }
  }

  async getRole(fields: RequestFields): Promise<Answer> {
    const role = existingRole(this.#directory.view, fields.string('RoleName', nameRule))
    return { Role: { ...this.#describeRole(role), Policies: role.policies } }
  }

  /** Where the role's credentials for AWS come from, from now on; without `Aws` it has none any more. */
  async putRoleAws(fields: RequestFields): Promise<Answer> {
    const name = fields.string('RoleName', nameRule)
    const aws = optionalAwsSource(fields)
    const role = await this.#directory.change((view) => {
      const changed = { ...existingRole(view, name), aws }
      return { put: [changed], remove: [], result: changed }
    })
    return { Role: this.#describeRole(role) }
  }

  /** Sessions of it hold no more. */
  async deleteRole(fields: RequestFields): Promise<Answer> {
    const name = fields.string('RoleName', nameRule)
    await this.#directory.change((view) => ({ put: [], remove: [existingRole(view, name)], result: undefined }))
    return {}
  }

  /** Errors: `MalformedPolicyDocument`. */
  async putPolicy(fields: RequestFields): Promise<Answer> {
    const policyName = fields.string('PolicyName', nameRule)
    const document = fields.string('PolicyDocument')
    parsePolicy(document)
    await this.#changeOwner(fields, (owner) => {
      const policies = { ...owner.policies, [policyName]: document }
      if (Object.keys(policies).length > maxPolicies) throw limit(`A user or role may have ${maxPolicies} policies.`)
      return { ...owner, policies }
    })
    return {}
  }

  async listPolicies(fields: RequestFields): Promise<Answer> {
    const owner = ownerIn(this.#directory.view, fields)
    const all = Object.entries(owner.policies).sort(([a], [b]) => (a < b ? -1 : 1))
    return { Policies: all.map(([PolicyName, PolicyDocument]) => ({ PolicyName, PolicyDocument })) }
  }

  async deletePolicy(fields: RequestFields): Promise<Answer> {
    const policyName = fields.string('PolicyName', nameRule)
    await this.#changeOwner(fields, (owner) => {
      if (!Object.hasOwn(owner.policies, policyName)) throw notThere('policy', policyName)
      const { [policyName]: _removed, ...policies } = owner.policies
      return { ...owner, policies }
    })
    return {}
  }

  #changeOwner(fields: RequestFields, change: (owner: Owner) => Owner): Promise<void> {
    return this.#directory.change((view) => ({
      put: [change(ownerIn(view, fields))],
      remove: [],
      result: undefined,
    }))
  }

  #describeUser({ name, createdMs, tags, policies }: UserRecord, keys: readonly AccessKeyRecord[]): Answer {
    return {
      UserName: name,
      Arn: userArn(this.#directory.account, name),
      CreateDate: createdMs / 1000,
      Tags: tags,
      PolicyNames: Object.keys(policies).sort(),
      AccessKeys: keys.map(describeKey),
    }
  }

  #describeRole({ name, description, createdMs, tags, policies, trustedServices, aws }: RoleRecord): Answer {
    return {
      RoleName: name,
      Arn: roleArn(this.#directory.account, name),
      Description: description,
      CreateDate: createdMs / 1000,
      Tags: tags,
      PolicyNames: Object.keys(policies).sort(),
      TrustedServices: trustedServices,
      Aws: aws && describeAwsSource(aws),
    }
  }
}

/** The user or role that a request names. Errors: `NoSuchEntity`, `InvalidArgumentException` unless it is one of both. */
function ownerIn(view: AccessView, fields: RequestFields): Owner {
  const userName = fields.optionalString('UserName', nameRule)
  const roleName = fields.optionalString('RoleName', nameRule)
  if (userName !== undefined && roleName === undefined) return existingUser(view, userName)
  if (roleName !== undefined && userName === undefined) return existingRole(view, roleName)
  throw invalidArgument('UserName or RoleName must be given, one of them.')
}

function existingUser(view: AccessView, name: string): UserRecord {
  const user = view.users.get(name)
  if (user === undefined) throw notThere('user', name)
  return user
}

function existingRole(view: AccessView, name: string): RoleRecord {
  const role = view.roles.get(name)
  if (role === undefined) throw notThere('role', name)
  return role
}

function existingKey(view: AccessView, id: string): AccessKeyRecord {
  const key = view.keys.get(id)
  if (key === undefined) throw notThere('access key', id)
  return key
}

function describeKey({ id, userName, isActive, createdMs }: AccessKeyRecord): Answer {
  const Status = isActive ? 'Active' : 'Inactive'
  return { AccessKeyId: id, UserName: userName, Status, CreateDate: createdMs / 1000 }
}

function describeRootKey({ accessKeyId, host, startedMs, isOwn }: RootKey): Answer {
  const StartDate = startedMs === undefined ? undefined : startedMs / 1000
  return { AccessKeyId: accessKeyId, Status: 'Active', Host: host, StartDate, IsOwn: isOwn }
}

function optionalAwsSource(fields: RequestFields): RoleAwsSource | undefined {
  const given = fields.optionalStructure('Aws')
  return given && awsSourceIn(given)
}

function tagsIn(fields: RequestFields): Record<string, string> {
  const tags = fields.optionalStringMap('Tags') ?? {}
  if (Object.keys(tags).length > maxTags) throw limit(`There may be ${maxTags} tags.`)
  return tags
}

function byName(a: Owner, b: Owner): number {
  return a.name < b.name ? -1 : 1
}

function notThere(what: string, name: string): ApiError {
  return new ApiError('NoSuchEntity', `There is no ${what} ${name}.`, 404)
}

function alreadyThere(what: string, name: string): ApiError {
  return new ApiError('EntityAlreadyExists', `There is a ${what} ${name} already.`, 409)
}

function limit(message: string): ApiError {
  return new ApiError('LimitExceeded', message, 409)
}
