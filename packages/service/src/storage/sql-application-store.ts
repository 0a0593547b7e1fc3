import type { Transaction } from 'kysely'
import type { ApplicationRecord, OperationRecord } from '../applications/application-record.ts'
import { accountScope } from '../snapshots/snapshot-record.ts'
import type { ApplicationStore, Page } from './application-store.ts'
import { checkOwner } from './check-owner.ts'
import { keptOfDeleted, keptOperations } from './kept-operations.ts'
import type { ExpectedState, Owner } from './owner.ts'
import { type SnapshotsOfChange, snapshotOfTagOwner } from './snapshot-store.ts'
import type { SqlDatabase } from './sql-database.ts'
import { putSnapshotOperations, SqlSnapshots, setSnapshot } from './sql-snapshots.ts'
import type { Tables } from './tables.ts'

/** The control plane's memory in a SQL database. */
export class SqlApplicationStore extends SqlSnapshots implements ApplicationStore {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    super(database)
    this.#database = database
  }

  createApplication(
    application: ApplicationRecord,
    tags: Readonly<Record<string, string>>,
    operation: OperationRecord,
  ): Promise<boolean> {
    return this.#database.transaction(async (db) => {
      const { name, arn, status, versionId } = application
      const record = JSON.stringify(application)
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('applications')
        .values({ name, arn, status, version_id: versionId, record })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows !== 1n) return false
      await db.deleteFrom('operations').where('application', '=', name).execute()
      await db.insertInto('versions').values({ application: name, version_id: versionId, record }).execute()
      await setTags(db, name, tags)
      await this.#putOperation(db, operation)
      return true
    })
  }

  application(name: string): Promise<ApplicationRecord | undefined> {
    return this.#database.read(async (db) => {
      const row = await db.selectFrom('applications').select('record').where('name', '=', name).executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.record) as ApplicationRecord)
    })
  }

  applicationByArn(arn: string): Promise<ApplicationRecord | undefined> {
    return this.#database.read(async (db) => {
      const row = await db.selectFrom('applications').select('record').where('arn', '=', arn).executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.record) as ApplicationRecord)
    })
  }

  listApplications(after: string | undefined, limit: number): Promise<Page<ApplicationRecord>> {
    return this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('applications')
        .select(['name', 'record'])
        .$if(after !== undefined, (query) => query.where('name', '>', after!))
        .orderBy('name')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map((row) => JSON.parse(row.record) as ApplicationRecord)
      return { items, next: rows.length > limit ? rows[limit - 1]!.name : undefined }
    })
  }

  allApplications(): Promise<readonly ApplicationRecord[]> {
    return this.#database.read(async (db) => {
      const rows = await db.selectFrom('applications').select('record').orderBy('name').execute()
      return rows.map((row) => JSON.parse(row.record) as ApplicationRecord)
    })
  }

  change(
    name: string,
    expected: ExpectedState,
    change: Partial<Omit<ApplicationRecord, 'name' | 'arn' | 'createdMs'>>,
    operations: readonly OperationRecord[],
    snapshots?: SnapshotsOfChange,
  ): Promise<boolean> {
    return this.#database.transaction(async (db) => {
      const row = await this.#database
        .locked(db.selectFrom('applications').select('record').where('name', '=', name))
        .where('status', '=', expected.status)
        .where('version_id', '=', expected.versionId)
        .executeTakeFirst()
      await checkOwner(this.#database, db, name, expected.owner)
      if (row === undefined) return false
      const changed: ApplicationRecord = { ...(JSON.parse(row.record) as ApplicationRecord), ...change }
      const { status, versionId } = changed
      const record = JSON.stringify(changed)
      await db
        .updateTable('applications')
        .set({ status, version_id: versionId, record })
        .where('name', '=', name)
        .execute()
      await db
        .insertInto('versions')
        .values({ application: name, version_id: versionId, record })
        .onConflict((conflict) => conflict.columns(['application', 'version_id']).doUpdateSet({ record }))
        .execute()
      for (const operation of operations) await this.#putOperation(db, operation)
      if (operations.length > 0) await forgetOldOperations(db, name, keptOperations)
      if (snapshots?.forgetLegacy === true) await db.deleteFrom('snapshots').where('scope', '=', name).execute()
      for (const snapshot of snapshots?.snapshots ?? []) await setSnapshot(db, snapshot)
      await putSnapshotOperations(db, snapshots?.operations ?? [])
      return true
    })
  }

  version(name: string, versionId: number): Promise<ApplicationRecord | undefined> {
    return this.#database.read(async (db) => {
      const row = await db
        .selectFrom('versions')
        .select('record')
        .where('application', '=', name)
        .where('version_id', '=', versionId)
        .executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.record) as ApplicationRecord)
    })
  }

  listVersions(name: string, after: string | undefined, limit: number): Promise<Page<ApplicationRecord>> {
    return this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('versions')
        .select(['version_id', 'record'])
        .where('application', '=', name)
        .$if(after !== undefined, (query) => query.where('version_id', '<', Number(after)))
        .orderBy('version_id', 'desc')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map((row) => JSON.parse(row.record) as ApplicationRecord)
      return { items, next: rows.length > limit ? String(rows[limit - 1]!.version_id) : undefined }
    })
  }

  deleteApplication(name: string, operation: OperationRecord, owner?: Owner): Promise<void> {
    return this.#database.transaction(async (db) => {
      // Everyone locks the application before its placement, so that nobody waits in a circle.
      await this.#database.locked(db.selectFrom('applications').select('name').where('name', '=', name)).execute()
      await checkOwner(this.#database, db, name, owner)
      await db.deleteFrom('applications').where('name', '=', name).execute()
      await db.deleteFrom('versions').where('application', '=', name).execute()
      await db.deleteFrom('tags').where('application', '=', name).execute()
      await db.deleteFrom('snapshots').where('scope', '=', name).execute()
      await this.#putOperation(db, operation)
      await forgetOldOperations(db, name, keptOfDeleted)
    })
  }

  operation(applicationName: string, id: string): Promise<OperationRecord | undefined> {
    return this.#database.read(async (db) => {
      const row = await db
        .selectFrom('operations')
        .select('record')
        .where('application', '=', applicationName)
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? undefined : (JSON.parse(row.record) as OperationRecord)
    })
  }

  listOperations(
    applicationName: string,
    filter: Parameters<ApplicationStore['listOperations']>[1],
    after: string | undefined,
    limit: number,
  ): Promise<Page<OperationRecord>> {
    return this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('operations')
        .select(['position', 'record'])
        .where('application', '=', applicationName)
        .$if(filter.name !== undefined, (query) => query.where('name', '=', filter.name!))
        .$if(filter.status !== undefined, (query) => query.where('status', '=', filter.status!))
        .$if(after !== undefined, (query) => query.where('position', '<', Number(after)))
        .orderBy('position', 'desc')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map((row) => JSON.parse(row.record) as OperationRecord)
      return { items, next: rows.length > limit ? String(rows[limit - 1]!.position) : undefined }
    })
  }

  operationsInProgress(): Promise<readonly OperationRecord[]> {
    return this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('operations')
        .select('record')
        .where('status', '=', 'IN_PROGRESS')
        .orderBy('position')
        .execute()
      return rows.map((row) => JSON.parse(row.record) as OperationRecord)
    })
  }

  tags(name: string): Promise<Readonly<Record<string, string>>> {
    return this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('tags')
        .select(['tag', 'value'])
        .where('application', '=', name)
        .orderBy('tag')
        .execute()
      return Object.fromEntries(rows.map(({ tag, value }) => [tag, value]))
    })
  }

  changeTags(
    name: string,
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
    limit: number,
  ): Promise<boolean> {
    return this.#database.transaction(async (db) => {
      if (!(await this.#lockTagOwner(db, name))) return false
      const rows = await db.selectFrom('tags').select('tag').where('application', '=', name).execute()
      const kept = new Set([...rows.map(({ tag }) => tag), ...Object.keys(set)])
      for (const tag of remove) kept.delete(tag)
      if (kept.size > limit) return false
      await setTags(db, name, set)
      if (remove.length > 0) {
        await db.deleteFrom('tags').where('application', '=', name).where('tag', 'in', remove).execute()
      }
      return true
    })
  }

  async #putOperation(db: Transaction<Tables>, operation: OperationRecord): Promise<void> {
    const { applicationName: application, id, name, status } = operation
    const record = JSON.stringify(operation)
    await db
      .insertInto('operations')
      .values({ application, id, name, status, record })
      .onConflict((conflict) => conflict.columns(['application', 'id']).doUpdateSet({ name, status, record }))
      .execute()
    if (status === 'IN_PROGRESS') await this.#database.notify(db, application)
  }

  /** False when there is no such application, and no such snapshot. */
  async #lockTagOwner(db: Transaction<Tables>, owner: string): Promise<boolean> {
    const snapshot = snapshotOfTagOwner(owner)
    const row =
      snapshot === undefined
        ? await this.#database
            .locked(db.selectFrom('applications').select('name').where('name', '=', owner))
            .executeTakeFirst()
        : await this.#database
            .locked(
              db.selectFrom('snapshots').select('name').where('scope', '=', accountScope).where('name', '=', snapshot),
            )
            .executeTakeFirst()
    return row !== undefined
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

/** All but the newest and those in progress. */
async function forgetOldOperations(db: Transaction<Tables>, application: string, kept: number): Promise<void> {
  const oldest = await db
    .selectFrom('operations')
    .select('position')
    .where('application', '=', application)
    .orderBy('position', 'desc')
    .offset(kept)
    .limit(1)
    .executeTakeFirst()
  if (oldest === undefined) return
  await db
    .deleteFrom('operations')
    .where('application', '=', application)
    .where('position', '<=', oldest.position)
    .where('status', '<>', 'IN_PROGRESS')
    .execute()
}

async function setTags(
  db: Transaction<Tables>,
  application: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const rows = Object.entries(tags).map(([tag, value]) => ({ application, tag, value }))
  if (rows.length === 0) return
  await db
    .insertInto('tags')
    .values(rows)
    .onConflict((conflict) => {
      return conflict.columns(['application', 'tag']).doUpdateSet({ value: ({ ref }) => ref('excluded.value') })
    })
    .execute()
}
