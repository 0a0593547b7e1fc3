import { systemClock } from '@millrace/engine/spi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ApplicationStore } from '../storage/application-store.ts'
import { MemoryApplicationStore } from '../storage/memory-application-store.ts'
import { openPostgres } from '../storage/postgres-database.ts'
import { postgresBinaries, startPostgres, type TestPostgres } from '../storage/postgres-fixture.ts'
import { anApplication, anOperation } from '../storage/record-fixture.ts'
import { SqlApplicationStore } from '../storage/sql-application-store.ts'
import { MemoryZoneStore, MemoryZones } from './memory-zone-store.ts'
import { PostgresZoneStore } from './postgres-zone-store.ts'
import type { ZoneStore } from './zone-store.ts'

let postgres: TestPostgres
beforeAll(async () => {
  if (postgresBinaries() !== undefined) postgres = await startPostgres()
})
afterAll(() => postgres?.stop())

interface Opened {
  readonly zones: ZoneStore
  readonly applications: ApplicationStore
}

const kinds = [
  {
    kind: 'in memory',
    async open(): Promise<Opened> {
      const zones = new MemoryZones()
      const applications = new MemoryApplicationStore(zones.placements)
      return { zones: new MemoryZoneStore(zones, applications, systemClock), applications }
    },
  },
  {
    kind: 'in PostgreSQL (needs its binaries)',
    async open(): Promise<Opened> {
      const database = await openPostgres(await postgres.database())
      return { zones: new PostgresZoneStore(database), applications: new SqlApplicationStore(database) }
    },
  },
].slice(0, postgresBinaries() === undefined ? 1 : 2)

const node = (id: string) => ({ id, zone: 'a', url: `http://${id}`, capacity: 4 })
const lease = 'leader'
const longMs = 1e9

