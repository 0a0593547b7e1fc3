import { chmodSync, closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { isSharedStore } from '../storage/open-store.ts'
import { openPostgres } from '../storage/postgres-database.ts'
import { SqlDatabase } from '../storage/sql-database.ts'
import type { Tables } from '../storage/tables.ts'
import { type AccessRecord, idOf } from './access-records.ts'
import type { AccessChange, AccessState, AccessStore } from './access-store.ts'
import { type AccessTables, createAccessTables } from './access-tables.ts'

/** Access control in a database: a file of its own at a single node, the shared PostgreSQL at several. */
export class SqlAccessStore implements AccessStore {
  readonly isShared: boolean
  readonly #database: SqlDatabase

  private constructor(database: SqlDatabase) {
    this.#database = database
    this.isShared = database.dialect === 'postgres'
  }

  /**
   * Opens the PostgreSQL of `storeUrl`, or `access.db` in the data directory, mode 0600.
   * Errors: `STORE_FAILED` (unavailable), `STORE_URL_INVALID`.
   */
  static async open(storeUrl: string | undefined, dataDirectory: string): Promise<SqlAccessStore> {
    const isShared = storeUrl !== undefined && isSharedStore(storeUrl)
    const database = isShared ? await openPostgres(storeUrl) : openFile(join(dataDirectory, 'access.db'))
    try {
      await createAccessTables(database)
    } catch (error) {
      await database.close()
      throw error
    }
    return new SqlAccessStore(database)
  }

  revision(): Promise<number> {
    return this.#database.read((db) => revisionOf(db as unknown as Kysely<AccessTables>))
  }

  load(): Promise<AccessState> {
    return this.#database.read(async (all) => {
      const db = all as unknown as Kysely<AccessTables>
      // The revision first: what is newer than it is read once more, what is older isn't read as newer.
      const revision = await revisionOf(db)
      const rows = await db.selectFrom('access_records').select('record').orderBy('kind').orderBy('id').execute()
      return { revision, records: rows.map(({ record }) => JSON.parse(record) as AccessRecord) }
    })
  }

  change(expectedRevision: number, { put, remove }: AccessChange): Promise<boolean> {
    return this.#database.transaction(async (all) => {
      const db = all as unknown as Kysely<AccessTables>
      const { numUpdatedRows } = await db
        .updateTable('access_revision')
        .set({ revision: expectedRevision + 1 })
        .where('revision', '=', expectedRevision)
        .executeTakeFirst()
      if (numUpdatedRows !== 1n) return false
      for (const record of [...remove, ...put]) {
        const { kind } = record
        await db.deleteFrom('access_records').where('kind', '=', kind).where('id', '=', idOf(record)).execute()
      }
      for (const record of put) {
        const row = { kind: record.kind, id: idOf(record), record: JSON.stringify(record) }
        await db.insertInto('access_records').values(row).execute()
      }
      return true
    })
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

async function revisionOf(db: Kysely<AccessTables>): Promise<number> {
  const row = await db.selectFrom('access_revision').select('revision').where('id', '=', 1).executeTakeFirstOrThrow()
  return Number(row.revision)
}

/** A file apart from the applications': a node that only has streams has users too. */
function openFile(file: string): SqlDatabase {
  // Made by us, so that it's never readable by others, not even for the moment before a chmod.
  closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
  const database = new Database(file)
  // Changes are few; without a second file beside it a copy of this one is whole.
  database.pragma('journal_mode = DELETE')
  database.pragma('synchronous = FULL')
  return new SqlDatabase('sqlite', file, new Kysely<Tables>({ dialect: new SqliteDialect({ database }) }))
}
