import { type AccessRecord, idOf } from './access-records.ts'

export interface AccessState {
  /** Grows with every change. */
  readonly revision: number
  readonly records: readonly AccessRecord[]
}

/** What is changed together. */
export interface AccessChange {
  readonly put: readonly AccessRecord[]
  readonly remove: readonly AccessRecord[]
}

/**
 * Users, keys, roles and what goes with them. There are few of them and every request asks, so that each process holds
 * all in memory (`AccessDirectory`) and a change names the revision that it was decided on.
 */
export interface AccessStore {
  /** Other processes may change it too. */
  readonly isShared: boolean
  revision(): Promise<number>
  load(): Promise<AccessState>
  /** In one transaction; false, and nothing happens, when the revision is another. */
  change(expectedRevision: number, change: AccessChange): Promise<boolean>
  close(): Promise<void>
}

/** For tests. */
export class MemoryAccessStore implements AccessStore {
  readonly isShared: boolean
  readonly #records = new Map<string, AccessRecord>()
  #revision = 0

  constructor({ isShared = false } = {}) {
    this.isShared = isShared
  }

  async revision(): Promise<number> {
    return this.#revision
  }

  async load(): Promise<AccessState> {
    return { revision: this.#revision, records: [...this.#records.values()] }
  }

  async change(expectedRevision: number, { put, remove }: AccessChange): Promise<boolean> {
    if (this.#revision !== expectedRevision) return false
    for (const record of remove) this.#records.delete(`${record.kind}/${idOf(record)}`)
    for (const record of put) this.#records.set(`${record.kind}/${idOf(record)}`, record)
    this.#revision++
    return true
  }

  async close(): Promise<void> {}
}
