import { snapshotTables } from './snapshot-tables.ts'

/** Where the dialects of SQL differ in how tables are laid out. */
export interface LayoutDialect {
  /** Compared by its bytes, as the service compares names. */
  readonly name: string
  readonly positionKey: string
  /** Behind a table whose rows lie in the order of their primary key. */
  readonly keyed: string
}

export const sqliteLayout: LayoutDialect = {
  name: 'TEXT',
  positionKey: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  keyed: ' WITHOUT ROWID',
}

export const postgresLayout: LayoutDialect = {
  name: 'TEXT COLLATE "C"',
  positionKey: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  keyed: '',
}

/**
 * The database's layout, one step a version: step n takes it from version n - 1 to n. Steps are never edited, only added.
 * Records are JSON; columns beside them are what is looked up by.
 */
export function migrations({ name, positionKey, keyed }: LayoutDialect): readonly (readonly string[])[] {
  return [
    [
      `CREATE TABLE applications (
        name ${name} PRIMARY KEY,
        arn TEXT NOT NULL UNIQUE,
        status TEXT NOT NULL,
        version_id INTEGER NOT NULL,
        record TEXT NOT NULL
      )${keyed}`,
      `CREATE TABLE versions (
        application ${name} NOT NULL,
        version_id INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (application, version_id)
      )${keyed}`,
      `CREATE TABLE operations (
        position ${positionKey},
        application ${name} NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        record TEXT NOT NULL,
        UNIQUE (application, id)
      )`,
      "CREATE INDEX operations_in_progress ON operations (position) WHERE status = 'IN_PROGRESS'",
      'CREATE INDEX operations_by_application ON operations (application, position)',
      `CREATE TABLE tags (
        application ${name} NOT NULL,
        tag ${name} NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (application, tag)
      )${keyed}`,
    ],
    [
      `CREATE TABLE nodes (
        id TEXT PRIMARY KEY,
        incarnation BIGINT NOT NULL,
        zone TEXT NOT NULL,
        url TEXT NOT NULL,
        capacity INTEGER NOT NULL,
        heartbeat_ms BIGINT NOT NULL
      )${keyed}`,
      `CREATE TABLE leases (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL
      )${keyed}`,
      `CREATE TABLE placements (
        application ${name} PRIMARY KEY,
        node TEXT,
        epoch BIGINT NOT NULL
      )${keyed}`,
      'CREATE INDEX placements_by_node ON placements (node)',
    ],
    snapshotTables({ name, positionKey, keyed }),
  ]
}
