import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startEndpoint } from './endpoint.ts'

let directory: string
let child: ChildProcess | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
})

afterEach(async () => {
  child?.kill('SIGKILL')
  await rm(directory, { recursive: true })
})

async function start(): Promise<KinesisClient> {
  const entry = fileURLToPath(new URL('./endpoint-process-fixture.ts', import.meta.url))
  const settings = JSON.stringify({ dataDirectory: directory, throttling: false, segmentBytes: 64 << 10 })
  const options = ['--conditions=millrace-source', '--import', 'tsx', entry, settings]
  child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  const { url, ...credentials } = JSON.parse(line.toString())
  return new KinesisClient({ endpoint: url, credentials, region: 'us-east-1', maxAttempts: 1 })
}

async function kill(): Promise<void> {
  const exit = once(child!, 'exit')
  child!.kill('SIGKILL')
  await exit
}

interface Stored {
  readonly number: string
  readonly text: string
}

async function readShard(client: KinesisClient, ShardId: string): Promise<Stored[]> {
  const stored: Stored[] = []
  let { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName: 's', ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
  )
  for (;;) {
    const answer = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 500 }))
    const { Records = [], NextShardIterator, MillisBehindLatest } = answer
    for (const one of Records) stored.push({ number: one.SequenceNumber!, text: Buffer.from(one.Data!).toString() })
    if (MillisBehindLatest === 0) return stored
    ShardIterator = NextShardIterator
  }
}

test('every record acknowledged before kill -9 is there once and in order, three times over', async () => {
  const acknowledged = new Map<string, Stored[]>([0, 1].map((n) => [`shardId-00000000000${n}`, []]))
  let client = await start()
  await client.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 2 }))
  for (let round = 0; round < 3; round++) {
    let isKilled = false
    let calls = 0
    const produce = async (producer: number) => {
      for (let i = 0; !isKilled; i++) {
        const names = Array.from({ length: 10 }, (_, k) => `${round}/${producer}/${i}/${k}`)
        const Records = names.map((name) => ({ Data: Buffer.from(name), PartitionKey: name }))
        try {
          const answer = await client.send(new PutRecordsCommand({ StreamName: 's', Records }))
          for (const [k, one] of answer.Records!.entries()) {
            acknowledged.get(one.ShardId!)!.push({ number: one.SequenceNumber!, text: names[k]! })
          }
          calls++
        } catch {
          isKilled = true
        }
      }
    }
    const producers = [0, 1, 2, 3].map(produce)
    while (calls < 60 + round * 25) await new Promise((resolve) => setImmediate(resolve))
    await kill()
    isKilled = true
    await Promise.all(producers)
    client.destroy()
    client = await start()
    for (const [shard, expected] of acknowledged) {
      const stored = await readShard(client, shard)
      const numbers = stored.map(({ number }) => number)
      expect(numbers).toEqual([...new Set(numbers)].sort())
      const byNumber = new Map(stored.map(({ number, text }) => [number, text]))
      for (const { number, text } of expected) expect(byNumber.get(number)).toBe(text)
      expect(new Set(stored.map(({ text }) => text)).size).toBe(stored.length)
      expect(expected.length).toBeGreaterThan(100)
    }
  }
  client.destroy()
  await kill()
})

test('a directory has one endpoint at a time, also across processes', async () => {
  const client = await start()
  client.destroy()
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
  await expect(startEndpoint({ dataDirectory: directory }, parts)).rejects.toMatchObject({
    code: 'DATA_DIRECTORY_IN_USE',
  })
  await kill()
  const endpoint = await startEndpoint({ dataDirectory: directory }, parts)
  await endpoint.close()
})
