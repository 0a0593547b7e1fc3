import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ApplicationStore } from './application-store.ts'
import { MemoryApplicationStore } from './memory-application-store.ts'
import { openDatabase } from './open-store.ts'
import { postgresBinaries, startPostgres, type TestPostgres } from './postgres-fixture.ts'
import {
  anApplication as application,
  anOperation as operation,
  aSnapshot as snapshot,
  aSnapshotOperation as snapshotOperation,
} from './record-fixture.ts'
import { tagOwner } from './snapshot-store.ts'
import { SqlApplicationStore } from './sql-application-store.ts'

let folder: string
let store: ApplicationStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-store-'))
})

afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

let postgres: TestPostgres
beforeAll(async () => {
  if (postgresBinaries() !== undefined) postgres = await startPostgres()
})
afterAll(() => postgres?.stop())

async function openSql(url?: string): Promise<ApplicationStore> {
  return new SqlApplicationStore(await openDatabase(url, folder))
}

const memory = { kind: 'in memory', open: async (): Promise<ApplicationStore> => new MemoryApplicationStore() }
const sqlite = { kind: 'in SQLite', open: () => openSql() }
const inPostgres = { kind: 'in PostgreSQL (needs its binaries)', open: async () => openSql(await postgres.database()) }
const stores = [memory, sqlite, ...(postgresBinaries() === undefined ? [] : [inPostgres])]

