import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { ApplicationRecord } from '../applications/application-record.ts'
import { presentKpus } from '../applications/kpus.ts'
import type { SqlDatabase } from '../storage/sql-database.ts'
import type { Tables } from '../storage/tables.ts'
import { restingStatuses } from './demand.ts'
import type { Assignment, Heartbeat, KnownNode, NodeRecord, Placement, ZoneStore, ZoneView } from './zone-store.ts'

/** PostgreSQL's clock, not a node's; not the transaction's start, which may be long ago when it waited for a lock. */
const nowMs: RawBuilder<number> = sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`

/**
 * Zones in PostgreSQL. Rows are locked in one order, application, lease, node, placement, so that nobody waits in a circle.
 */
export class PostgresZoneStore implements ZoneStore {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  register(node: Omit<NodeRecord, 'incarnation'>): Promise<NodeRecord> {
    return this.#database.transaction(async (db) => {
      const { id, zone, url, capacity } = node
      const row = await db
        .insertInto('nodes')
        .values({ id, zone, url, capacity, incarnation: 1, heartbeat_ms: nowMs })
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet({
            zone,
            url,
            capacity,
            incarnation: sql<number>`nodes.incarnation + 1`,
            heartbeat_ms: nowMs,
          }),
        )
        .returning('incarnation')
        .executeTakeFirstOrThrow()
      await db.updateTable('placements').set({ epoch: sql<number>`epoch + 1` }).where('node', '=', id).execute()
      return { id, zone, url, capacity, incarnation: Number(row.incarnation) }
    })
  }

  heartbeat(id: string, incarnation: number): Promise<Heartbeat> {
    return this.#database.transaction(async (db) => {
      const { numUpdatedRows } = await db
        .updateTable('nodes')
        .set({ heartbeat_ms: nowMs })
        .where('id', '=', id)
        .where('incarnation', '=', incarnation)
        .executeTakeFirst()
      if (numUpdatedRows === 1n) return 'renewed'
      const node = await db.selectFrom('nodes').select('id').where('id', '=', id).executeTakeFirst()
      return node === undefined ? 'unknown' : 'superseded'
    })
  }

  leave(id: string, incarnation: number): Promise<void> {
    return this.#database.transaction(async (db) => {
      await db
        .updateTable('nodes')
        .set({ heartbeat_ms: 0, incarnation: incarnation + 1 })
        .where('id', '=', id)
        .where('incarnation', '=', incarnation)
        .execute()
      await this.#database.notify(db, '')
    })
  }

  acquireLease(name: string, holder: string, lifeMs: number): Promise<{ readonly epoch: number } | undefined> {
    return this.#database.transaction(async (db) => {
      const expires_ms = sql<number>`${nowMs} + ${Math.round(lifeMs)}::bigint`
      const row = await db
        .insertInto('leases')
        .values({ name, holder, epoch: 1, expires_ms })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({
              holder,
              epoch: sql<number>`leases.epoch + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END`,
              expires_ms,
            })
            .where(({ eb, or }) => or([eb('leases.holder', '=', holder), eb('leases.expires_ms', '<=', nowMs)])),
        )
        .returning('epoch')
        .executeTakeFirst()
      return row === undefined ? undefined : { epoch: Number(row.epoch) }
    })
  }

  releaseLease(name: string, holder: string): Promise<void> {
    return this.#database.transaction(async (db) => {
      await db
        .updateTable('leases')
        .set({ expires_ms: 0 })
        .where('name', '=', name)
        .where('holder', '=', holder)
        .execute()
    })
  }

  view(): Promise<ZoneView> {
    return this.#database.read(async (db) => {
      const placements = await db.selectFrom('placements').selectAll().execute()
      const needed = await db
        .selectFrom('applications')
        .select('record')
        .where(({ eb, or, exists, selectFrom }) =>
          or([
            eb('status', 'not in', restingStatuses),
            exists(
              selectFrom('operations')
                .select('id')
                .whereRef('operations.application', '=', 'applications.name')
                .where('operations.status', '=', 'IN_PROGRESS'),
            ),
          ]),
        )
        .orderBy('name')
        .execute()
      // Last: the older the rest is, the less silent do nodes look.
      const nodes = await db.selectFrom('nodes').selectAll().select(nowMs.as('now_ms')).execute()
      return {
        nodes: nodes.map(knownNode),
        placements: placements.map(placementOf),
        demand: needed
          .map(({ record }) => JSON.parse(record) as ApplicationRecord)
          .map((application) => ({ application: application.name, kpus: presentKpus(application) })),
      }
    })
  }

  placementsOf(node: string): Promise<readonly Placement[]> {
    return this.#database.read(async (db) => {
      const rows = await db.selectFrom('placements').selectAll().where('node', '=', node).execute()
      return rows.map(placementOf)
    })
  }

  placement(application: string): Promise<Placement | undefined> {
    return this.#database.read(async (db) => {
      const row = await db
        .selectFrom('placements')
        .selectAll()
        .where('application', '=', application)
        .executeTakeFirst()
      return row === undefined ? undefined : placementOf(row)
    })
  }

  node(id: string): Promise<KnownNode | undefined> {
    return this.#database.read(async (db) => {
      const row = await db
        .selectFrom('nodes')
        .selectAll()
        .select(nowMs.as('now_ms'))
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? undefined : knownNode(row)
    })
  }

  place(
    { application, node, expectedEpoch }: Assignment,
    fence: { readonly lease: string; readonly epoch: number },
    silenceLimitMs: number,
  ): Promise<boolean> {
    return this.#database.transaction(async (db) => {
      const needed = await isNeededNow(db, application)
      if (node === undefined && needed) return false
      const lease = await db
        .selectFrom('leases')
        .select('epoch')
        .where('name', '=', fence.lease)
        .forShare()
        .executeTakeFirst()
      if (lease === undefined || Number(lease.epoch) !== fence.epoch) return false
      const seen = await db
        .selectFrom('placements')
        .selectAll()
        .where('application', '=', application)
        .executeTakeFirst()
      if (needed && typeof seen?.node === 'string') {
        // Locked, so that it can't be heard of again before this is done and it sees it.
        const holder = await db
          .selectFrom('nodes')
          .selectAll()
          .select(nowMs.as('now_ms'))
          .where('id', '=', seen.node)
          .forShare()
          .executeTakeFirst()
        if (holder !== undefined && knownNode(holder).silentMs < silenceLimitMs) return false
      }
      const done = await this.#write(db, application, node ?? null, expectedEpoch, seen?.node ?? null)
      if (done) await this.#database.notify(db, application)
      return done
    })
  }

  async #write(
    db: Transaction<Tables>,
    application: string,
    node: string | null,
    expectedEpoch: number,
    before: string | null,
  ): Promise<boolean> {
    const epoch = node === null ? expectedEpoch : expectedEpoch + 1
    if (expectedEpoch === 0) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('placements')
        .values({ application, node, epoch })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    }
    const { numUpdatedRows } = await db
      .updateTable('placements')
      .set({ node, epoch })
      .where('application', '=', application)
      .where('epoch', '=', expectedEpoch)
      .where('node', 'is not distinct from', before)
      .executeTakeFirst()
    return numUpdatedRows === 1n
  }

  /** The database belongs to the store of applications, which closes it. */
  async close(): Promise<void> {}
}

/** Locks the application, so that nobody asks anything of it before the answer is acted on. */
async function isNeededNow(db: Transaction<Tables>, application: string): Promise<boolean> {
  const row = await db
    .selectFrom('applications')
    .select('status')
    .where('name', '=', application)
    .forShare()
    .executeTakeFirst()
  if (row !== undefined && !(restingStatuses as readonly string[]).includes(row.status)) return true
  const operation = await db
    .selectFrom('operations')
    .select('id')
    .where('application', '=', application)
    .where('status', '=', 'IN_PROGRESS')
    .executeTakeFirst()
  return operation !== undefined
}

function knownNode(row: Tables['nodes'] & { readonly now_ms: number }): KnownNode {
  const { id, zone, url, capacity, incarnation, heartbeat_ms, now_ms } = row
  const silentMs = Number(now_ms) - Number(heartbeat_ms)
  return { id, zone, url, capacity, incarnation: Number(incarnation), silentMs }
}

function placementOf({ application, node, epoch }: Tables['placements']): Placement {
  return { application, node: node ?? undefined, epoch: Number(epoch) }
}
