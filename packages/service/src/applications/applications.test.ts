import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis'
import { KinesisAnalyticsV2Client, ListApplicationsCommand } from '@aws-sdk/client-kinesis-analytics-v2'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Endpoint, startEndpoint } from '../endpoint.ts'
import type { ApplicationRecord } from './application-record.ts'
import { isLive, type LifecycleSurroundings } from './applications.ts'
import { newApplication } from './lifecycle-world-fixture.ts'
import { ScriptedLifecycle } from './scripted-lifecycle-fixture.ts'

let directory: string
let endpoint: Endpoint | undefined

beforeEach(async () => {
  endpoint = undefined
  directory = await mkdtemp(join(tmpdir(), 'millrace-applications-'))
})

afterEach(async () => {
  await endpoint?.close()
  await rm(directory, { recursive: true })
})

type Make = (surroundings: LifecycleSurroundings) => ScriptedLifecycle

async function start(createLifecycle?: Make): Promise<void> {
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
  const applications = createLifecycle === undefined ? {} : { applications: { createLifecycle } }
  endpoint = await startEndpoint({ dataDirectory: directory }, { ...parts, ...applications })
}

/** A call of the applications' API: its answer's status. */
async function call(surroundings: Pick<LifecycleSurroundings, 'credentials' | 'url'>): Promise<number> {
  const { credentials, url } = surroundings
  const client = new KinesisAnalyticsV2Client({ endpoint: url(), credentials, region: 'us-east-1', maxAttempts: 1 })
  try {
    return (await client.send(new ListApplicationsCommand({}))).$metadata.httpStatusCode!
  } catch (error) {
    return (error as { $metadata: { httpStatusCode: number } }).$metadata.httpStatusCode
  } finally {
    client.destroy()
  }
}

test('calls wait until what was left has been taken up', async () => {
  const events: string[] = []
  let early: Promise<unknown> = Promise.resolve()
  class Recovering extends ScriptedLifecycle {
    override async recover(): Promise<void> {
      early = call(this.surroundings).then((status) => events.push(`answered ${status}`))
      // Long enough for the call to have been answered, if it didn't wait.
      for (let i = 0; i < 20; i++) await (await fetch(`${this.surroundings.url()}/healthz`)).text()
      events.push('recovered')
    }
  }
  await start((surroundings) => new Recovering(surroundings))
  await early
  expect(events).toEqual(['recovered', 'answered 200'])
})

test('jobs end while the streams are still served; calls for applications are refused meanwhile', async () => {
  const seen: unknown[] = []
  class Closing extends ScriptedLifecycle {
    override async close(): Promise<void> {
      const { credentials, url } = this.surroundings
      const kinesis = new KinesisClient({ endpoint: url(), credentials, region: 'us-east-1', maxAttempts: 1 })
      seen.push((await kinesis.send(new ListStreamsCommand({}))).StreamNames)
      kinesis.destroy()
      seen.push(await call(this.surroundings))
    }
  }
  await start((surroundings) => new Closing(surroundings))
  await endpoint!.close()
  expect(seen).toEqual([[], 503])
})

test('a failed taking up ends the start and leaves nothing open', async () => {
  class Failing extends ScriptedLifecycle {
    override recover = () => Promise.reject(new Error('no way'))
  }
  await expect(start((surroundings) => new Failing(surroundings))).rejects.toThrow('no way')
  await start((surroundings) => new ScriptedLifecycle(surroundings))
})

test('an endpoint without applications knows none of their operations', async () => {
  await start()
  expect(await call({ credentials: endpoint!.credentials, url: () => endpoint!.url })).toBe(400)
  expect(existsSync(join(directory, 'store.db'))).toBe(false)
})

test.each<[string, Partial<ApplicationRecord>, readonly number[]]>([
  ['runs', { status: 'RUNNING' }, [7]],
  ['is being stopped', { status: 'STOPPING' }, [7]],
  ['sleeps: its sources are watched with the rights of the next', { status: 'RUNNING', hibernatedSinceMs: 5 }, [8]],
  ['is stopped', { status: 'READY' }, []],
  ['is another of that name', { status: 'RUNNING', createdMs: 2 }, []],
])('which process is live of an application that %s', async (_, changes, live) => {
  const store = { application: async () => ({ ...newApplication('a', 1), epoch: 7, ...changes }) }
  const owner = { applicationName: 'a', applicationCreatedMs: 1 }
  const found = []
  for (const epoch of [6, 7, 8, 9]) if (await isLive(store, { ...owner, epoch })) found.push(epoch)
  expect(found).toEqual(live)
})
