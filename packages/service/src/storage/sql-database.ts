import type { Kysely, Transaction } from 'kysely'
import { storeFailed } from './store-errors.ts'
import type { Tables } from './tables.ts'

/** A database behind a query builder; the same queries for each dialect, as far as `dialect` doesn't part them. */
export class SqlDatabase {
  readonly dialect: 'sqlite' | 'postgres'
  /** For messages; without a password. */
  readonly place: string
  readonly #kysely: Kysely<Tables>

  constructor(dialect: 'sqlite' | 'postgres', place: string, kysely: Kysely<Tables>) {
    this.dialect = dialect
    this.place = place
    this.#kysely = kysely
  }

  /**
   * Runs in one transaction, durable when it resolves. What it reads to decide on, it must lock (`locked`): transactions of
   * other processes go on beside it. Errors: `STORE_FAILED` (unavailable).
   */
  async transaction<T>(run: (db: Transaction<Tables>) => Promise<T>): Promise<T> {
    try {
      return await this.#kysely.transaction().execute(run)
    } catch (error) {
      throw storeFailed(error, this.place)
    }
  }

  /** Errors: `STORE_FAILED` (unavailable). */
  async read<T>(run: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    try {
      return await run(this.#kysely)
    } catch (error) {
      throw storeFailed(error, this.place)
    }
  }

  /** Rows that are read stay as they are until the transaction ends. SQLite has one writer at a time anyway. */
  locked<Query extends { forUpdate(): Query }>(query: Query): Query {
    return this.dialect === 'postgres' ? query.forUpdate() : query
  }

  close(): Promise<void> {
    return this.#kysely.destroy()
  }
}
