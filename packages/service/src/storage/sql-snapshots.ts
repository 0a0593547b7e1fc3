import type { Expression, ExpressionBuilder, Kysely, SqlBool, Transaction } from 'kysely'
import {
  accountScope,
  type SnapshotOperationRecord,
  type SnapshotRecord,
  snapshotScope,
} from '../snapshots/snapshot-record.ts'
import type { Page } from './application-store.ts'
import { checkOwner } from './check-owner.ts'
import { keptOfGoneSnapshots, keptOperations } from './kept-operations.ts'
import { type SnapshotStore, tagOwner } from './snapshot-store.ts'
import type { SqlDatabase } from './sql-database.ts'
import type { Tables } from './tables.ts'

/** The snapshots of a `SqlApplicationStore`. */
export class SqlSnapshots implements SnapshotStore {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  snapshot(scope: string, name: string): Promise<SnapshotRecord | undefined> {
    return this.#database.read(async (db) => {
      const row = await db
        .selectFrom('snapshots')
        .select('record')
        .where('scope', '=', scope)
        .where('name', '=', name)
        .executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.record) as SnapshotRecord)
    })
  }

  putSnapshot: SnapshotStore['putSnapshot'] = (expected, snapshot, operations, tags = {}, owner) =>
    this.#database.transaction(async (db) => {
      await checkOwner(this.#database, db, snapshot.applicationName, owner)
      const stored =
        expected === undefined ? await insertSnapshot(db, snapshot) : await replaceSnapshot(db, expected, snapshot)
      if (!stored) return false
      await putSnapshotOperations(db, operations)
      const rows = Object.entries(tags).map(([tag, value]) => ({ application: tagOwner(snapshot.name), tag, value }))
      if (rows.length > 0) await db.insertInto('tags').values(rows).execute()
      if (snapshot.status === 'CREATING') await this.#database.notify(db, snapshot.applicationName)
      return true
    })

  removeSnapshot(scope: string, name: string, operations: readonly SnapshotOperationRecord[]): Promise<void> {
    return this.#database.transaction(async (db) => {
      await db.deleteFrom('snapshots').where('scope', '=', scope).where('name', '=', name).execute()
      if (scope === accountScope) await db.deleteFrom('tags').where('application', '=', tagOwner(name)).execute()
      await putSnapshotOperations(db, operations)
      if (scope === accountScope) await forgetOperationsOfGone(db)
    })
  }

  listSnapshots: SnapshotStore['listSnapshots'] = (scope, { applicationName, status, initiators }, after, limit) =>
    this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('snapshots')
        .select(['position', 'record'])
        .where('scope', '=', scope)
        .$if(applicationName !== undefined, (query) => query.where('application', '=', applicationName!))
        .$if(status !== undefined, (query) => query.where('status', '=', status!))
        .$if(initiators !== undefined, (query) => query.where('initiator', 'in', initiators!))
        .$if(after !== undefined, (query) => query.where('position', '<', Number(after)))
        .orderBy('position', 'desc')
        .limit(limit + 1)
        .execute()
      return pageOf<SnapshotRecord>(rows, limit)
    })

  countSnapshots(scope: string): Promise<number> {
    return this.#database.read(async (db) => {
      const counted = await db
        .selectFrom('snapshots')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('scope', '=', scope)
        .executeTakeFirstOrThrow()
      return Number(counted.count)
    })
  }

  latestSnapshot(applicationName: string, createdMs: number): Promise<SnapshotRecord | undefined> {
    return this.#database.read(async (db) => {
      const row = await db
        .selectFrom('snapshots')
        .select('record')
        .where('application', '=', applicationName)
        .where('application_created', '=', createdMs)
        .where('status', '=', 'READY')
        .orderBy('position', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.record) as SnapshotRecord)
    })
  }

  unsettledSnapshots(): Promise<readonly SnapshotRecord[]> {
    return this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('snapshots')
        .select('record')
        .where('status', 'in', ['CREATING', 'DELETING'])
        .orderBy('position')
        .execute()
      return rows.map(({ record }) => JSON.parse(record) as SnapshotRecord)
    })
  }

  snapshotsOf(applicationName: string, createdMs: number): Promise<readonly SnapshotRecord[]> {
    return this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('snapshots')
        .select('record')
        .where('scope', '=', accountScope)
        .where('application', '=', applicationName)
        .where('application_created', '=', createdMs)
        .orderBy('position')
        .execute()
      return rows.map(({ record }) => JSON.parse(record) as SnapshotRecord)
    })
  }

  putSnapshotOperation(operation: SnapshotOperationRecord): Promise<void> {
    return this.#database.transaction((db) => putSnapshotOperations(db, [operation]))
  }

  snapshotOperation(snapshotName: string, id: string): Promise<SnapshotOperationRecord | undefined> {
    return this.#database.read(async (db) => {
      const row = await db
        .selectFrom('snapshot_operations')
        .select('record')
        .where('snapshot', '=', snapshotName)
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.record) as SnapshotOperationRecord)
    })
  }

  listSnapshotOperations: SnapshotStore['listSnapshotOperations'] = (snapshotName, { name, status }, after, limit) =>
    this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('snapshot_operations')
        .select(['position', 'record'])
        .where('snapshot', '=', snapshotName)
        .$if(name !== undefined, (query) => query.where('name', '=', name!))
        .$if(status !== undefined, (query) => query.where('status', '=', status!))
        .$if(after !== undefined, (query) => query.where('position', '<', Number(after)))
        .orderBy('position', 'desc')
        .limit(limit + 1)
        .execute()
      return pageOf<SnapshotOperationRecord>(rows, limit)
    })

  snapshotOperationsInProgress(): Promise<readonly SnapshotOperationRecord[]> {
    return this.#database.read(async (db: Kysely<Tables>) => {
      const rows = await db
        .selectFrom('snapshot_operations')
        .select('record')
        .where('status', '=', 'IN_PROGRESS')
        .orderBy('position')
        .execute()
      return rows.map(({ record }) => JSON.parse(record) as SnapshotOperationRecord)
    })
  }
}

