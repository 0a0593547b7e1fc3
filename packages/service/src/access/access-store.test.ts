import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresBinaries, startPostgres, type TestPostgres } from '../storage/postgres-fixture.ts'
import type { AccessKeyRecord, UserRecord } from './access-records.ts'
import { type AccessStore, MemoryAccessStore } from './access-store.ts'
import { SqlAccessStore } from './sql-access-store.ts'

let directory: string
let postgres: TestPostgres | undefined

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-access-store-'))
  if (postgresBinaries() !== undefined) postgres = await startPostgres()
})

afterAll(async () => {
  await postgres?.stop()
  await rm(directory, { recursive: true })
})

const user = (name: string, more: Partial<UserRecord> = {}): UserRecord => {
  return { kind: 'user', name, createdMs: 1, tags: {}, policies: {}, ...more }
}
const key: AccessKeyRecord = { kind: 'key', id: 'K', userName: 'a', isActive: true, createdMs: 2, sealedSecret: 's' }

const stores = [
  { it: 'memory', open: async (): Promise<AccessStore> => new MemoryAccessStore() },
  { it: 'SQLite', open: (): Promise<AccessStore> => SqlAccessStore.open(undefined, directory) },
  ...(postgresBinaries() === undefined
    ? []
    : [
        {
          it: 'PostgreSQL',
          open: async (): Promise<AccessStore> => SqlAccessStore.open(await postgres!.database(), directory),
        },
      ]),
]

describe.each(stores)('access control in $it', ({ open }) => {
  test('a change is kept when it was decided on the newest revision, and then as a whole', async () => {
    const store = await open()
    const { revision, records } = await store.load()
    expect(records).toEqual([])
    expect(await store.change(revision, { put: [user('a'), key], remove: [] })).toBe(true)
    expect(await store.change(revision, { put: [user('late')], remove: [user('a')] })).toBe(false)
    const next = await store.load()
    expect(next.revision).toBe(await store.revision())
    expect(next.records).toHaveLength(2)
    expect(next.records).toEqual(expect.arrayContaining([user('a'), key]))
    const changed = user('a', { tags: { team: "it's" } })
    expect(await store.change(next.revision, { put: [changed], remove: [key] })).toBe(true)
    expect((await store.load()).records).toEqual([changed])
    await store.close()
  })

  test('of changes at once one is taken', async () => {
    const store = await open()
    const { revision } = await store.load()
    const names = Array.from({ length: 8 }, (_, i) => `at-once-${i}`)
    const taken = await Promise.all(names.map((name) => store.change(revision, { put: [user(name)], remove: [] })))
    expect(taken.filter(Boolean)).toHaveLength(1)
    expect(await store.revision()).toBe(revision + 1)
    await store.close()
  })
})

test.runIf(postgresBinaries() !== undefined)('two nodes that begin at once share what they store', async () => {
  const url = await postgres!.database()
  const [one, other] = await Promise.all([SqlAccessStore.open(url, directory), SqlAccessStore.open(url, directory)])
  expect(one.isShared).toBe(true)
  expect(await one.change(0, { put: [user('a')], remove: [] })).toBe(true)
  expect(await other.load()).toEqual({ revision: 1, records: [user('a')] })
  await Promise.all([one.close(), other.close()])
})
