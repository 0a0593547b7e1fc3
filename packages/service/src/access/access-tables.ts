import { type Kysely, sql } from 'kysely'
import type { SqlDatabase } from '../storage/sql-database.ts'

/** The tables of access control as the query builder knows them. */
export interface AccessTables {
  readonly access_records: { kind: string; id: string; record: string }
  readonly access_revision: { id: number; revision: number }
}

/** Of PostgreSQL's advisory locks: any number that nobody else has. */
const layoutLock = 7_242_199

/** Makes the tables when they aren't there; several processes may begin at once. */
export function createAccessTables(database: SqlDatabase): Promise<void> {
  return database.transaction(async (all) => {
    const db = all as unknown as Kysely<AccessTables>
    if (database.dialect === 'postgres') await sql`SELECT pg_advisory_xact_lock(${layoutLock})`.execute(db)
    await db.schema
      .createTable('access_records')
      .ifNotExists()
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('record', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('access_records_key', ['kind', 'id'])
      .execute()
    await db.schema
      .createTable('access_revision')
      .ifNotExists()
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('revision', 'integer', (column) => column.notNull())
      .execute()
    await db
      .insertInto('access_revision')
      .values({ id: 1, revision: 0 })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  })
}
