import { type Kysely, sql, type Transaction } from 'kysely'
import { storeFailed } from './store-errors.ts'
import type { Tables } from './tables.ts'

/** A database behind a query builder; the same queries for each dialect, as far as `dialect` doesn't part them. */
export class SqlDatabase {
  readonly dialect: 'sqlite' | 'postgres'
  /** For messages; without a password. */
  readonly place: string
  /** Where changes are told; undefined when the database tells none. */
  readonly notificationChannel: string | undefined
  readonly #kysely: Kysely<Tables>

  constructor(
    dialect: 'sqlite' | 'postgres',
    place: string,
    kysely: Kysely<Tables>,
    notificationChannel?: string | undefined,
  ) {
    this.dialect = dialect
    this.place = place
    this.notificationChannel = notificationChannel
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

  /** As `locked`, but others may keep them as well. */
  kept<Query extends { forShare(): Query }>(query: Query): Query {
    return this.dialect === 'postgres' ? query.forShare() : query
  }

  /** Tells all who listen, when the transaction is done, that something of this application has changed. */
  async notify(db: Kysely<Tables>, application: string): Promise<void> {
    if (this.notificationChannel === undefined) return
    await sql`SELECT pg_notify(${this.notificationChannel}, ${application})`.execute(db)
  }

  close(): Promise<void> {
    return this.#kysely.destroy()
  }
}
