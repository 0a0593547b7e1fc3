import { randomBytes } from 'node:crypto'
import {
  asEngineError,
  type Cancellable,
  type Clock,
  EngineError,
  type Logger,
  type Scheduler,
} from '@millrace/engine/spi'
import type { AccessKeyRecord, RoleRecord, SecretRecord, UserRecord } from './access-records.ts'
import type { AccessChange, AccessStore } from './access-store.ts'
import { AccessView } from './access-view.ts'
import type { Credentials } from './credentials-file.ts'
import { parsePolicy } from './policy/policy-document.ts'
import { PolicySet } from './policy/policy-set.ts'
import { type Account, type Identity, roleArn, rootIdentity, userArn } from './principal.ts'
import type { SecretBox } from './secret-box.ts'

export interface AccessDirectoryParts {
  readonly store: AccessStore
  readonly box: SecretBox
  readonly account: Account
  /** The administrator's key; with a shared store those of the other processes hold as well. */
  readonly root: Credentials
  /** The name of this machine. */
  readonly host: string
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly logger: Logger
}

/** Who holds an access key, and its secret. */
export interface KeyHolder {
  readonly secretAccessKey: string
  readonly identity: Identity
}

/** An administrator's key that holds here. */
export interface RootKey {
  readonly accessKeyId: string
  /** The machine of the process that has it, and when that was last started; unknown of an old one. */
  readonly host: string | undefined
  readonly startedMs: number | undefined
  /** Whether it's that of this process. */
  readonly isOwn: boolean
  /** For `change`; undefined when it isn't in the store. */
  readonly record: SecretRecord | undefined
}

/** Applications run with this role unless they are given another: it may use every stream and topic. */
export const applicationRoleName = 'millrace-application'
/** What the service calls itself when it takes on a role. */
export const applicationService = 'kinesisanalytics.amazonaws.com'

const sessionSecretId = 'role-sessions'
const pollMs = 1_000
const maxTries = 20

const applicationPolicy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['kinesis:*', 'sns:*'], Resource: '*' }],
})

/**
 * All of access control in memory, as every request needs it: keys with their secrets, policies compiled. Changes go
 * through the store; those of other processes are seen within a second.
 */
export class AccessDirectory {
  readonly account: Account
  readonly #parts: AccessDirectoryParts
  readonly #root: KeyHolder
  #view: AccessView
  #sessionKey = Buffer.alloc(0)
  /** By record: a changed one is another. */
  readonly #compiled = new WeakMap<UserRecord | RoleRecord, PolicySet>()
  readonly #holders = new WeakMap<AccessKeyRecord, KeyHolder & { readonly user: UserRecord }>()
  /** By the sealed secret. */
  readonly #roots = new Map<string, KeyHolder>()
  #polling: Cancellable | undefined
  #isClosed = false

  private constructor(parts: AccessDirectoryParts, view: AccessView) {
    this.#parts = parts
    this.account = parts.account
    this.#view = view
    const { accessKeyId, secretAccessKey } = parts.root
    this.#root = { secretAccessKey, identity: rootIdentity(parts.account, accessKeyId) }
  }

  /** Errors: those of the store; `ACCESS_KEY_WRONG` when it was written with another encryption key. */
  static async open(parts: AccessDirectoryParts): Promise<AccessDirectory> {
    const directory = new AccessDirectory(parts, new AccessView(await parts.store.load()))
    await directory.#makeWhatIsMissing()
    if (parts.store.isShared) {
      await directory.#shareRoot()
      directory.#poll()
    }
    return directory
  }

  /** Everything as of now. */
  get view(): AccessView {
    return this.#view
  }

  /** Signs session tokens and links; all processes with this store have the same. */
  get sessionKey(): Buffer {
    return this.#sessionKey
  }

  /** Undefined when there is no such key, or it is inactive. */
  holderOf(accessKeyId: string): KeyHolder | undefined {
    if (accessKeyId === this.#parts.root.accessKeyId) return this.#root
    const sealedRoot = this.#view.secrets.get(rootSecretId(accessKeyId))?.sealedSecret
    if (sealedRoot !== undefined) return this.#otherRoot(accessKeyId, sealedRoot)
    const key = this.#view.keys.get(accessKeyId)
    const user = key === undefined ? undefined : this.#view.users.get(key.userName)
    if (key === undefined || user === undefined || !key.isActive) return undefined
    const known = this.#holders.get(key)
    if (known?.user === user) return known
    const arn = userArn(this.account, user.name)
    const identity: Identity = {
      principal: { kind: 'user', arn, name: user.name, accessKeyId },
      policies: this.policiesOf(user),
      tags: user.tags,
      conditionArn: arn,
    }
    const secretAccessKey = this.#parts.box.open(key.sealedSecret, `key ${key.id}`)
    const holder = { secretAccessKey, identity, user }
    this.#holders.set(key, holder)
    return holder
  }

  /** The administrator's key of another process with this store. */
  #otherRoot(accessKeyId: string, sealed: string): KeyHolder {
    const known = this.#roots.get(sealed)
    if (known !== undefined) return known
    const secretAccessKey = this.#parts.box.open(sealed, `secret ${rootSecretId(accessKeyId)}`)
    const holder = { secretAccessKey, identity: rootIdentity(this.account, accessKeyId) }
    this.#roots.set(sealed, holder)
    return holder
  }