/** Inserts or replaces it, in a transaction of the caller's. */
export async function setSnapshot(db: Transaction<Tables>, snapshot: SnapshotRecord): Promise<void> {
  const { status, initiator } = snapshot
  const record = JSON.stringify(snapshot)
  await db
    .insertInto('snapshots')
    .values(rowOf(snapshot))
    .onConflict((conflict) => conflict.columns(['scope', 'name']).doUpdateSet({ status, initiator, record }))
    .execute()
}

/** Inserts or replaces them and forgets old ones, in a transaction of the caller's. */
export async function putSnapshotOperations(
  db: Transaction<Tables>,
  operations: readonly SnapshotOperationRecord[],
): Promise<void> {
  for (const operation of operations) await putSnapshotOperation(db, operation)
  for (const name of new Set(operations.map(({ snapshotName }) => snapshotName))) await forgetOldOperations(db, name)
}

async function putSnapshotOperation(db: Transaction<Tables>, operation: SnapshotOperationRecord): Promise<void> {
  const { id, snapshotName: snapshot, name, status } = operation
  const record = JSON.stringify(operation)
  await db
    .insertInto('snapshot_operations')
    .values({ id, snapshot, name, status, record })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ status, record }))
    .execute()
}

type WhichOperations = (its: ExpressionBuilder<Tables, 'snapshot_operations'>) => Expression<SqlBool>

/** All of a snapshot but the newest and those in progress. */
async function forgetOldOperations(db: Transaction<Tables>, snapshot: string): Promise<void> {
  await forgetOperations(db, (its) => its('snapshot', '=', snapshot), keptOperations)
}

/** Those on enhanced snapshots that are gone, but the newest. */
async function forgetOperationsOfGone(db: Transaction<Tables>): Promise<void> {
  const there = db.selectFrom('snapshots').select('name').where('scope', '=', accountScope)
  await forgetOperations(db, (its) => its('snapshot', 'not in', there), keptOfGoneSnapshots)
}

async function forgetOperations(db: Transaction<Tables>, which: WhichOperations, kept: number): Promise<void> {
  const oldest = await db
    .selectFrom('snapshot_operations')
    .select('position')
    .where(which)
    .orderBy('position', 'desc')
    .offset(kept)
    .limit(1)
    .executeTakeFirst()
  if (oldest === undefined) return
  await db
    .deleteFrom('snapshot_operations')
    .where(which)
    .where('position', '<=', oldest.position)
    .where('status', '<>', 'IN_PROGRESS')
    .execute()
}

async function insertSnapshot(db: Transaction<Tables>, snapshot: SnapshotRecord): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('snapshots')
    .values(rowOf(snapshot))
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

async function replaceSnapshot(db: Transaction<Tables>, expected: string, snapshot: SnapshotRecord): Promise<boolean> {
  const { status, record } = rowOf(snapshot)
  const { numUpdatedRows } = await db
    .updateTable('snapshots')
    .set({ status, record })
    .where('scope', '=', snapshotScope(snapshot))
    .where('name', '=', snapshot.name)
    .where('status', '=', expected)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

function rowOf(snapshot: SnapshotRecord) {
  const { name, applicationName: application, applicationCreatedMs, status, initiator } = snapshot
  const record = JSON.stringify(snapshot)
  const scope = snapshotScope(snapshot)
  return { scope, name, application, application_created: applicationCreatedMs, status, initiator, record }
}

function pageOf<T>(rows: readonly { readonly position: number; readonly record: string }[], limit: number): Page<T> {
  const items = rows.slice(0, limit).map(({ record }) => JSON.parse(record) as T)
  return { items, next: rows.length > limit ? String(rows[limit - 1]!.position) : undefined }
}
