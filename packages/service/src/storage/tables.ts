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
  readonly tags: { application: string; tag: string; value: string }
}
