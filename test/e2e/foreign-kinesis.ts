import assert from 'node:assert/strict'
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'
import { type KinesisRecord, kinesisRecords } from '@millrace/connectors/kinesis'
import { seededRandom, sleep, systemClock, systemScheduler } from '@millrace/engine/spi'
import { SourceDriver, type SourceSnapshot } from '@millrace/engine/testing'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { type Fault, type FaultProxy, type FaultRule, startFaultProxy } from './fault-proxy.ts'
import { startKinesisLocal } from './servers/kinesis-local.ts'

const recordCount = 2_000
const batchSize = 50
const attempts = 4
const timeoutMs = 120_000
const putAttempts = 50
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const utf8 = new TextDecoder()

const rules: readonly FaultRule[] = [
  // The first rule that applies decides; those for certain calls come first, so that each fault is sure to happen.
  { operation: 'PutRecords', fault: 'drop-answer', calls: [3, 11] },
  { operation: 'PutRecords', fault: 'partial-failure', calls: [4] },
  { operation: 'GetRecords', fault: 'expire-iterator', calls: [5, 12] },
  { operation: 'GetRecords', fault: 'empty-answer', calls: [6] },
  { operation: 'GetRecords', fault: 'throttle', calls: [7] },
  { operation: 'SubscribeToShard', fault: 'throttle', calls: [2] },
  { operation: 'SubscribeToShard', fault: 'cut-stream', calls: [3] },
  { operation: 'PutRecords', fault: 'partial-failure', probability: 0.3 },
  { operation: 'PutRecords', fault: 'throttle', probability: 0.1 },
  { operation: 'GetRecords', fault: 'empty-answer', probability: 0.15 },
  { operation: 'GetRecords', fault: 'throttle', probability: 0.15 },
  { operation: 'GetRecords', fault: 'expire-iterator', probability: 0.1 },
  { operation: 'GetRecords', fault: 'drop-answer', probability: 0.1 },
  { operation: 'GetRecords', fault: 'delay', probability: 0.1 },
  { operation: 'GetShardIterator', fault: 'throttle', probability: 0.2 },
  { operation: 'ListShards', fault: 'throttle', calls: [1] },
  { operation: 'DescribeStreamSummary', fault: 'drop-answer', calls: [2] },
  { operation: 'SubscribeToShard', fault: 'throttle', probability: 0.1 },
  { operation: 'SubscribeToShard', fault: 'cut-stream', probability: 0.7 },
]

/** Faults a run must have met, so that a quiet proxy is no success. */
const expectedFaults: Readonly<Record<'polling' | 'fan-out', readonly Fault[]>> = {
  polling: ['partial-failure', 'throttle', 'empty-answer', 'expire-iterator', 'drop-answer'],
  'fan-out': ['partial-failure', 'throttle', 'drop-answer', 'cut-stream'],
}

