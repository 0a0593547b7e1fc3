import type { Transaction } from 'kysely'
import type { Owner } from './owner.ts'
import type { SqlDatabase } from './sql-database.ts'
import { ownershipLost } from './store-errors.ts'
import type { Tables } from './tables.ts'

/**
 * Until the transaction ends nobody else can become the application's owner. Nothing is checked without one.
 * Errors: `OWNERSHIP_LOST` (fenced).
 */
export async function checkOwner(
  database: SqlDatabase,
  db: Transaction<Tables>,
  application: string,
  owner: Owner | undefined,
): Promise<void> {
  if (owner === undefined) return
  const placed = await database
    .kept(db.selectFrom('placements').select(['node', 'epoch']).where('application', '=', application))
    .executeTakeFirst()
  if (placed?.node !== owner.node || Number(placed.epoch) !== owner.epoch) throw ownershipLost(application, owner)
}
