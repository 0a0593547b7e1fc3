import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError } from '@millrace/engine/spi'
import { openPostgres } from './postgres-database.ts'
import { redactStoreUrl } from './postgres-url.ts'
import type { SqlDatabase } from './sql-database.ts'
import { openSqlite } from './sqlite-database.ts'

/**
 * Opens the control plane's database: `store.db` in the data directory unless `url` says otherwise, `sqlite:PATH`,
 * `file:///PATH` or `postgres://…`.
 * Errors: `STORE_URL_INVALID` (invalid), `STORE_FAILED` (unavailable), `STORE_TOO_NEW` (invalid).
 */
export async function openDatabase(url: string | undefined, dataDirectory: string): Promise<SqlDatabase> {
  if (url === undefined) return openSqlite(join(dataDirectory, 'store.db'))
  if (isSharedStore(url)) return openPostgres(url)
  if (url.startsWith('sqlite:')) return openSqlite(resolve(dataDirectory, sqlitePath(url)))
  if (url.startsWith('file://')) return openSqlite(fileURLToPath(url))
  throw new EngineError('STORE_URL_INVALID', {
    kind: 'invalid',
    message: `No store is known for ${redactStoreUrl(url)}.`,
    hint: 'Give sqlite:/path/to/store.db or postgres://user@host:5432/database.',
  })
}

/** Whether several nodes can share the store. */
export function isSharedStore(url: string | undefined): boolean {
  return url !== undefined && /^postgres(ql)?:/.test(url)
}

function sqlitePath(url: string): string {
  return decodeURIComponent(url.slice('sqlite:'.length)).replace(/^\/\/(?=\/)/, '')
}
