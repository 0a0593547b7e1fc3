import type { Clock } from '@millrace/engine/spi'
import type { AccessDirectory, KeyHolder } from './access-directory.ts'
import type { RoleRecord } from './access-records.ts'
import { newKeyId } from './credentials-file.ts'
import type { Identity } from './principal.ts'
import { decodeSigned, encodeSigned, mac } from './signed-token.ts'

/** Credentials of a role's session, as an AWS SDK takes them. */
export interface SessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

/** What the process of an application is given. */
export interface ProcessCredentials extends SessionCredentials {
  /** What it shows its node to get its role's credentials of AWS; it opens nothing else. */
  readonly awsToken: string
}

/** The process of an application that a session is for. */
export interface SessionOwner {
  readonly applicationName: string
  /** Tells applications of one name apart. */
  readonly applicationCreatedMs: number
  readonly epoch: number
}

/** Gives running applications the rights of their execution role. */
export interface ExecutionCredentials {
  /** Nothing is stored: the tokens say it all. They hold as long as their owner is the newest process and wasn't revoked. */
  issue(roleArn: string, sessionName: string, owner: SessionOwner): ProcessCredentials
  /** Who shows an `awsToken`; undefined as for `holderOf`. */
  awsCaller(awsToken: string): Promise<Identity | undefined>
  /** Ends the sessions of this process and of all before. */
  revoke(owner: SessionOwner): Promise<void>
}

/** Whether a process is the one that now runs its application. */
export type IsLive = (owner: SessionOwner) => Promise<boolean>

interface Content {
  readonly key: string
  readonly role: string
  readonly session: string
  readonly app: string
  readonly created: number
  readonly epoch: number
}

/** A token that was understood, with what came of it for the role as it was then. */
interface Session {
  readonly content: Content
  readonly secretAccessKey: string
  role: RoleRecord | undefined
  holder: KeyHolder | undefined
}

const tokenPurpose = 'millrace role session'
const awsTokenPurpose = 'millrace role credentials'
const secretPurpose = 'millrace session secret'
const livenessMs = 2_000
const maxRemembered = 4_096

/**
 * Role sessions without memory: the token holds who it is for and is signed with a key that all processes with this store
 * have; the secret follows from the token, so that any of them can verify.
 */
export class RoleSessions implements ExecutionCredentials {
  readonly #directory: AccessDirectory
  readonly #clock: Clock
  readonly #isLive: IsLive | undefined
  readonly #sessions = new Map<string, Session>()
  /** When an owner was last seen alive, by who it is. */
  readonly #seenMs = new Map<string, number>()

  /** `isLive` is asked every two seconds; without it sessions end by `revoke` alone. */
  constructor(directory: AccessDirectory, clock: Clock, isLive?: IsLive) {
    this.#directory = directory
    this.#clock = clock
    this.#isLive = isLive
  }

  issue(roleArn: string, sessionName: string, owner: SessionOwner): ProcessCredentials {
    const accessKeyId = newKeyId('MRSESSION')
    const content: Content = {
      key: accessKeyId,
      role: roleArn,
      session: sessionName.replaceAll(/[^\w+=,.@-]/g, '-').slice(0, 64),
      app: owner.applicationName,
      created: owner.applicationCreatedMs,
      epoch: owner.epoch,
    }
    const sessionToken = encodeSigned(this.#directory.sessionKey, tokenPurpose, content)
    const awsToken = encodeSigned(this.#directory.sessionKey, awsTokenPurpose, content)
    return { accessKeyId, secretAccessKey: this.#secretOf(sessionToken), sessionToken, awsToken }
  }

  async revoke({ applicationName, applicationCreatedMs, epoch }: SessionOwner): Promise<void> {
    await this.#directory.change((view) => {
      const isDone = view.isRevoked(applicationName, applicationCreatedMs, epoch)
      const record = { kind: 'revocation' as const, applicationName, applicationCreatedMs, epoch }
      return { put: isDone ? [] : [record], remove: [], result: undefined }
    })
  }

  /** Undefined when the token isn't ours, isn't this key's, was revoked, or its process or role is gone. */
  async holderOf(accessKeyId: string, sessionToken: string): Promise<KeyHolder | undefined> {
    const session = this.#session(sessionToken)
    if (session === undefined || session.content.key !== accessKeyId) return undefined
    const role = await this.#roleOfLiving(session.content)
    if (role === undefined) return undefined
    if (session.role !== role) {
      const { content, secretAccessKey } = session
      session.role = role
      session.holder = { secretAccessKey, identity: this.#identity(content, role, this.#directory.policiesOf(role)) }
    }
    return session.holder
  }

  async awsCaller(awsToken: string): Promise<Identity | undefined> {
    const content = decodeSigned(this.#directory.sessionKey, awsTokenPurpose, awsToken) as Content | undefined
    const role = content && (await this.#roleOfLiving(content))
    // The token is for this one call, and alone allows it.
    return role && this.#identity(content, role, undefined)
  }

  /** Undefined when it was revoked, or its process or role is gone. */
  async #roleOfLiving({ role: roleArn, app, created, epoch }: Content): Promise<RoleRecord | undefined> {
    const role = this.#directory.roleOfArn(roleArn)
    if (role === undefined || this.#directory.view.isRevoked(app, created, epoch)) return undefined
    return (await this.#lives({ applicationName: app, applicationCreatedMs: created, epoch })) ? role : undefined
  }

  #identity(content: Content, role: RoleRecord, policies: Identity['policies']): Identity {
    const { accountId } = this.#directory.account
    const arn = `arn:aws:sts::${accountId}:assumed-role/${role.name}/${content.session}`
    const name = `${role.name}/${content.session}`
    return {
      principal: { kind: 'role-session', arn, name, accessKeyId: content.key },
      policies,
      tags: role.tags,
      conditionArn: content.role,
    }
  }

  /** What a token says, if it's ours; three hashes, so those in use are remembered. */
  #session(sessionToken: string): Session | undefined {
    const known = this.#sessions.get(sessionToken)
    if (known !== undefined) return known
    const content = decodeSigned(this.#directory.sessionKey, tokenPurpose, sessionToken) as Content | undefined
    if (content === undefined) return undefined
    if (this.#sessions.size >= maxRemembered) this.#sessions.clear()
    const session = { content, secretAccessKey: this.#secretOf(sessionToken), role: undefined, holder: undefined }
    this.#sessions.set(sessionToken, session)
    return session
  }

  #secretOf(sessionToken: string): string {
    return mac(this.#directory.sessionKey, secretPurpose, sessionToken).toString('base64url')
  }

  async #lives(owner: SessionOwner): Promise<boolean> {
    if (this.#isLive === undefined) return true
    const id = `${owner.applicationName}/${owner.applicationCreatedMs}/${owner.epoch}`
    const nowMs = this.#clock.monotonicMs()
    const seenMs = this.#seenMs.get(id)
    if (seenMs !== undefined && nowMs - seenMs < livenessMs) return true
    if (!(await this.#isLive(owner))) return false
    if (this.#seenMs.size >= maxRemembered) this.#seenMs.clear()
    this.#seenMs.set(id, nowMs)
    return true
  }
}
