import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { migrations, postgresLayout } from './migrations.ts'
import { type PostgresUrl, readPostgresUrl } from './postgres-url.ts'
import { SqlDatabase } from './sql-database.ts'
import { storeFailed, storeTooNew } from './store-errors.ts'
import type { Tables } from './tables.ts'

const connectLimitMs = 5_000
/** Far above what a query takes; a database behind a cut line must not hold callers for as long as TCP does. */
const queryLimitMs = 5_000
/** Idle transactions of a process that was stopped would hold their locks against all others. */
const idleInTransactionLimitMs = 5_000
const maxConnections = 10
/** Of the advisory lock that lets one process migrate at a time: "mill" as ASCII. */
const migrationLock = 0x6d696c6c

/**
 * Opens a PostgreSQL database, for several processes at once: makes the schema and its tables when they aren't there, one
 * process at a time. A password comes with the URL, from PGPASSWORD or from the passfile.
 * Errors: `STORE_URL_INVALID`, `STORE_FAILED`, `STORE_TOO_NEW` (invalid).
 */
export async function openPostgres(url: string): Promise<SqlDatabase> {
  const target = readPostgresUrl(url)
  const pool = new pg.Pool({ ...target.connection, ...postgresLimits, max: maxConnections })
  // A connection that breaks while nobody uses it is replaced when one is needed; that call then tells what is wrong.
  pool.on('error', () => {})
  try {
    await migrate(pool, target)
  } catch (error) {
    await pool.end()
    throw storeFailed(error, target.place)
  }
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new CarefulPool(pool) }) })
  return new SqlDatabase('postgres', target.place, kysely.withSchema(target.schema), channelOf(target))
}

/** Limits of every connection to the database. */
export const postgresLimits = {
  application_name: 'millrace',
  connectionTimeoutMillis: connectLimitMs,
  query_timeout: queryLimitMs,
  idle_in_transaction_session_timeout: idleInTransactionLimitMs,
  keepAlive: true,
} as const

/** Where a store tells of its changes. */
export function channelOf({ schema }: PostgresUrl): string {
  return `millrace_${schema}`
}

/** Gives connections away whose last query wasn't answered in time: their next answer would be that one's. */
class CarefulPool implements PostgresPool {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect()
    let broken = false
    const query = async (text: string, parameters: readonly unknown[]) => {
      if (broken) throw new Error('The connection to the database is broken.')
      try {
        return await client.query(text, [...parameters])
      } catch (error) {
        // The server's own errors have a code and leave the connection as it was.
        broken = !(error instanceof pg.DatabaseError)
        throw error
      }
    }
    return { query: query as unknown as PostgresPoolClient['query'], release: () => client.release(broken) }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}

/** The version is in the table `migrations`. */
async function migrate(pool: pg.Pool, { schema, place }: PostgresUrl): Promise<void> {
  const steps = migrations(postgresLayout)
  const client = await pool.connect()
  let failed = true
  try {
    const name = client.escapeIdentifier(schema)
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [migrationLock])
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`)
    await client.query(`SET LOCAL search_path TO ${name}`)
    await client.query('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)')
    const { rows } = await client.query<{ version: number | null }>('SELECT max(version) AS version FROM migrations')
    const version = rows[0]?.version ?? 0
    if (version > steps.length) throw storeTooNew(place, version, steps.length)
    for (const [i, statements] of steps.entries()) {
      if (i < version) continue
      for (const statement of statements) await client.query(statement)
      await client.query('INSERT INTO migrations VALUES ($1)', [i + 1])
    }
    await client.query('COMMIT')
    failed = false
  } finally {
    // A connection that is closed rolls back.
    client.release(failed)
  }
}
