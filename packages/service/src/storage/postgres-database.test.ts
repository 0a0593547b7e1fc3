import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from './open-store.ts'
import { openPostgres } from './postgres-database.ts'
import { postgresBinaries, startPostgres, type TestPostgres } from './postgres-fixture.ts'
import { hasPassword, readPostgresUrl, redactStoreUrl } from './postgres-url.ts'
import { anApplication, anOperation } from './record-fixture.ts'
import { SqlApplicationStore } from './sql-application-store.ts'

describe("a store's URL", () => {
  test('names server, database and schema; its password is in no message', () => {
    const url = 'postgres://app:s%3Acret@db.example:5433/flink?search_path=prod&sslmode=require'
    const read = readPostgresUrl(url)
    expect(read).toEqual({
      connection: { connectionString: 'postgres://app:s%3Acret@db.example:5433/flink?sslmode=require' },
      schema: 'prod',
      place: 'postgres://app@db.example:5433/flink',
    })
    expect(readPostgresUrl('postgresql://h/d').schema).toBe('millrace')
    expect(redactStoreUrl(url)).toBe(read.place)
    expect(redactStoreUrl('postgres://a:b c@[')).toBe('postgres:…')
    expect(redactStoreUrl('sqlite:/a/b')).toBe('sqlite:/a/b')
    expect([hasPassword(url), hasPassword('postgres://h/d?password=x'), hasPassword(read.place)]).toEqual([
      true,
      true,
      false,
    ])
  })

  test.each(['postgres://[', 'postgres://u:secret@h:port/d', 'mysql://u:secret@h/d'])('%s is refused', async (url) => {
    const error = await openDatabase(url, '/nowhere').catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'STORE_URL_INVALID', kind: 'invalid' })
    expect(`${error.message} ${error.hint}`).not.toContain('secret')
  })
})

describe.runIf(postgresBinaries() !== undefined)('a PostgreSQL store (needs its binaries)', () => {
  let postgres: TestPostgres
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres.stop())

  test('is laid out once by processes that open it at the same time, in the schema asked for', async () => {
    const url = await postgres.database()
    const opened = await Promise.all(Array.from({ length: 4 }, () => openPostgres(`${url}?search_path=mill%20race`)))
    const client = new pg.Client(url)
    await client.connect()
    const { rows } = await client.query('SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = $1', ['versions'])
    expect(rows).toEqual([{ schemaname: 'mill race' }])
    await client.query('INSERT INTO "mill race".migrations VALUES (99)')
    await client.end()
    const tooNew = await openPostgres(`${url}?search_path=mill%20race`).catch((thrown) => thrown)
    expect(tooNew).toMatchObject({ code: 'STORE_TOO_NEW', kind: 'invalid' })
    for (const one of opened) await one.close()
  })

  test('that takes no such user, or is gone, is unavailable without telling the password', async () => {
    const { port } = postgres
    const wrong = await openPostgres(`postgres://millrace:hunter2@127.0.0.1:${port}/postgres`).catch((thrown) => thrown)
    expect(wrong).toMatchObject({ code: 'STORE_FAILED', kind: 'unavailable' })
    expect(JSON.stringify([wrong.message, wrong.hint, wrong.details])).not.toContain('hunter2')
    const refused = await openPostgres('postgres://millrace@127.0.0.1:1/postgres').catch((thrown) => thrown)
    expect(refused).toMatchObject({ code: 'STORE_FAILED', kind: 'unavailable' })
  })

  test('that crashes is unavailable meanwhile; what was stored is there when it is back', async () => {
    const store = new SqlApplicationStore(await openPostgres(await postgres.database()))
    await store.createApplication(anApplication('a'), {}, anOperation('a', 'o'))
    await postgres.crash()
    const failed = await store.application('a').catch((thrown) => thrown)
    expect(failed).toMatchObject({ code: 'STORE_FAILED', kind: 'unavailable' })
    await postgres.start()
    expect(await store.application('a')).toEqual(anApplication('a'))
    expect(await store.change('a', { status: 'READY', versionId: 1 }, { status: 'STARTING' }, [])).toBe(true)
    await store.close()
  })

  test('asks for a password, by SCRAM', async () => {
    const client = new pg.Client(`postgres://millrace:${postgres.password}@127.0.0.1:${postgres.port}/postgres`)
    await client.connect()
    const { rows } = await client.query("SELECT DISTINCT auth_method FROM pg_hba_file_rules WHERE type <> 'local'")
    expect(rows).toEqual([{ auth_method: 'scram-sha-256' }])
    await client.end()
  })
})