describe.each(stores)('a store $kind', ({ open }) => {
  beforeEach(async () => {
    store = await open()
  })

  test('gives back what was stored, also by ARN and by version', async () => {
    const stored = application('a')
    expect(await store.createApplication(stored, { team: 'fraud' }, operation('a', 'o1'))).toBe(true)
    expect(await store.application('a')).toEqual(stored)
    expect(await store.applicationByArn(stored.arn)).toEqual(stored)
    expect(await store.version('a', 1)).toEqual(stored)
    expect(await store.version('a', 2)).toBeUndefined()
    expect(await store.application('b')).toBeUndefined()
    expect(await store.applicationByArn('arn:b')).toBeUndefined()
    expect(await store.tags('a')).toEqual({ team: 'fraud' })
    expect(await store.operation('a', 'o1')).toEqual(operation('a', 'o1'))
  })

  test('takes a name once', async () => {
    await store.createApplication(application('a'), { x: '1' }, operation('a', 'o1'))
    const again = application('a', { description: 'other' })
    expect(await store.createApplication(again, { y: '2' }, operation('a', 'o2'))).toBe(false)
    expect(await store.application('a')).toEqual(application('a'))
    expect(await store.tags('a')).toEqual({ x: '1' })
    expect(await store.operation('a', 'o2')).toBeUndefined()
  })

  test('lists applications by name, page by page', async () => {
    for (const name of ['c', 'a', 'B', 'b']) await store.createApplication(application(name), {}, operation(name, 'o'))
    const first = await store.listApplications(undefined, 3)
    expect(first.items.map(({ name }) => name)).toEqual(['B', 'a', 'b'])
    const second = await store.listApplications(first.next, 3)
    expect(second.items.map(({ name }) => name)).toEqual(['c'])
    expect(second.next).toBeUndefined()
    expect((await store.listApplications(undefined, 4)).next).toBeUndefined()
    expect((await store.allApplications()).map(({ name }) => name)).toEqual(['B', 'a', 'b', 'c'])
  })

  test('changes only what is as expected, with its operations, all or nothing', async () => {
    await store.createApplication(application('a'), {}, operation('a', 'o1'))
    const update = operation('a', 'o2', { name: 'UpdateApplication', status: 'IN_PROGRESS', endedMs: undefined })
    const change = { status: 'UPDATING' as const, versionId: 2, conditionalToken: 't2' }
    expect(await store.change('a', { status: 'RUNNING', versionId: 1 }, change, [update])).toBe(false)
    expect(await store.change('a', { status: 'READY', versionId: 2 }, change, [update])).toBe(false)
    expect(await store.change('b', { status: 'READY', versionId: 1 }, change, [update])).toBe(false)
    expect(await store.operation('a', 'o2')).toBeUndefined()
    expect(await store.change('a', { status: 'READY', versionId: 1 }, change, [update])).toBe(true)
    expect(await store.application('a')).toEqual(application('a', change))
    expect(await store.version('a', 1)).toEqual(application('a'))
    expect(await store.version('a', 2)).toEqual(application('a', change))
    expect(await store.operationsInProgress()).toEqual([update])
    const done = { ...update, status: 'FAILED' as const, endedMs: 9, error: 'why' }
    await store.change('a', { status: 'UPDATING', versionId: 2 }, { status: 'READY' }, [done])
    expect(await store.operationsInProgress()).toEqual([])
    expect(await store.operation('a', 'o2')).toEqual(done)
  })

  test('of several changes from one state one happens', async () => {
    await store.createApplication(application('a'), {}, operation('a', 'o1'))
    const start = (id: string) =>
      store.change('a', { status: 'READY', versionId: 1 }, { status: 'STARTING' }, [operation('a', id)])
    const won = await Promise.all(['s1', 's2', 's3'].map(start))
    expect(won.filter(Boolean)).toHaveLength(1)
    expect((await store.listOperations('a', {}, undefined, 50)).items).toHaveLength(2)
  })

  test('lists operations newest first, filtered, page by page; an ended one keeps its place', async () => {
    await store.createApplication(application('a'), {}, operation('a', 'o1'))
    await store.createApplication(application('b'), {}, operation('b', 'o1'))
    const started = operation('a', 'o2', { name: 'StartApplication', status: 'IN_PROGRESS' })
    const expected = { status: 'READY', versionId: 1 } as const
    await store.change('a', expected, {}, [started])
    await store.change('a', expected, {}, [operation('a', 'o3', { name: 'StopApplication', status: 'FAILED' })])
    await store.change('a', expected, {}, [{ ...started, status: 'SUCCESSFUL' }])
    const ids = async (filter: Parameters<ApplicationStore['listOperations']>[1]) =>
      (await store.listOperations('a', filter, undefined, 50)).items.map(({ id }) => id)
    expect(await ids({})).toEqual(['o3', 'o2', 'o1'])
    expect(await ids({ status: 'SUCCESSFUL' })).toEqual(['o2', 'o1'])
    expect(await ids({ name: 'StopApplication' })).toEqual(['o3'])
    expect(await ids({ name: 'StopApplication', status: 'SUCCESSFUL' })).toEqual([])
    const first = await store.listOperations('a', {}, undefined, 2)
    const second = await store.listOperations('a', {}, first.next, 2)
    expect([first.items.length, second.items.map(({ id }) => id), second.next]).toEqual([2, ['o1'], undefined])
  })

  test('a deleted application leaves only its operations, until one of its name is made', async () => {
    await store.createApplication(application('a'), { x: '1' }, operation('a', 'o1'))
    const deleted = operation('a', 'o2', { name: 'DeleteApplication' })
    await store.deleteApplication('a', deleted)
    expect(await store.application('a')).toBeUndefined()
    expect(await store.version('a', 1)).toBeUndefined()
    expect(await store.operation('a', 'o2')).toEqual(deleted)
    await store.createApplication(application('a'), {}, operation('a', 'o3'))
    expect(await store.tags('a')).toEqual({})
    expect((await store.listOperations('a', {}, undefined, 9)).items.map(({ id }) => id)).toEqual(['o3'])
  })

  test('remembers the newest operations of an application, and those in progress', async () => {
    await store.createApplication(application('a'), {}, operation('a', 'created'))
    await store.createApplication(application('b'), {}, operation('b', 'created'))
    const expected = { status: 'READY', versionId: 1 } as const
    const begun = operation('a', 'begun', { name: 'StartApplication', status: 'IN_PROGRESS' })
    const ended = Array.from({ length: 1001 }, (_, i) => operation('a', `o${i}`))
    await store.change('a', expected, {}, [begun, ...ended])
    const ids = async (name: string) =>
      (await store.listOperations(name, {}, undefined, 2000)).items.map(({ id }) => id)
    const newest = ended.map(({ id }) => id).reverse()
    expect(await ids('a')).toEqual([...newest.slice(0, 1000), 'begun'])
    await store.change('a', expected, {}, [{ ...begun, status: 'SUCCESSFUL' }])
    expect(await ids('a')).toEqual(newest.slice(0, 1000))
    expect(await ids('b')).toEqual(['created'])
    await store.deleteApplication('a', operation('a', 'deleted', { name: 'DeleteApplication' }))
    expect(await ids('a')).toEqual(['deleted', ...newest.slice(0, 99)])
  })

  test('lists versions newest first, each as it was last', async () => {
    await store.createApplication(application('a'), {}, operation('a', 'o1'))
    await store.change('a', { status: 'READY', versionId: 1 }, { status: 'RUNNING' }, [])
    for (const versionId of [1, 2]) {
      await store.change('a', { status: 'RUNNING', versionId }, { versionId: versionId + 1 }, [])
    }
    const first = await store.listVersions('a', undefined, 2)
    expect(first.items.map(({ versionId, status }) => [versionId, status])).toEqual([
      [3, 'RUNNING'],
      [2, 'RUNNING'],
    ])
    const second = await store.listVersions('a', first.next, 2)
    expect([second.items.map(({ versionId }) => versionId), second.next]).toEqual([[1], undefined])
    expect((await store.listVersions('b', undefined, 2)).items).toEqual([])
  })

  test('a snapshot is stored with the change it belongs to, or not at all', async () => {
    await store.createApplication(application('a'), {}, operation('a', 'o1'))
    const taken = { snapshots: [snapshot('a', 's1')], operations: [snapshotOperation('s1', 'p1')] }
    expect(await store.change('a', { status: 'RUNNING', versionId: 1 }, {}, [], taken)).toBe(false)
    expect(await store.snapshot('a', 's1')).toBeUndefined()
    expect(await store.change('a', { status: 'READY', versionId: 1 }, {}, [], taken)).toBe(true)
    expect(await store.snapshot('a', 's1')).toEqual(snapshot('a', 's1'))
    expect(await store.snapshotOperation('s1', 'p1')).toEqual(snapshotOperation('s1', 'p1'))
    expect(await store.snapshotOperation('s2', 'p1')).toBeUndefined()
    await store.putSnapshot(undefined, snapshot('a', 'e1', { kind: 'enhanced' }), [])
    const forgetting = { snapshots: [], operations: [], forgetLegacy: true }
    await store.change('a', { status: 'READY', versionId: 1 }, {}, [], forgetting)
    expect(await store.snapshot('a', 's1')).toBeUndefined()
    expect(await store.snapshot('', 'e1')).toBeDefined()
  })

  test('a snapshot takes a name of its scope once and changes only from the status that is expected', async () => {
    const creating = snapshot('a', 's', { status: 'CREATING' })
    expect(await store.putSnapshot(undefined, creating, [])).toBe(true)
    expect(await store.putSnapshot(undefined, snapshot('a', 's', { folder: '/other' }), [])).toBe(false)
    expect(await store.putSnapshot(undefined, snapshot('b', 's'), [])).toBe(true)
    expect(await store.putSnapshot(undefined, snapshot('a', 's', { kind: 'enhanced' }), [])).toBe(true)
    expect(await store.putSnapshot(undefined, snapshot('b', 's', { kind: 'enhanced' }), [])).toBe(false)
    expect(await store.putSnapshot('READY', snapshot('a', 's'), [])).toBe(false)
    expect(await store.unsettledSnapshots()).toEqual([creating])
    expect(await store.putSnapshot('CREATING', snapshot('a', 's'), [])).toBe(true)
    expect(await store.unsettledSnapshots()).toEqual([])
    await store.removeSnapshot('a', 's', [])
    expect(await store.snapshot('a', 's')).toBeUndefined()
    expect(await store.snapshot('', 's')).toEqual(snapshot('a', 's', { kind: 'enhanced' }))
  })

  test('lists snapshots newest first, filtered, page by page; knows the latest that is there', async () => {
    for (const name of ['s1', 's2', 's3']) await store.putSnapshot(undefined, snapshot('a', name), [])
    await store.putSnapshot(undefined, snapshot('a', 's4', { status: 'FAILED', initiator: 'SystemCreateSnapshot' }), [])
    await store.putSnapshot(undefined, snapshot('b', 's5'), [])
    await store.putSnapshot('READY', snapshot('a', 's1', { status: 'DELETING' }), [])
    const names = async (filter: Parameters<ApplicationStore['listSnapshots']>[1]) =>
      (await store.listSnapshots('a', filter, undefined, 50)).items.map(({ name }) => name)
    expect(await names({})).toEqual(['s4', 's3', 's2', 's1'])
    expect(await names({ status: 'READY' })).toEqual(['s3', 's2'])
    expect(await names({ initiators: ['SystemCreateSnapshot', 'ImportSnapshot'] })).toEqual(['s4'])
    expect(await names({ applicationName: 'b' })).toEqual([])
    const first = await store.listSnapshots('a', {}, undefined, 3)
    expect((await store.listSnapshots('a', {}, first.next, 3)).items.map(({ name }) => name)).toEqual(['s1'])
    expect(await store.countSnapshots('a')).toBe(4)
    expect((await store.latestSnapshot('a', 1000))?.name).toBe('s3')
    expect(await store.latestSnapshot('a', 2000)).toBeUndefined()
    await store.putSnapshot(undefined, snapshot('a', 's6', { kind: 'enhanced' }), [])
    expect((await store.latestSnapshot('a', 1000))?.name).toBe('s6')
    expect((await store.snapshotsOf('a', 1000)).map(({ name }) => name)).toEqual(['s6'])
    expect(await store.snapshotsOf('a', 2000)).toEqual([])
  })

  test('legacy snapshots go with their application, enhanced ones stay, with their tags', async () => {
    await store.createApplication(application('a'), {}, operation('a', 'o1'))
    await store.putSnapshot(undefined, snapshot('a', 'old'), [])
    await store.putSnapshot(undefined, snapshot('a', 'new', { kind: 'enhanced' }), [], { team: 'fraud' })
    await store.deleteApplication('a', operation('a', 'o2', { name: 'DeleteApplication' }))
    expect(await store.snapshot('a', 'old')).toBeUndefined()
    expect(await store.snapshot('', 'new')).toEqual(snapshot('a', 'new', { kind: 'enhanced' }))
    expect(await store.changeTags(tagOwner('new'), { more: '1' }, ['none'], 2)).toBe(true)
    expect(await store.changeTags(tagOwner('new'), { evenMore: '1' }, [], 2)).toBe(false)
    expect(await store.tags(tagOwner('new'))).toEqual({ team: 'fraud', more: '1' })
    await store.removeSnapshot('', 'new', [snapshotOperation('new', 'p1', { name: 'DeleteSnapshot' })])
    expect(await store.tags(tagOwner('new'))).toEqual({})
    expect(await store.changeTags(tagOwner('new'), { more: '1' }, [], 2)).toBe(false)
    expect((await store.listSnapshotOperations('new', {}, undefined, 9)).items.map(({ id }) => id)).toEqual(['p1'])
  })

  test('operations on a snapshot keep their place; those in progress are found', async () => {
    const begun = snapshotOperation('s', 'p1', { status: 'IN_PROGRESS' })
    await store.putSnapshotOperation(begun)
    await store.putSnapshotOperation(snapshotOperation('s', 'p2', { name: 'ExportSnapshot' }))
    await store.putSnapshotOperation(snapshotOperation('t', 'p3'))
    expect(await store.snapshotOperationsInProgress()).toEqual([begun])
    await store.putSnapshotOperation(snapshotOperation('s', 'p1', { status: 'FAILED', error: 'why' }))
    expect(await store.snapshotOperationsInProgress()).toEqual([])
    const ids = async (filter: Parameters<ApplicationStore['listSnapshotOperations']>[1]) =>
      (await store.listSnapshotOperations('s', filter, undefined, 9)).items.map(({ id }) => id)
    expect(await ids({})).toEqual(['p2', 'p1'])
    expect(await ids({ name: 'ExportSnapshot' })).toEqual(['p2'])
    expect(await ids({ status: 'FAILED' })).toEqual(['p1'])
  })

  test('remembers the newest operations on a snapshot, and of snapshots that are gone', async () => {
    const there = snapshot('a', 's', { kind: 'enhanced' })
    const operations = (of: string, count: number) =>
      Array.from({ length: count }, (_, i) => snapshotOperation(of, `${of}-${i}`))
    const begun = snapshotOperation('s', 'begun', { status: 'IN_PROGRESS' })
    await store.putSnapshot(undefined, there, [begun, ...operations('s', 1001)])
    const ids = async (name: string) =>
      (await store.listSnapshotOperations(name, {}, undefined, 2000)).items.map(({ id }) => id)
    const newest = operations('s', 1001)
      .map(({ id }) => id)
      .reverse()
    expect(await ids('s')).toEqual([...newest.slice(0, 1000), 'begun'])
    await store.removeSnapshot('', 'gone', operations('gone', 2))
    await store.removeSnapshot('', 'later', operations('later', 999))
    expect(await ids('gone')).toEqual(['gone-1'])
    expect(await ids('s')).toHaveLength(1001)
  })

  test('changes tags within their limit', async () => {
    await store.createApplication(application('a'), { b: '1', a: '2' }, operation('a', 'o1'))
    expect(await store.changeTags('a', { c: '', b: '3' }, ['a', 'none'], 2)).toBe(true)
    expect(await store.tags('a')).toEqual({ b: '3', c: '' })
    expect(await store.changeTags('a', { d: '4' }, [], 2)).toBe(false)
    expect(await store.changeTags('gone', { d: '4' }, [], 2)).toBe(false)
    expect(await store.tags('a')).toEqual({ b: '3', c: '' })
  })
})

