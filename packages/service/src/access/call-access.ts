import type { Clock } from '@millrace/engine/spi'
import { ApiError } from '../wire/api-error.ts'
import type { ConditionKeys } from './policy/condition-keys.ts'
import { plainAddress } from './policy/ip-range.ts'
import type { Account, Identity, Principal } from './principal.ts'

/** Where a request comes from. */
export interface RequestOrigin {
  readonly sourceIp: string
  readonly isSecure: boolean
  readonly userAgent: string
}

/** What a call wants to do. */
export interface Wanted {
  /** As in policies: `kinesis:PutRecords`. */
  readonly action: string
  /** An ARN, or `*` for an action that has no resource. */
  readonly resource: string
  readonly resourceTags?: Readonly<Record<string, string>> | undefined
  /** Tags that the request sets; the keys also of those it removes. */
  readonly requestTags?: Readonly<Record<string, string>> | undefined
  readonly tagKeys?: readonly string[] | undefined
  /** With iam:PassRole. */
  readonly passedToService?: string | undefined
}

/** What the caller of one request may do. A service asks before it does anything; the audit log tells what was asked first. */
export class CallAccess {
  readonly principal: Principal
  readonly #identity: Identity
  readonly #origin: RequestOrigin
  readonly #account: Account
  readonly #clock: Clock
  #first: Wanted | undefined

  constructor(identity: Identity, origin: RequestOrigin, account: Account, clock: Clock) {
    this.principal = identity.principal
    this.#identity = identity
    this.#origin = origin
    this.#account = account
    this.#clock = clock
  }

  /** What was asked for first; undefined: nothing yet. */
  get wanted(): Wanted | undefined {
    return this.#first
  }

  /** Whether tags of the resource have to be given to `authorize`. */
  get asksForResourceTags(): boolean {
    return this.#identity.policies?.asksForResourceTags === true
  }

  /** Whether `authorize` can refuse anything. */
  get isLimited(): boolean {
    return this.#identity.policies !== undefined
  }

  /** Errors: `AccessDeniedException` (403). */
  authorize(wanted: Wanted): void {
    this.#first ??= wanted
    const decision = this.#identity.policies?.decide(wanted.action, wanted.resource, () => this.#keys(wanted))
    if (decision === undefined || decision === 'allowed') return
    const reason =
      decision === 'explicit'
        ? 'with an explicit deny in an identity-based policy'
        : `because no identity-based policy allows the ${wanted.action} action`
    throw new ApiError(
      'AccessDeniedException',
      `User: ${this.principal.arn} is not authorized to perform: ${wanted.action} on resource: ${wanted.resource} ${reason}`,
      403,
    )
  }

  #keys({ resourceTags = {}, requestTags = {}, tagKeys, passedToService }: Wanted): ConditionKeys {
    const { principal, tags, conditionArn } = this.#identity
    const { sourceIp, isSecure, userAgent } = this.#origin
    const nowMs = this.#clock.now()
    const keys = new Map<string, readonly string[]>([
      ['aws:currenttime', [new Date(nowMs).toISOString()]],
      ['aws:epochtime', [String(Math.floor(nowMs / 1000))]],
      ['aws:principalaccount', [this.#account.accountId]],
      ['aws:principalarn', [conditionArn]],
      ['aws:principaltype', [principalTypes[principal.kind]]],
      ['aws:requestedregion', [this.#account.region]],
      ['aws:securetransport', [String(isSecure)]],
      ['aws:sourceip', [plainAddress(sourceIp)]],
    ])
    if (userAgent !== '') keys.set('aws:useragent', [userAgent])
    if (principal.kind === 'user') keys.set('aws:username', [principal.name])
    if (passedToService !== undefined) keys.set('iam:passedtoservice', [passedToService])
    const names = [...new Set([...Object.keys(requestTags), ...(tagKeys ?? [])])]
    if (names.length > 0) keys.set('aws:tagkeys', names)
    addTags(keys, 'aws:principaltag/', tags)
    addTags(keys, 'aws:resourcetag/', resourceTags)
    addTags(keys, 'aws:requesttag/', requestTags)
    return keys
  }
}

const principalTypes: Record<Principal['kind'], string> = {
  root: 'Account',
  user: 'User',
  'role-session': 'AssumedRole',
  link: 'User',
  anonymous: 'Anonymous',
}

function addTags(keys: Map<string, readonly string[]>, prefix: string, tags: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(tags)) keys.set(`${prefix}${name.toLowerCase()}`, [value])
}
