import type { RoleAwsSource } from './role-aws-source.ts'

/** Who may sign requests. Policies by name, as IAM's JSON text. */
export interface UserRecord {
  readonly kind: 'user'
  readonly name: string
  readonly createdMs: number
  readonly tags: Readonly<Record<string, string>>
  readonly policies: Readonly<Record<string, string>>
}

/** An access key of a user. */
export interface AccessKeyRecord {
  readonly kind: 'key'
  readonly id: string
  readonly userName: string
  readonly isActive: boolean
  readonly createdMs: number
  /** Encrypted: to verify a signature the secret itself is needed. See `SecretBox`. */
  readonly sealedSecret: string
}

/** What an application may do while it runs. */
export interface RoleRecord {
  readonly kind: 'role'
  readonly name: string
  readonly description: string
  readonly createdMs: number
  readonly tags: Readonly<Record<string, string>>
  readonly policies: Readonly<Record<string, string>>
  /** Services that may take it on, such as `kinesisanalytics.amazonaws.com`. */
  readonly trustedServices: readonly string[]
  /** Where its credentials for AWS's own services come from; it has none unless given. */
  readonly aws?: RoleAwsSource | undefined
}

/** A key that all processes with this store share, encrypted. */
export interface SecretRecord {
  readonly kind: 'secret'
  readonly id: string
  readonly sealedSecret: string
  /** Of an administrator's key: the machine of the process that has it, and when that was last started. */
  readonly host?: string
  readonly startedMs?: number
}

/** Sessions of an application up to this process of it (and of former applications of its name) hold no more. */
export interface RevocationRecord {
  readonly kind: 'revocation'
  readonly applicationName: string
  readonly applicationCreatedMs: number
  readonly epoch: number
}

export type AccessRecord = UserRecord | AccessKeyRecord | RoleRecord | SecretRecord | RevocationRecord

/** What tells records of one kind apart. */
export function idOf(record: AccessRecord): string {
  switch (record.kind) {
    case 'user':
    case 'role':
      return record.name
    case 'key':
    case 'secret':
      return record.id
    case 'revocation':
      return record.applicationName
  }
}
