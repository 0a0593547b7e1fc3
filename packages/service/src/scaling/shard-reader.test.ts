import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateStreamCommand, KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Endpoint, startEndpoint } from '../endpoint.ts'
import { isPassing, openShardReader, type ShardReader } from './shard-reader.ts'
import type { ShardPlace } from './source-probe.ts'

const region = 'us-east-1'
const streamArn = `arn:aws:kinesis:${region}:000000000000:stream/in`

let directory: string
let endpoint: Endpoint
let client: KinesisClient
let reader: ShardReader
/** Of the only record. */
let sequenceNumber: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-reader-'))
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
  endpoint = await startEndpoint({ dataDirectory: directory }, parts)
  const { url, credentials } = endpoint
  client = new KinesisClient({ endpoint: url, credentials, region, maxAttempts: 1 })
  await client.send(new CreateStreamCommand({ StreamName: 'in', ShardCount: 1 }))
  const record = { PartitionKey: 'a', Data: Buffer.from('x') }
  sequenceNumber = (await client.send(new PutRecordCommand({ StreamName: 'in', ...record }))).SequenceNumber!
  reader = openShardReader({ endpoint: url, region, credentials: async () => credentials })
})

afterAll(async () => {
  reader.close()
  client.destroy()
  await endpoint.close()
  await rm(directory, { recursive: true })
})

const glance = async (position: ShardPlace['position'], shardId = 'shardId-000000000000') =>
  reader.read(streamArn, await reader.iterator({ streamArn, shardId, position }))

test('a record behind the position is seen, one before it is not', async () => {
  expect((await glance({ type: 'TRIM_HORIZON' })).hasRecord).toBe(true)
  expect((await glance({ type: 'AT_TIMESTAMP', timestampMs: 1_700_000_000_000 })).hasRecord).toBe(true)
  const after = await glance({ type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber })
  expect(after).toEqual({ hasRecord: false, nextIterator: expect.any(String), millisBehindLatest: 0 })
})

test('what the service refuses does not pass; an endpoint that is away does', async () => {
  const unknown = await glance({ type: 'TRIM_HORIZON' }, 'shardId-000000000009').catch((error: unknown) => error)
  expect(unknown).toMatchObject({ name: 'ResourceNotFoundException' })
  expect(isPassing(unknown)).toBe(false)
  const { credentials } = endpoint
  const away = openShardReader({ endpoint: 'http://127.0.0.1:1', region, credentials: async () => credentials })
  const place = { streamArn, shardId: 'shardId-000000000000', position: { type: 'TRIM_HORIZON' } } as const
  expect(isPassing(await away.iterator(place).catch((error: unknown) => error))).toBe(true)
  away.close()
})