/**
 * Our Kinesis source in both modes against kinesis-local, an implementation we didn't write, through a proxy that
 * throttles, expires, empties, delays, drops and cuts: every acknowledged record exactly once over four attempts, each
 * restored from the snapshot of the one before at another parallelism, by polling with a shard split in the middle. Throws what differs.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const server = await startKinesisLocal(log)
  try {
    for (const readerType of ['polling', 'fan-out'] as const) {
      const proxy = await startFaultProxy(server.url, rules, 7)
      try {
        await readThrough(proxy, readerType, log)
      } finally {
        await proxy.close()
      }
    }
  } finally {
    await server.stop()
  }
}

async function readThrough(
  proxy: FaultProxy,
  readerType: 'polling' | 'fan-out',
  log: (line: string) => void,
): Promise<void> {
  const stream = `orders-${readerType}`
  const requestHandler = new NodeHttpHandler()
  const client = new KinesisClient({
    endpoint: proxy.url,
    region: 'us-east-1',
    credentials,
    requestHandler,
    maxAttempts: 10,
  })
  const producer = new Producer(client, stream)
  // kinesis-local's subscriptions never tell the end of a closed shard, as AWS's do: there is nothing to follow by fan-out.
  const splits = readerType === 'polling'
  await client.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 3 }))
  await until('the stream is active', async () => {
    const { StreamDescriptionSummary: summary } = await client.send(
      new DescribeStreamSummaryCommand({ StreamName: stream }),
    )
    return summary?.StreamStatus === 'ACTIVE'
  })
  const producing = producer
    .put(recordCount / 2)
    .then(() => (splits ? split(client, stream) : undefined))
    .then(() => producer.put(recordCount / 2))
  const source = () =>
    kinesisRecords({
      stream,
      format: { decode: (bytes) => utf8.decode(bytes) },
      readerType,
      initialPosition: 'TRIM_HORIZON',
      aws: { endpoint: proxy.url, region: 'us-east-1', credentials, httpProtocol: 'http1.1' },
      shardDiscoveryIntervalMs: 1_000,
    })
  let snapshot: SourceSnapshot<KinesisRecord<string>> | undefined
  let putFailure: unknown
  producing.catch((error: unknown) => {
    putFailure = error
  })
  for (let attempt = 1; ; attempt++) {
    const around = { clock: systemClock, scheduler: systemScheduler, random: seededRandom(attempt) }
    const driver = new SourceDriver(source(), (attempt % 3) + 1, around, snapshot)
    try {
      const wanted = (recordCount * attempt) / attempts
      await until(`attempt ${attempt} has read ${wanted} records`, async () => {
        if (putFailure !== undefined) throw putFailure
        return driver.emitted.length >= wanted
      })
      if (attempt === attempts) {
        await producing
        // Counting isn't enough: what was put again after a lost answer is in the log twice.
        await until('all that is acknowledged is read', async () => {
          const read = new Set(driver.emitted.map(({ value }) => `${value.shardId} ${value.sequenceNumber}`))
          return [...producer.acknowledged].every((place) => read.has(place))
        })
        await sleep(systemScheduler, 1_000)
        check(producer, driver, splits ? 5 : 3)
        break
      }
      snapshot = await driver.snapshot()
    } finally {
      await driver.close()
    }
  }
  client.destroy()
  for (const fault of expectedFaults[readerType]) assert.ok(proxy.done[fault] > 0, `the proxy has done: ${fault}`)
  const faults = Object.entries(proxy.done)
    .filter(([, times]) => times > 0)
    .map(([fault, times]) => `${fault} ${times}`)
  log(`kinesis-local, ${readerType}: ${recordCount} records exactly once through ${faults.join(', ')}`)
}

function check(producer: Producer, driver: SourceDriver<KinesisRecord<string>>, shards: number): void {
  const read = driver.emitted.map(({ value }) => value)
  const places = read.map(({ shardId, sequenceNumber }) => `${shardId} ${sequenceNumber}`)
  assert.equal(new Set(places).size, places.length, 'no log record twice')
  const seen = new Set(places)
  for (const place of producer.acknowledged) assert.ok(seen.has(place), `acknowledged ${place} was read`)
  assert.equal(new Set(read.map(({ shardId }) => shardId)).size, shards, 'every shard was read')
  const lastByShard = new Map<string, bigint>()
  for (const { shardId, sequenceNumber } of read) {
    assert.ok(BigInt(sequenceNumber) > (lastByShard.get(shardId) ?? -1n), `${shardId} is read in order`)
    lastByShard.set(shardId, BigInt(sequenceNumber))
  }
}

async function split(client: KinesisClient, stream: string): Promise<void> {
  const quarter = 2n ** 128n / 6n
  await client.send(
    new SplitShardCommand({
      StreamName: stream,
      ShardToSplit: 'shardId-000000000000',
      NewStartingHashKey: String(quarter),
    }),
  )
}

/** Puts records and keeps the places of the acknowledged ones; only failed entries are put again. */
class Producer {
  readonly acknowledged = new Set<string>()
  readonly #client: KinesisClient
  readonly #stream: string
  #next = 0

  constructor(client: KinesisClient, stream: string) {
    this.#client = client
    this.#stream = stream
  }

  async put(count: number): Promise<void> {
    for (let put = 0; put < count; put += batchSize) {
      const from = this.#next
      this.#next += batchSize
      let entries = Array.from({ length: batchSize }, (_, i) => ({
        PartitionKey: `key${(from + i) % 17}`,
        Data: Buffer.from(`record ${from + i}`),
      }))
      while (entries.length > 0) entries = await this.#putOnce(entries)
    }
  }

  /** Tries again by itself: the SDK gives up when its budget for retries is used up, which these faults do. */
  async #send(entries: { PartitionKey: string; Data: Buffer }[]) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#client.send(new PutRecordsCommand({ StreamName: this.#stream, Records: entries }))
      } catch (error) {
        if (attempt === putAttempts) throw error
        await sleep(systemScheduler, Math.min(20 * attempt, 500))
      }
    }
  }

  async #putOnce<E extends { PartitionKey: string; Data: Buffer }>(entries: E[]): Promise<E[]> {
    const { Records } = await this.#send(entries)
    return entries.filter((_, i) => {
      const { ShardId, SequenceNumber, ErrorCode } = Records![i]!
      if (ErrorCode === undefined || ErrorCode === null) this.acknowledged.add(`${ShardId} ${SequenceNumber}`)
      return ErrorCode !== undefined && ErrorCode !== null
    })
  }
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = systemClock.monotonicMs() + timeoutMs
  while (!(await condition())) {
    if (systemClock.monotonicMs() > endMs) throw new Error(`not within ${timeoutMs / 1_000} s: ${what}`)
    await sleep(systemScheduler, 20)
  }
}
