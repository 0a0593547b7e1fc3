import { silentLogger, systemClock, systemScheduler } from '@millrace/engine/spi'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openPostgres } from '../storage/postgres-database.ts'
import { postgresBinaries, startPostgres, type TestPostgres } from '../storage/postgres-fixture.ts'
import { anApplication, anOperation } from '../storage/record-fixture.ts'
import { SqlApplicationStore } from '../storage/sql-application-store.ts'
import { ClusterOwnership } from './cluster-ownership.ts'
import { PostgresChangeFeed } from './postgres-change-feed.ts'
import { PostgresZoneStore } from './postgres-zone-store.ts'
import { defaultTiming, type ZoneTiming } from './zone-timing.ts'

/** Looks are so rare that only what PostgreSQL tells can bring news in time. */
const toldOnly: ZoneTiming = { ...defaultTiming, lookMs: 1e6 }
const quick: ZoneTiming = {
  heartbeatMs: 150,
  lapseMs: 500,
  silenceLimitMs: 600,
  leaseLifeMs: 500,
  leaseRenewMs: 150,
  lookMs: 100,
}

describe.runIf(postgresBinaries() !== undefined)('nodes on one PostgreSQL (needs its binaries)', () => {
  let postgres: TestPostgres
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres.stop())

  /** A node with what it was told, in words. */
  async function join(url: string, id: string, zone: string, timing: ZoneTiming) {
    const database = await openPostgres(url)
    const applications = new SqlApplicationStore(database)
    const base = { clock: systemClock, scheduler: systemScheduler, logger: silentLogger }
    const ownership = new ClusterOwnership(
      { id, zone, url: `http://${id}`, capacity: 4 },
      {
        ...base,
        timing,
        applications,
        store: new PostgresZoneStore(database),
        changes: new PostgresChangeFeed(url, base),
      },
    )
    const told: string[] = []
    await ownership.start({
      acquired: (name, owner, inProgress) => {
        told.push(`acquired ${name} ${owner?.epoch} ${inProgress.map((one) => one.id).join()}`.trim())
      },
      lost: (name) => void told.push(`lost ${name}`),
      operation: ({ id: operationId }, certain) => void told.push(`operation ${operationId} ${certain}`),
      snapshot: ({ name }) => void told.push(`snapshot ${name}`),
    })
    const leave = async () => {
      await ownership.close()
      await applications.close()
    }
    return { ownership, applications, told, leave }
  }

  test('an operation accepted by one is carried out by the other, told without a look', async () => {
    const url = await postgres.database()
    const n1 = await join(url, 'n1', 'a', toldOnly)
    const n2 = await join(url, 'n2', 'b', toldOnly)
    await n2.applications.createApplication(anApplication('x'), {}, anOperation('x', 'o1'))
    const start = anOperation('x', 'o2', { name: 'StartApplication', status: 'IN_PROGRESS' })
    await n2.applications.change('x', { status: 'READY', versionId: 1 }, { status: 'STARTING' }, [start])
    n2.ownership.accepted(start, true)
    await vi.waitFor(() => expect([...n1.told, ...n2.told]).toEqual(['acquired x 1 o2']), { timeout: 20_000 })

    const [owner, other] = n1.told.length > 0 ? [n1, n2] : [n2, n1]
    expect([owner.ownership.isMine('x'), other.ownership.isMine('x')]).toEqual([true, false])
    const ownerId = owner === n1 ? 'n1' : 'n2'
    expect(await other.ownership.remoteUrl('x')).toBe(`http://${ownerId}`)
    expect(await owner.ownership.remoteUrl('x')).toBeUndefined()
    const ended = { ...start, status: 'SUCCESSFUL' as const }
    const fence = { node: ownerId, epoch: 1 }
    const starting = { status: 'STARTING', versionId: 1, owner: fence } as const
    expect(await owner.applications.change('x', starting, { status: 'RUNNING' }, [ended])).toBe(true)

    const stop = anOperation('x', 'o3', { name: 'StopApplication', status: 'IN_PROGRESS' })
    await other.applications.change('x', { status: 'RUNNING', versionId: 1 }, { status: 'STOPPING' }, [stop])
    other.ownership.accepted(stop, true)
    await vi.waitFor(() => expect(owner.told).toEqual(['acquired x 1 o2', 'operation o3 true']), { timeout: 20_000 })
    expect(other.told).toEqual([])
    await n1.leave()
    await n2.leave()
  })

  test('one that leaves hands over; one that lost the store gives up and takes up again', async () => {
    const url = await postgres.database()
    const n1 = await join(url, 'n1', 'a', quick)
    await n1.applications.createApplication(anApplication('x', { status: 'RUNNING' }), {}, anOperation('x', 'o'))
    await vi.waitFor(() => expect(n1.told).toEqual(['acquired x 1']), { timeout: 20_000 })
    const n2 = await join(url, 'n2', 'b', quick)
    await n1.leave()
    await vi.waitFor(() => expect(n2.told).toEqual(['acquired x 2']), { timeout: 20_000 })

    await postgres.crash()
    await vi.waitFor(() => expect(n2.told).toEqual(['acquired x 2', 'lost x']), { timeout: 20_000 })
    expect(n2.ownership.isMine('x')).toBe(false)
    await postgres.start()
    await vi.waitFor(() => expect(n2.told.slice(2)).toEqual(['acquired x 2']), { timeout: 20_000 })
    await n2.leave()
  })
})