  /** Of this process and of the others with its store. */
  get rootKeys(): readonly RootKey[] {
    const { root } = this.#parts
    const isRoot = ({ id }: SecretRecord) => id.startsWith(rootSecretId(''))
    const shared = [...this.#view.secrets.values()].filter(isRoot).map((record): RootKey => {
      const accessKeyId = record.id.slice(rootSecretId('').length)
      const { host, startedMs } = record
      return { accessKeyId, host, startedMs, isOwn: accessKeyId === root.accessKeyId, record }
    })
    if (shared.some(({ isOwn }) => isOwn)) return shared
    return [
      { accessKeyId: root.accessKeyId, host: this.#parts.host, startedMs: undefined, isOwn: true, record: undefined },
      ...shared,
    ]
  }

  /** The role with this ARN. */
  roleOfArn(arn: string): RoleRecord | undefined {
    const prefix = roleArn(this.account, '')
    return arn.startsWith(prefix) ? this.#view.roles.get(arn.slice(prefix.length)) : undefined
  }

  policiesOf(record: UserRecord | RoleRecord): PolicySet {
    const known = this.#compiled.get(record)
    if (known !== undefined) return known
    const compiled = this.#compile(record)
    this.#compiled.set(record, compiled)
    return compiled
  }

  sealKey(keyId: string, secretAccessKey: string): string {
    return this.#parts.box.seal(secretAccessKey, `key ${keyId}`)
  }

  /**
   * Changes what `decide` makes of the present view; it's called again when somebody else was faster. Resolves when the
   * change is stored. Errors: what `decide` throws, those of the store.
   */
  async change<T>(decide: (view: AccessView) => AccessChange & { readonly result: T }): Promise<T> {
    for (let tries = 0; tries < maxTries; tries++) {
      const before = this.#view
      const { put, remove, result } = decide(before)
      if (put.length + remove.length === 0) return result
      if (await this.#parts.store.change(before.revision, { put, remove })) {
        // Another change of this process may have been faster to come back, but not to be stored.
        if (this.#view === before) this.#view = before.after({ put, remove })
        else await this.#reload()
        return result
      }
      await this.#reload()
    }
    throw new EngineError('ACCESS_STORE_BUSY', {
      kind: 'unavailable',
      message: 'Others keep changing users and roles at the same time.',
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#polling?.cancel()
    await this.#parts.store.close()
  }

  /** A policy that can't be read any more may have denied something: who has it may do nothing. */
  #compile({ name, policies }: UserRecord | RoleRecord): PolicySet {
    try {
      return new PolicySet(Object.values(policies).flatMap(parsePolicy))
    } catch (error) {
      this.#parts.logger.error('stored policy not understood', { name, reason: (error as Error).message })
      return new PolicySet([])
    }
  }

  async #makeWhatIsMissing(): Promise<void> {
    const { box, clock } = this.#parts
    await this.change((view) => {
      const isNew = !view.secrets.has(sessionSecretId)
      if (!isNew) return { put: [], remove: [], result: undefined }
      const sealedSecret = box.seal(randomBytes(32).toString('hex'), `secret ${sessionSecretId}`)
      const role: RoleRecord = {
        kind: 'role',
        name: applicationRoleName,
        description: 'What applications may do that were given no role of their own.',
        createdMs: clock.now(),
        tags: {},
        policies: { 'streams-and-topics': applicationPolicy },
        trustedServices: [applicationService],
      }
      return { put: [{ kind: 'secret', id: sessionSecretId, sealedSecret }, role], remove: [], result: undefined }
    })
    this.#readSessionKey()
  }

  /** An administrator of one process is one of all: who can write the store and has its encryption key could be anyway. */
  async #shareRoot(): Promise<void> {
    const { box, root, host, clock } = this.#parts
    const id = rootSecretId(root.accessKeyId)
    const sealedSecret = box.seal(root.secretAccessKey, `secret ${id}`)
    const shared: SecretRecord = { kind: 'secret', id, sealedSecret, host, startedMs: clock.now() }
    await this.change(() => ({ put: [shared], remove: [], result: undefined }))
  }

  #readSessionKey(): void {
    const sealed = this.#view.secrets.get(sessionSecretId)?.sealedSecret
    if (sealed === undefined) return
    this.#sessionKey = Buffer.from(this.#parts.box.open(sealed, `secret ${sessionSecretId}`), 'hex')
  }

  async #reload(): Promise<void> {
    const state = await this.#parts.store.load()
    if (state.revision < this.#view.revision) return
    this.#view = new AccessView(state)
    this.#readSessionKey()
  }

  #poll(): void {
    this.#polling = this.#parts.scheduler.after(pollMs, async () => {
      try {
        if ((await this.#parts.store.revision()) !== this.#view.revision) await this.#reload()
      } catch (error) {
        this.#parts.logger.warn('users and roles not read again', { reason: asEngineError(error).message })
      }
      if (!this.#isClosed) this.#poll()
    })
  }
}

function rootSecretId(accessKeyId: string): string {
  return `root/${accessKeyId}`
}
