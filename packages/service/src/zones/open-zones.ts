import type { Clock, Logger, Scheduler } from '@millrace/engine/spi'
import type { ApplicationStore } from '../storage/application-store.ts'
import { isSharedStore } from '../storage/open-store.ts'
import type { SqlDatabase } from '../storage/sql-database.ts'
import { ClusterOwnership } from './cluster-ownership.ts'
import { loadOrCreateNodeId } from './node-id.ts'
import type { Ownership } from './ownership.ts'
import { PostgresChangeFeed } from './postgres-change-feed.ts'
import { PostgresZoneStore } from './postgres-zone-store.ts'
import { SingleNode } from './single-node.ts'
import { defaultTiming } from './zone-timing.ts'

/** What a node tells the others of itself. */
export interface ZoneSettings {
  /** What fails together; default: `default`. */
  readonly zone?: string | undefined
  /** Where the others reach it; default: its own endpoint's address. */
  readonly nodeUrl?: string | undefined
  /** KPUs it would like to have at most. */
  readonly capacity: number
}

/** The zones of a node, and its id among the others. */
export interface Zones {
  readonly ownership: Ownership
  readonly nodeId: string
}

/** One of several nodes when the store can be shared, a single one otherwise. Errors: `NODE_ID_INVALID`. */
export async function openZones(
  storeUrl: string | undefined,
  settings: ZoneSettings,
  parts: {
    readonly dataDirectory: string
    readonly database: SqlDatabase
    readonly applications: ApplicationStore
    /** The endpoint's own address, known when the ownership is started. */
    url(): string
    readonly clock: Clock
    readonly scheduler: Scheduler
    readonly logger: Logger
  },
): Promise<Zones> {
  const { dataDirectory, database, applications, url, clock, scheduler, logger } = parts
  const nodeId = await loadOrCreateNodeId(dataDirectory)
  if (storeUrl === undefined || !isSharedStore(storeUrl)) return { ownership: new SingleNode(applications), nodeId }
  const { zone = 'default', nodeUrl, capacity } = settings
  const base = { clock, scheduler, logger }
  const ownership = new ClusterOwnership(
    {
      id: nodeId,
      zone,
      capacity,
      get url() {
        return nodeUrl ?? url()
      },
    },
    {
      ...base,
      timing: defaultTiming,
      store: new PostgresZoneStore(database),
      applications,
      changes: new PostgresChangeFeed(storeUrl, base),
    },
  )
  return { ownership, nodeId }
}
