/**
 * The database's layout, one step a version: step n takes it from version n - 1 to n (`PRAGMA user_version`). Steps are
 * never edited, only added. Records are JSON; columns beside them are what is looked up by.
 */
export const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE applications (
      name TEXT PRIMARY KEY,
      arn TEXT NOT NULL UNIQUE,
      status TEXT NOT NULL,
      version_id INTEGER NOT NULL,
      record TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE versions (
      application TEXT NOT NULL,
      version_id INTEGER NOT NULL,
      record TEXT NOT NULL,
      PRIMARY KEY (application, version_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE operations (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      application TEXT NOT NULL,
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      status TEXT NOT NULL,
      record TEXT NOT NULL,
      UNIQUE (application, id)
    )`,
    "CREATE INDEX operations_in_progress ON operations (position) WHERE status = 'IN_PROGRESS'",
    'CREATE INDEX operations_by_application ON operations (application, position)',
    `CREATE TABLE tags (
      application TEXT NOT NULL,
      tag TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (application, tag)
    ) WITHOUT ROWID`,
  ],
]
