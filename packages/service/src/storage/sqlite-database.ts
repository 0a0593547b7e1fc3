import { chmodSync, closeSync, openSync } from 'node:fs'
import { Kysely, type SqliteDatabase, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { migrations, sqliteLayout } from './migrations.ts'
import { SqlDatabase } from './sql-database.ts'
import { storeFailed, storeTooNew } from './store-errors.ts'
import type { Tables } from './tables.ts'

/**
 * Opens or makes a SQLite file, mode 0600: WAL, and an fsync at every commit. One process at a time. Once it is closed the file
 * alone holds everything.
 * Errors: `STORE_FAILED`, `STORE_TOO_NEW` (invalid).
 */
export function openSqlite(file: string): SqlDatabase {
  try {
    // Made by us, so that it's never readable by others, not even for the moment before a chmod.
    closeSync(openSync(file, 'a', 0o600))
    chmodSync(file, 0o600)
    const database = new Database(file)
    try {
      database.pragma('journal_mode = WAL')
      database.pragma('synchronous = FULL')
      migrate(database, file)
    } catch (error) {
      database.close()
      throw error
    }
    return new SqlDatabase(
      'sqlite',
      file,
      new Kysely<Tables>({ dialect: new SqliteDialect({ database: foldedAtClose(database) }) }),
    )
  } catch (error) {
    throw storeFailed(error, file)
  }
}

/** The driver leaves what is in the log there. */
function foldedAtClose(database: Database.Database): SqliteDatabase {
  const close = () => {
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.close()
  }
  return { prepare: (query) => database.prepare(query), close }
}

/** The version is in `PRAGMA user_version`. */
function migrate(database: Database.Database, file: string): void {
  const steps = migrations(sqliteLayout)
  const [row] = database.pragma('user_version') as { user_version: number }[]
  const version = row?.user_version ?? 0
  if (version > steps.length) throw storeTooNew(file, version, steps.length)
  for (const [i, statements] of steps.entries()) {
    if (i < version) continue
    database.exec(['BEGIN', ...statements, `PRAGMA user_version = ${i + 1}`, 'COMMIT'].join(';\n'))
  }
}
