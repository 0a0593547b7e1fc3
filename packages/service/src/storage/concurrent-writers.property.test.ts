import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ApplicationStore } from './application-store.ts'
import { MemoryApplicationStore } from './memory-application-store.ts'
import { openDatabase } from './open-store.ts'
import { postgresBinaries, startPostgres, type TestPostgres } from './postgres-fixture.ts'
import { anApplication, anOperation } from './record-fixture.ts'
import { SqlApplicationStore } from './sql-application-store.ts'

let postgres: TestPostgres
let folder: string
beforeAll(async () => {
  if (postgresBinaries() !== undefined) postgres = await startPostgres()
})
afterAll(() => postgres?.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-store-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Writers of one store: one connection pool each where processes can share it. */
const kinds = [
  {
    kind: 'in memory',
    async open(writers: number): Promise<ApplicationStore[]> {
      return new Array<ApplicationStore>(writers).fill(new MemoryApplicationStore())
    },
  },
  {
    kind: 'in SQLite',
    async open(writers: number): Promise<ApplicationStore[]> {
      const store = new SqlApplicationStore(await openDatabase(undefined, folder))
      return new Array<ApplicationStore>(writers).fill(store)
    },
  },
  {
    kind: 'in PostgreSQL (needs its binaries)',
    async open(writers: number): Promise<ApplicationStore[]> {
      const url = await postgres.database()
      const databases = Array.from({ length: writers }, () => openDatabase(url, folder))
      return (await Promise.all(databases)).map((database) => new SqlApplicationStore(database))
    },
  },
].slice(0, postgresBinaries() === undefined ? 2 : 3)

/** What one writer does: so many changes, of what it reads before each or has read at first. */
const anyWriter = fc.record({ changes: fc.integer({ min: 1, max: 8 }), stale: fc.boolean() })
const anyWriters = fc.array(anyWriter, { minLength: 2, maxLength: 4 })

describe.each(kinds)('writers side by side $kind', ({ open }) => {
  test('each version is made by exactly one of them, with its operation', async () => {
    const stores = await open(4)
    const store = stores[0]!
    let runs = 0
    await fc.assert(
      fc.asyncProperty(anyWriters, async (writers) => {
        const name = `a${++runs}`
        const made = writers.map((_, i) => {
          return stores[i]!.createApplication(
            anApplication(name),
            { writer: String(i) },
            anOperation(name, `create-${i}`),
          )
        })
        expect((await Promise.all(made)).filter(Boolean)).toHaveLength(1)

        const won: string[] = []
        const write = async (writer: number, { changes, stale }: (typeof writers)[number]) => {
          let seen = (await stores[writer]!.application(name))!
          for (let i = 0; i < changes; i++) {
            if (!stale) seen = (await stores[writer]!.application(name))!
            const id = `${writer}-${i}`
            const change = { versionId: seen.versionId + 1, conditionalToken: id }
            const done = await stores[writer]!.change(name, seen, change, [anOperation(name, id)])
            if (done) won.push(id)
          }
        }
        await Promise.all(writers.map((writer, i) => write(i, writer)))

        const { versionId } = (await store.application(name))!
        expect(versionId - 1).toBe(won.length)
        const tokens = []
        for (let version = 2; version <= versionId; version++) {
          tokens.push((await store.version(name, version))!.conditionalToken)
        }
        expect(tokens.sort()).toEqual([...won].sort())
        const { items } = await store.listOperations(name, {}, undefined, 50)
        const ids = items.map(({ id }) => id).filter((id) => !id.startsWith('create'))
        expect(ids.sort()).toEqual([...won].sort())
        expect(items).toHaveLength(won.length + 1)
      }),
      { numRuns: 25 },
    )
    for (const one of new Set(stores)) await one.close()
  })

  test('together they keep the limit of tags', async () => {
    const stores = await open(4)
    await stores[0]!.createApplication(anApplication('a'), {}, anOperation('a', 'o'))
    const set = await Promise.all(
      Array.from({ length: 12 }, (_, i) => stores[i % 4]!.changeTags('a', { [`t${i}`]: '' }, [], 5)),
    )
    expect(set.filter(Boolean)).toHaveLength(5)
    expect(Object.keys(await stores[0]!.tags('a'))).toHaveLength(5)
    for (const one of new Set(stores)) await one.close()
  })
})
