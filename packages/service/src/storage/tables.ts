import type { Generated } from 'kysely'

/** The tables of `migrations.ts` as the query builder knows them. */
export interface Tables {
  readonly applications: { name: string; arn: string; status: string; version_id: number; record: string }
  readonly versions: { application: string; version_id: number; record: string }
  readonly operations: {
    position: Generated<number>
    application: string
    id: string
    name: string
    status: string
    record: string
  }
  /** One row per node of a shared store; times are epoch ms of the database's clock. */
  readonly nodes: {
    id: string
    incarnation: number
    zone: string
    url: string
    capacity: number
    heartbeat_ms: number
  }
  readonly leases: { name: string; holder: string; epoch: number; expires_ms: number }
  /** Kept for good: epochs of a name never start again. */
  readonly placements: { application: string; node: string | null; epoch: number }
  readonly snapshots: {
    position: Generated<number>
    scope: string
    name: string
    application: string
    application_created: number
    status: string
    initiator: string
    record: string
  }
  readonly snapshot_operations: {
    position: Generated<number>
    snapshot: string
    id: string
    name: string
    status: string
    record: string
  }
  readonly tags: { application: string; tag: string; value: string }
}