describe('the SQLite file', () => {
  const path = () => join(folder, 'store.db')

  test('keeps all across a reopening, readable by its owner only', async () => {
    store = await openSql()
    await store.createApplication(application('a'), { x: '1' }, operation('a', 'o1', { status: 'IN_PROGRESS' }))
    await store.close()
    store = await openSql()
    expect(await store.application('a')).toEqual(application('a'))
    expect(await store.tags('a')).toEqual({ x: '1' })
    expect(await store.operationsInProgress()).toHaveLength(1)
    expect((await stat(path())).mode & 0o777).toBe(0o600)
    expect((await stat(`${path()}-wal`)).mode & 0o777).toBe(0o600)
  })

  test('is written ahead', async () => {
    store = await openSql()
    const other = new Database(path())
    expect(other.pragma('journal_mode')).toMatchObject([{ journal_mode: 'wal' }])
    other.close()
  })

  test('holds all by itself once it is closed', async () => {
    store = await openSql()
    await store.createApplication(application('a'), {}, operation('a', 'o1'))
    await store.close()
    const log = await stat(`${path()}-wal`).catch(() => ({ size: 0 }))
    expect(log.size).toBe(0)
    await copyFile(path(), join(folder, 'copy.db'))
    store = await openSql('sqlite:copy.db')
    expect(await store.application('a')).toEqual(application('a'))
  })

  test('of a newer version is refused, one that is none is told', async () => {
    store = await openSql()
    await store.close()
    const database = new Database(path())
    database.pragma('user_version = 99')
    database.close()
    await expect(openSql()).rejects.toThrow(expect.objectContaining({ code: 'STORE_TOO_NEW' }))
    await expect(openSql(`sqlite:${folder}`)).rejects.toThrow(expect.objectContaining({ code: 'STORE_FAILED' }))
    store = new MemoryApplicationStore()
  })
})
