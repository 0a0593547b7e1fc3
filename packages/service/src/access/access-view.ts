import type {
  AccessKeyRecord,
  AccessRecord,
  RevocationRecord,
  RoleRecord,
  SecretRecord,
  UserRecord,
} from './access-records.ts'
import type { AccessChange, AccessState } from './access-store.ts'

/** All records of one revision, by name. Never changed: a change makes the next view. */
export class AccessView {
  readonly revision: number
  readonly users = new Map<string, UserRecord>()
  readonly roles = new Map<string, RoleRecord>()
  readonly keys = new Map<string, AccessKeyRecord>()
  readonly secrets = new Map<string, SecretRecord>()
  readonly #revocations = new Map<string, RevocationRecord>()

  constructor({ revision, records }: AccessState) {
    this.revision = revision
    for (const record of records) this.#add(record)
  }

  keysOf(userName: string): AccessKeyRecord[] {
    return [...this.keys.values()].filter((key) => key.userName === userName)
  }

  /** Whether sessions of this process of an application were revoked. */
  isRevoked(applicationName: string, applicationCreatedMs: number, epoch: number): boolean {
    const revoked = this.#revocations.get(applicationName)
    if (revoked === undefined || revoked.applicationCreatedMs < applicationCreatedMs) return false
    return revoked.applicationCreatedMs > applicationCreatedMs || revoked.epoch >= epoch
  }

  /** The view after a change that the store took. */
  after({ put, remove }: AccessChange): AccessView {
    const view = new AccessView({ revision: this.revision + 1, records: [] })
    for (const record of this.#records()) view.#add(record)
    for (const record of remove) view.#remove(record)
    for (const record of put) view.#add(record)
    return view
  }

  *#records(): Iterable<AccessRecord> {
    yield* this.users.values()
    yield* this.roles.values()
    yield* this.keys.values()
    yield* this.secrets.values()
    yield* this.#revocations.values()
  }

  #add(record: AccessRecord): void {
    switch (record.kind) {
      case 'user':
        this.users.set(record.name, record)
        break
      case 'role':
        this.roles.set(record.name, record)
        break
      case 'key':
        this.keys.set(record.id, record)
        break
      case 'secret':
        this.secrets.set(record.id, record)
        break
      case 'revocation':
        this.#revocations.set(record.applicationName, record)
    }
  }

  #remove(record: AccessRecord): void {
    switch (record.kind) {
      case 'user':
        this.users.delete(record.name)
        break
      case 'role':
        this.roles.delete(record.name)
        break
      case 'key':
        this.keys.delete(record.id)
        break
      case 'secret':
        this.secrets.delete(record.id)
        break
      case 'revocation':
        this.#revocations.delete(record.applicationName)
    }
  }
}
