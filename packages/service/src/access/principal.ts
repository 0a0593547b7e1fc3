import { PolicySet } from './policy/policy-set.ts'

/** Who makes a call. */
export interface Principal {
  /**
   * root: the administrator's key · user: a key of a user · role-session: a running application with its role · link: who
   * opened a presigned URL · anonymous: who proves a right by something else than a signature.
   */
  readonly kind: 'root' | 'user' | 'role-session' | 'link' | 'anonymous'
  readonly arn: string
  readonly name: string
  /** Empty when there is no key. */
  readonly accessKeyId: string
}

/** A principal with what it may do. */
export interface Identity {
  readonly principal: Principal
  /** Undefined: everything. */
  readonly policies: PolicySet | undefined
  readonly tags: Readonly<Record<string, string>>
  /** What `aws:PrincipalArn` is: of a session its role. */
  readonly conditionArn: string
}

export interface Account {
  readonly region: string
  readonly accountId: string
}

export function userArn({ accountId }: Account, name: string): string {
  return `arn:aws:iam::${accountId}:user/${name}`
}

export function roleArn({ accountId }: Account, name: string): string {
  return `arn:aws:iam::${accountId}:role/${name}`
}

export function applicationArn({ region, accountId }: Account, name: string): string {
  return `arn:aws:kinesisanalytics:${region}:${accountId}:application/${name}`
}

/** Of a snapshot that lives apart from its application. */
export function snapshotArn({ region, accountId }: Account, name: string): string {
  return `arn:aws:kinesisanalytics:${region}:${accountId}:snapshot/${name}`
}

/** The holder of the administrator's key, who may do everything. */
export function rootIdentity({ accountId }: Account, accessKeyId: string): Identity {
  const arn = `arn:aws:iam::${accountId}:root`
  return {
    principal: { kind: 'root', arn, name: 'root', accessKeyId },
    policies: undefined,
    tags: {},
    conditionArn: arn,
  }
}

/** Nobody in particular, who may do nothing. */
export const anonymousIdentity: Identity = {
  principal: { kind: 'anonymous', arn: 'anonymous', name: 'anonymous', accessKeyId: '' },
  policies: new PolicySet([]),
  tags: {},
  conditionArn: 'anonymous',
}
