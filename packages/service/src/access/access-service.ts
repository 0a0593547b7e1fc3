import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '@millrace/engine/spi'
import { readTail } from '../monitoring/log-reader.ts'
import { ApiError } from '../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService } from '../wire/api-service.ts'
import { decodeJson } from '../wire/json-codec.ts'
import { describeJsonError } from '../wire/json-error.ts'
import { RequestFields } from '../wire/request-fields.ts'
import type { AccessControl } from './access-control.ts'
import { AccessManagement } from './access-management.ts'
import type { CallAccess } from './call-access.ts'
import { roleArn, userArn } from './principal.ts'

const contentType = 'application/x-amz-json-1.1'
const targetPrefix = 'MillraceAccess.'
const maxAuditLines = 10_000
const maxAuditBytes = 4 << 20

/**
 * Users, keys, roles, policies and the audit log over JSON 1.1: `X-Amz-Target: MillraceAccess.OPERATION`, signed for the
 * service `millrace`. Who may `millrace:ManageAccess` can give everything to anybody, the rights that the service's machine
 * has at AWS too; `millrace:ReadAudit` reads the log; who signs may always ask who they are.
 */
export class AccessService implements ApiService {
  readonly signingName = 'millrace'
  readonly maxBodyBytes = 64 << 10
  readonly #access: AccessControl
  readonly #operations: ReadonlyMap<string, (fields: RequestFields) => Promise<object>>

  constructor(access: AccessControl, clock: Clock) {
    this.#access = access
    const management = new AccessManagement(access.directory, clock)
    this.#operations = new Map<string, (fields: RequestFields) => Promise<object>>([
      ['CreateUser', (fields) => management.createUser(fields)],
      ['ListUsers', () => management.listUsers()],
      ['GetUser', (fields) => management.getUser(fields)],
      ['DeleteUser', (fields) => management.deleteUser(fields)],
      ['CreateAccessKey', (fields) => management.createAccessKey(fields)],
      ['ListAccessKeys', (fields) => management.listAccessKeys(fields)],
      ['UpdateAccessKey', (fields) => management.updateAccessKey(fields)],
      ['DeleteAccessKey', (fields) => management.deleteAccessKey(fields)],
      ['CreateRole', (fields) => management.createRole(fields)],
      ['ListRoles', () => management.listRoles()],
      ['GetRole', (fields) => management.getRole(fields)],
      ['PutRoleAws', (fields) => management.putRoleAws(fields)],
      ['DeleteRole', (fields) => management.deleteRole(fields)],
      ['PutPolicy', (fields) => management.putPolicy(fields)],
      ['ListPolicies', (fields) => management.listPolicies(fields)],
      ['DeletePolicy', (fields) => management.deletePolicy(fields)],
      ['ReadAudit', (fields) => this.#readAudit(fields)],
    ])
  }

  accepts(method: string, _target: string, headers: IncomingHttpHeaders): boolean {
    return method === 'POST' && targetOf(headers).startsWith(targetPrefix)
  }

  async handle({ headers, body, access }: ApiCall): Promise<ApiAnswer> {
    const name = targetOf(headers).slice(targetPrefix.length)
    if (name === 'GetCallerIdentity') return answered(this.#callerIdentity(access))
    const operation = this.#operations.get(name)
    if (operation === undefined) throw new ApiError('UnknownOperationException', `${name} is not offered here.`)
    const fields = new RequestFields(decodeJson(body))
    const action = name === 'ReadAudit' ? 'millrace:ReadAudit' : 'millrace:ManageAccess'
    access.authorize({ action, resource: this.#resourceOf(fields) })
    // It hands out rights at AWS that aren't anybody's here: not for who manages some roles alone.
    if (fields.has('Aws')) access.authorize({ action, resource: '*' })
    return answered(await operation(fields))
  }

  readonly describeError = describeJsonError

  /** As STS has it: nobody needs a right to know who they are. */
  #callerIdentity({ principal: { arn, name } }: CallAccess): object {
    return { Account: this.#access.account.accountId, Arn: arn, UserId: name }
  }

  #resourceOf(fields: RequestFields): string {
    const { account, directory } = this.#access
    const role = fields.optionalString('RoleName')
    if (role !== undefined) return roleArn(account, role)
    const keyId = fields.optionalString('AccessKeyId')
    const owner = keyId === undefined ? undefined : directory.view.keys.get(keyId)?.userName
    const user = owner ?? fields.optionalString('UserName')
    return user === undefined ? '*' : userArn(account, user)
  }

  /** The newest lines, of the file that is written now. */
  async #readAudit(fields: RequestFields): Promise<object> {
    const tail = fields.optionalInteger('Tail', { min: 1, max: maxAuditLines }) ?? 100
    const { audit } = this.#access
    audit.flush()
    const { bytes } = await readTail(audit.path, tail, maxAuditBytes)
    const lines = bytes.toString('utf8').split('\n')
    return { Entries: lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown) }
  }
}

function answered(value: object): ApiAnswer {
  return { status: 200, contentType, body: JSON.stringify(value) }
}

function targetOf(headers: IncomingHttpHeaders): string {
  const target = headers['x-amz-target']
  return typeof target === 'string' ? target : ''
}