describe.each(kinds)('a store of zones $kind', ({ open }) => {
  let zones: ZoneStore
  let applications: ApplicationStore
  beforeEach(async () => {
    ;({ zones, applications } = await open())
  })
  afterEach(() => applications.close())

  const create = (name: string, status: 'READY' | 'RUNNING') =>
    applications.createApplication(anApplication(name, { status }), {}, anOperation(name, 'o'))
  const lead = async (holder = 'n1/1') => ({ lease, epoch: (await zones.acquireLease(lease, holder, longMs))!.epoch })

  test('a node registers, is heard of, and leaves; a later process supersedes it', async () => {
    expect(await zones.register(node('n1'))).toEqual({ ...node('n1'), incarnation: 1 })
    expect(await zones.heartbeat('n1', 1)).toBe('renewed')
    expect(await zones.heartbeat('n2', 1)).toBe('unknown')
    expect((await zones.node('n1'))!.silentMs).toBeLessThan(60_000)
    expect((await zones.register({ ...node('n1'), zone: 'b' })).incarnation).toBe(2)
    expect(await zones.heartbeat('n1', 1)).toBe('superseded')
    expect(await zones.node('n1')).toMatchObject({ zone: 'b', incarnation: 2 })
    await zones.leave('n1', 1)
    expect((await zones.node('n1'))!.silentMs).toBeLessThan(60_000)
    await zones.leave('n1', 2)
    expect((await zones.node('n1'))!.silentMs).toBeGreaterThan(longMs)
    // One under way when it left.
    expect(await zones.heartbeat('n1', 2)).toBe('superseded')
    expect(await zones.node('n2')).toBeUndefined()
  })

  test('a lease has one holder at a time, and an epoch for each', async () => {
    expect(await zones.acquireLease(lease, 'n1/1', longMs)).toEqual({ epoch: 1 })
    expect(await zones.acquireLease(lease, 'n1/1', longMs)).toEqual({ epoch: 1 })
    expect(await zones.acquireLease(lease, 'n2/1', longMs)).toBeUndefined()
    await zones.releaseLease(lease, 'n2/1')
    expect(await zones.acquireLease(lease, 'n2/1', longMs)).toBeUndefined()
    await zones.releaseLease(lease, 'n1/1')
    expect(await zones.acquireLease(lease, 'n2/1', 0)).toEqual({ epoch: 2 })
    expect(await zones.acquireLease(lease, 'n1/1', longMs)).toEqual({ epoch: 3 })
    const many = Array.from({ length: 8 }, (_, i) => zones.acquireLease('other', `n${i}/1`, longMs))
    expect((await Promise.all(many)).filter((one) => one !== undefined)).toEqual([{ epoch: 1 }])
  })

  test('demand is what runs, what is on its way, and what has an operation in progress', async () => {
    await create('resting', 'READY')
    await create('running', 'RUNNING')
    await create('waiting', 'READY')
    const started = anOperation('waiting', 'o2', { name: 'StartApplication', status: 'IN_PROGRESS' })
    await applications.change('waiting', { status: 'READY', versionId: 1 }, {}, [started])
    expect((await zones.view()).demand).toEqual([
      { application: 'running', kpus: 1 },
      { application: 'waiting', kpus: 1 },
    ])
  })

  test('the leader places what has no live owner; each owner has an epoch of its own', async () => {
    await create('x', 'RUNNING')
    for (const id of ['n1', 'n2']) await zones.register(node(id))
    const fence = await lead()
    const to = (id: string | undefined, expectedEpoch: number) => ({ application: 'x', node: id, expectedEpoch })
    expect(await zones.place(to('n1', 1), fence, longMs)).toBe(false)
    expect(await zones.place(to('n1', 0), fence, longMs)).toBe(true)
    expect(await zones.place(to('n2', 0), fence, longMs)).toBe(false)
    expect(await zones.placement('x')).toEqual({ application: 'x', node: 'n1', epoch: 1 })
    expect(await zones.placementsOf('n1')).toHaveLength(1)
    // Its owner lives.
    expect(await zones.place(to('n2', 1), fence, longMs)).toBe(false)
    expect(await zones.place(to(undefined, 1), fence, longMs)).toBe(false)
    expect(await zones.place(to('n2', 1), fence, 0)).toBe(true)
    expect((await zones.view()).placements).toEqual([{ application: 'x', node: 'n2', epoch: 2 }])
    // Nobody needs it any more: the epoch stays, for the next owner to go on from.
    await applications.change('x', { status: 'RUNNING', versionId: 1 }, { status: 'READY' }, [])
    expect(await zones.place(to(undefined, 2), fence, longMs)).toBe(true)
    expect(await zones.placement('x')).toEqual({ application: 'x', node: undefined, epoch: 2 })
    await applications.change('x', { status: 'READY', versionId: 1 }, { status: 'RUNNING' }, [])
    expect(await zones.place(to('n1', 2), fence, longMs)).toBe(true)
    expect(await zones.placement('x')).toMatchObject({ node: 'n1', epoch: 3 })
  })

  test('a leader of an earlier epoch places nothing', async () => {
    await create('x', 'RUNNING')
    await zones.register(node('n1'))
    await zones.acquireLease(lease, 'n1/1', 0)
    const later = await lead('n2/1')
    const assignment = { application: 'x', node: 'n1', expectedEpoch: 0 }
    expect(await zones.place(assignment, { lease, epoch: 1 }, longMs)).toBe(false)
    expect(await zones.place(assignment, later, longMs)).toBe(true)
  })

  test('a write is its owner’s alone, until the owner changes or starts anew', async () => {
    await create('x', 'RUNNING')
    await zones.register(node('n1'))
    const fence = await lead()
    const expected = { status: 'RUNNING', versionId: 1 } as const
    const write = (epoch: number, id = 'n1') =>
      applications.change('x', { ...expected, owner: { node: id, epoch } }, { description: `${epoch}` }, [])
    const lost = { code: 'OWNERSHIP_LOST', kind: 'fenced' }
    await expect(write(1)).rejects.toMatchObject(lost)
    await zones.place({ application: 'x', node: 'n1', expectedEpoch: 0 }, fence, longMs)
    expect(await write(1)).toBe(true)
    await expect(write(1, 'n2')).rejects.toMatchObject(lost)
    await expect(write(2)).rejects.toMatchObject(lost)
    await zones.register(node('n1'))
    await expect(write(1)).rejects.toMatchObject(lost)
    expect(await write(2)).toBe(true)
    await expect(
      applications.deleteApplication('x', anOperation('x', 'd'), { node: 'n1', epoch: 1 }),
    ).rejects.toMatchObject(lost)
    expect(await applications.application('x')).toMatchObject({ description: '2' })
    await applications.deleteApplication('x', anOperation('x', 'd'), { node: 'n1', epoch: 2 })
    expect(await applications.application('x')).toBeUndefined()
    // A new application of that name starts above it.
    expect(await zones.placement('x')).toMatchObject({ epoch: 2 })
  })
})
