import { EngineError } from '@millrace/engine/spi'

/** Where a PostgreSQL store is. */
export interface PostgresUrl {
  readonly connection: {
    readonly connectionString: string
  }
  /** The schema the tables are in. */
  readonly schema: string
  /** The URL for messages: without a password. */
  readonly place: string
}

const defaultSchema = 'millrace'

/**
 * Reads `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?search_path=SCHEMA&sslmode=…]`.
 * Errors: `STORE_URL_INVALID` (invalid), which doesn't repeat the password.
 */
export function readPostgresUrl(url: string): PostgresUrl {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new EngineError('STORE_URL_INVALID', {
      kind: 'invalid',
      message: "The store's URL can't be read.",
      hint: 'It looks like postgres://user@host:5432/database; other characters than letters and digits as %XX.',
    })
  }
  const schema = parsed.searchParams.get('search_path') ?? defaultSchema
  parsed.searchParams.delete('search_path')
  const connectionString = parsed.href
  return { connection: { connectionString }, schema, place: withoutSecrets(parsed) }
}

/** A store's URL for messages: without a password, however it is written. */
export function redactStoreUrl(url: string): string {
  if (/^(sqlite|file):/.test(url)) return url
  return URL.canParse(url) ? withoutSecrets(new URL(url)) : `${/^[a-z]*:?/i.exec(url)?.[0] ?? ''}…`
}

/** Whether a store's URL carries a password, in either place that PostgreSQL reads it from. */
export function hasPassword(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { password, searchParams } = new URL(url)
  return password !== '' || searchParams.has('password')
}

function withoutSecrets(url: URL): string {
  const shown = new URL(url)
  shown.password = ''
  shown.search = ''
  return shown.href
}
