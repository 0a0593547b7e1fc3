import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService } from '../wire/api-service.ts'
import type { AccessControl } from './access-control.ts'
import type { RequestOrigin } from './call-access.ts'
import { isOfThisMachine } from './monitoring-gate.ts'
import { type Identity, roleArn } from './principal.ts'
import { awsSourceMissing } from './role-aws-source.ts'

/** Where jobs ask their node for their role's credentials of AWS. */
export const roleCredentialsPath = '/role-credentials'

/** SDKs want to know when to ask again; so keys that were exchanged are noticed, too. */
const unlimitedLifeMs = 30 * 60_000

/**
 * Gives jobs of this machine the credentials that their role has at AWS, as Amazon's container credentials service does:
 * every SDK finds them by AWS_CONTAINER_CREDENTIALS_FULL_URI and asks again before they expire. A job proves who it is by
 * its token, which is as good as its session: see `ExecutionCredentials`.
 */
export class RoleCredentialsService implements ApiService {
  readonly signingName = 'role-credentials'
  readonly #access: AccessControl
  readonly #clock: Clock

  constructor(access: AccessControl, clock: Clock) {
    this.#access = access
    this.#clock = clock
  }

  accepts(method: string, target: string): boolean {
    return method === 'GET' && target === roleCredentialsPath
  }

  isUnsigned(): boolean {
    return true
  }

  async identify({ authorization, ...headers }: IncomingHttpHeaders, { sourceIp }: RequestOrigin): Promise<Identity> {
    if (!isOfThisMachine(headers, sourceIp)) {
      throw new ApiError('AccessDeniedException', 'Credentials of roles are for jobs of this machine alone.', 403)
    }
    if (authorization === undefined) {
      throw new ApiError('MissingAuthenticationToken', 'The token of a job is needed.', 401)
    }
    const caller = await this.#access.executionCredentials.awsCaller(authorization)
    if (caller === undefined) throw new ApiError('InvalidClientTokenId', 'This is no token of a running job.', 403)
    return caller
  }

  /** Errors: `InvalidArgumentException` for a role that has none, those of the provider. */
  async handle({ principal, access }: ApiCall): Promise<ApiAnswer> {
    const [roleName = '', sessionName = ''] = principal.name.split('/')
    const role = roleArn(this.#access.account, roleName)
    access.authorize({ action: 'millrace:GetRoleCredentials', resource: role })
    const provide = this.#access.roleCredentials.of(role, sessionName)
    if (provide === undefined) throw awsSourceMissing(role)
    const { accessKeyId, secretAccessKey, sessionToken = '', expiration } = await provide()
    const body = JSON.stringify({
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: (expiration ?? new Date(this.#clock.now() + unlimitedLifeMs)).toISOString(),
    })
    return { status: 200, contentType: 'application/json', body, headers: { 'cache-control': 'no-store' } }
  }

  /** `Code` and `Message` are what SDKs look for here. */
  describeError({ type, message, status }: { type: string; message: string; status: number }): ApiAnswer {
    return { status, contentType: 'application/json', body: JSON.stringify({ Code: type, Message: message }) }
  }
}
