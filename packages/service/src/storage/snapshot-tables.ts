import type { LayoutDialect } from './migrations.ts'

/** The step of the layout that snapshots came with. */
export function snapshotTables({ name, positionKey }: LayoutDialect): readonly string[] {
  return [
    `CREATE TABLE snapshots (
      position ${positionKey},
      scope ${name} NOT NULL,
      name ${name} NOT NULL,
      application ${name} NOT NULL,
      application_created BIGINT NOT NULL,
      status TEXT NOT NULL,
      initiator TEXT NOT NULL,
      record TEXT NOT NULL,
      UNIQUE (scope, name)
    )`,
    'CREATE INDEX snapshots_by_application ON snapshots (application, position)',
    "CREATE INDEX snapshots_unsettled ON snapshots (position) WHERE status IN ('CREATING', 'DELETING')",
    `CREATE TABLE snapshot_operations (
      position ${positionKey},
      snapshot ${name} NOT NULL,
      id TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      status TEXT NOT NULL,
      record TEXT NOT NULL
    )`,
    'CREATE INDEX snapshot_operations_by_snapshot ON snapshot_operations (snapshot, position)',
    "CREATE INDEX snapshot_operations_in_progress ON snapshot_operations (position) WHERE status = 'IN_PROGRESS'",
  ]
}
