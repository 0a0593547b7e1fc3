import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  KinesisClient,
  ListShardsCommand,
  ListStreamConsumersCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
} from '@aws-sdk/client-kinesis'
import { type Clock, silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Endpoint, type EndpointSettings, startEndpoint } from '../endpoint.ts'

let directory: string
let endpoint: Endpoint
let client: KinesisClient
/** Added to the machine's clock, both kinds. */
let aheadMs = 0

const clock: Clock = {
  now: () => systemClock.now() + aheadMs,
  monotonicMs: () => systemClock.monotonicMs() + aheadMs,
}

async function start(settings: Partial<EndpointSettings> = {}): Promise<void> {
  const parts = { clock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
  endpoint = await startEndpoint({ dataDirectory: directory, ...settings }, parts)
  const { url, credentials } = endpoint
  client = new KinesisClient({
    endpoint: url,
    credentials,
    region: 'us-east-1',
    maxAttempts: 1,
    // The endpoint's clock is moved by some tests; the signature's must be with it.
    systemClockOffset: aheadMs,
  })
}

async function restart(settings: Partial<EndpointSettings> = {}): Promise<void> {
  client.destroy()
  await endpoint.close()
  await start(settings)
}

beforeEach(async () => {
  aheadMs = 0
  directory = await mkdtemp(join(tmpdir(), 'millrace-kinesis-'))
  await start()
})

afterEach(async () => {
  client.destroy()
  await endpoint.close()
  await rm(directory, { recursive: true })
})

const shard0 = 'shardId-000000000000'

async function createStream(StreamName = 's', ShardCount = 1, more = {}): Promise<string> {
  await client.send(new CreateStreamCommand({ StreamName, ShardCount, ...more }))
  const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }))
  return StreamDescriptionSummary!.StreamARN!
}

function put(text: string, PartitionKey = 'key') {
  return client.send(new PutRecordCommand({ StreamName: 's', Data: Buffer.from(text), PartitionKey }))
}

async function iterator(input: Partial<GetShardIteratorCommandInput>): Promise<string> {
  const { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName: 's', ShardId: shard0, ShardIteratorType: 'TRIM_HORIZON', ...input }),
  )
  return ShardIterator!
}

async function get(ShardIterator: string, Limit?: number) {
  const answer = await client.send(new GetRecordsCommand({ ShardIterator, Limit }))
  return { ...answer, texts: answer.Records!.map((one) => Buffer.from(one.Data!).toString()) }
}

function failure(name: string, status = 400) {
  return { name, $metadata: { httpStatusCode: status } }
}

describe('streams', () => {
  test('are created, described, listed page by page and deleted', async () => {
    await createStream('b', 3)
    await createStream('a', 1, { MaxRecordSizeInKiB: 2048, Tags: { team: 'fraud' } })
    const summary = await client.send(new DescribeStreamSummaryCommand({ StreamName: 'a' }))
    expect(summary.StreamDescriptionSummary).toMatchObject({
      StreamName: 'a',
      StreamARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/a',
      StreamStatus: 'ACTIVE',
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
      RetentionPeriodHours: 24,
      EncryptionType: 'NONE',
      OpenShardCount: 1,
      ConsumerCount: 0,
      MaxRecordSizeInKiB: 2048,
    })
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName: 'b', Limit: 2 }))
    expect(StreamDescription).toMatchObject({ HasMoreShards: true, Shards: [{ ShardId: shard0 }, {}] })
    expect(StreamDescription!.Shards![0]!.SequenceNumberRange!.StartingSequenceNumber).toMatch(/^\d{56}$/)
    const first = await client.send(new ListStreamsCommand({ Limit: 1 }))
    expect(first).toMatchObject({ StreamNames: ['a'], HasMoreStreams: true })
    const second = await client.send(new ListStreamsCommand({ NextToken: first.NextToken }))
    expect(second).toMatchObject({ StreamNames: ['b'], HasMoreStreams: false })
    await client.send(new DeleteStreamCommand({ StreamARN: second.StreamSummaries![0]!.StreamARN }))
    await expect(client.send(new DescribeStreamSummaryCommand({ StreamName: 'b' }))).rejects.toMatchObject(
      failure('ResourceNotFoundException'),
    )
    await restart()
    expect((await client.send(new ListStreamsCommand({}))).StreamNames).toEqual(['a'])
  })

  test('of a name in use are refused; made again they are others', async () => {
    await createStream()
    const old = await put('old')
    const stale = await iterator({})
    await expect(createStream()).rejects.toMatchObject(failure('ResourceInUseException'))
    await client.send(new DeleteStreamCommand({ StreamName: 's' }))
    await createStream()
    const fresh = await put('new')
    expect(BigInt(fresh.SequenceNumber!)).toBeGreaterThan(BigInt(old.SequenceNumber!))
    await expect(get(stale)).rejects.toMatchObject(failure('ResourceNotFoundException'))
    expect((await get(await iterator({}))).texts).toEqual(['new'])
  })

  test('are CREATING at first, and take no records then', async () => {
    await restart({ streamActivationDelayMs: 60_000 })
    await client.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }))
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName: 's' }))
    expect(StreamDescriptionSummary!.StreamStatus).toBe('CREATING')
    await expect(put('x')).rejects.toMatchObject(failure('ResourceInUseException'))
    aheadMs = 60_001
    client.config.systemClockOffset = aheadMs
    await put('x')
  })

  test('list their shards in pages and by filter', async () => {
    await createStream('s', 5)
    const first = await client.send(new ListShardsCommand({ StreamName: 's', MaxResults: 2 }))
    expect(first.Shards!.map(({ ShardId }) => ShardId!.at(-1))).toEqual(['0', '1'])
    const second = await client.send(new ListShardsCommand({ NextToken: first.NextToken, MaxResults: 10 }))
    expect(second.Shards!.map(({ ShardId }) => ShardId!.at(-1))).toEqual(['2', '3', '4'])
    expect(second.NextToken).toBeUndefined()
    const after = await client.send(
      new ListShardsCommand({
        StreamName: 's',
        ShardFilter: { Type: 'AFTER_SHARD_ID', ShardId: 'shardId-000000000003' },
      }),
    )
    expect(after.Shards!.map(({ ShardId }) => ShardId!.at(-1))).toEqual(['4'])
    const both = client.send(new ListShardsCommand({ StreamName: 's', NextToken: first.NextToken }))
    await expect(both).rejects.toMatchObject(failure('InvalidArgumentException'))
    aheadMs = 301_000
    client.config.systemClockOffset = aheadMs
    await expect(client.send(new ListShardsCommand({ NextToken: first.NextToken }))).rejects.toMatchObject(
      failure('ExpiredNextTokenException'),
    )
  })

  test.each([
    { it: 'a wrong name', input: { StreamName: 'a b', ShardCount: 1 }, name: 'ValidationException' },
    { it: 'no shard', input: { StreamName: 'a', ShardCount: 0 }, name: 'ValidationException' },
    { it: 'too many shards', input: { StreamName: 'a', ShardCount: 1001 }, name: 'ValidationException' },
    { it: 'no shard count', input: { StreamName: 'a' }, name: 'InvalidArgumentException' },
    {
      it: 'on demand',
      input: { StreamName: 'a', StreamModeDetails: { StreamMode: 'ON_DEMAND' as const } },
      name: 'InvalidArgumentException',
    },
  ])('with $it are refused', async ({ input, name }) => {
    await expect(client.send(new CreateStreamCommand(input))).rejects.toMatchObject(failure(name))
  })

  test('an operation that is not offered is named', async () => {
    const split = new SplitShardCommand({ StreamName: 's', ShardToSplit: shard0, NewStartingHashKey: '1' })
    await expect(client.send(split)).rejects.toMatchObject(failure('UnknownOperationException'))
  })
})

describe('puts', () => {
  test('keep the order of a shard and answer entry by entry', async () => {
    await createStream('s', 2)
    const Records = Array.from({ length: 500 }, (_, i) => ({ Data: Buffer.from(`${i}`), PartitionKey: `k${i}` }))
    const answer = await client.send(new PutRecordsCommand({ StreamName: 's', Records }))
    expect(answer).toMatchObject({ FailedRecordCount: 0, EncryptionType: 'NONE' })
    for (const shard of [0, 1].map((n) => `shardId-00000000000${n}`)) {
      const expected = answer.Records!.flatMap((one, i) =>
        one.ShardId === shard ? [[one.SequenceNumber, `${i}`]] : [],
      )
      const { Records: read, texts } = await get(await iterator({ ShardId: shard }))
      expect(read!.map((one, i) => [one.SequenceNumber, texts[i]])).toEqual(expected)
    }
  })

  test('go by ExplicitHashKey when there is one; empty data is fine', async () => {
    await createStream('s', 2)
    const input = { StreamName: 's', Data: Buffer.alloc(0), PartitionKey: 'k' }
    const low = await client.send(new PutRecordCommand({ ...input, ExplicitHashKey: '0' }))
    const high = await client.send(new PutRecordCommand({ ...input, ExplicitHashKey: String(2n ** 128n - 1n) }))
    expect([low.ShardId, high.ShardId]).toEqual([shard0, 'shardId-000000000001'])
    expect((await get(await iterator({}))).texts).toEqual([''])
    const ordered = { ...input, ExplicitHashKey: '0', SequenceNumberForOrdering: low.SequenceNumber }
    await client.send(new PutRecordCommand(ordered))
    const foreign = { ...ordered, SequenceNumberForOrdering: high.SequenceNumber }
    await expect(client.send(new PutRecordCommand(foreign))).rejects.toMatchObject(failure('InvalidArgumentException'))
  })

  const MiB = 1 << 20
  test('a record of exactly 1 MiB with its key is taken, one byte more is not', async () => {
    await createStream()
    await client.send(new PutRecordCommand({ StreamName: 's', Data: Buffer.alloc(MiB - 1), PartitionKey: 'k' }))
    await expect(
      client.send(new PutRecordCommand({ StreamName: 's', Data: Buffer.alloc(MiB), PartitionKey: 'k' })),
    ).rejects.toMatchObject(failure('InvalidArgumentException'))
  })

  test('one oversized record fails the whole call, as do 501 records and more than 10 MiB', async () => {
    await createStream('s', 4)
    const one = { Data: Buffer.from('x'), PartitionKey: 'k' }
    const send = (Records: (typeof one)[]) => client.send(new PutRecordsCommand({ StreamName: 's', Records }))
    await expect(send([one, { ...one, Data: Buffer.alloc(MiB) }])).rejects.toMatchObject(
      failure('InvalidArgumentException'),
    )
    await expect(send(Array(501).fill(one))).rejects.toMatchObject(failure('ValidationException'))
    await expect(send(Array(11).fill({ ...one, Data: Buffer.alloc(MiB - 1) }))).rejects.toMatchObject(
      failure('InvalidArgumentException'),
    )
    expect((await get(await iterator({}))).texts).toEqual([])
  })

  test.each([
    { it: 'no partition key', change: { PartitionKey: undefined }, name: 'ValidationException' },
    { it: 'an empty partition key', change: { PartitionKey: '' }, name: 'ValidationException' },
    { it: 'a long partition key', change: { PartitionKey: 'k'.repeat(257) }, name: 'ValidationException' },
    { it: 'a hash key of 2^128', change: { ExplicitHashKey: String(2n ** 128n) }, name: 'InvalidArgumentException' },
    { it: 'an unknown stream', change: { StreamName: 'other' }, name: 'ResourceNotFoundException' },
  ])('$it: $name', async ({ change, name }) => {
    await createStream()
    const input = { StreamName: 's', Data: Buffer.from('x'), PartitionKey: 'k', ...change }
    await expect(client.send(new PutRecordCommand(input as never))).rejects.toMatchObject(failure(name))
  })

  test('above 1,000 records a second entries are throttled one by one, and the rest is stored', async () => {
    await createStream()
    const Records = Array(500).fill({ Data: Buffer.from('x'), PartitionKey: 'k' })
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => client.send(new PutRecordsCommand({ StreamName: 's', Records }))),
    )
    const entries = answers.flatMap((answer) => answer.Records!)
    const failed = entries.filter((one) => one.ErrorCode !== undefined)
    expect(failed.length).toBeGreaterThan(100)
    expect(failed[0]!.ErrorCode).toBe('ProvisionedThroughputExceededException')
    expect(answers.reduce((sum, one) => sum + one.FailedRecordCount!, 0)).toBe(failed.length)
    const { texts } = await get(await iterator({}))
    expect(texts.length).toBe(entries.length - failed.length)
  })
})

describe('reads', () => {
  test('begin where each of the five iterator types says', async () => {
    await createStream()
    const numbers: string[] = []
    for (const text of ['a', 'b', 'c']) numbers.push((await put(text)).SequenceNumber!)
    const latest = await iterator({ ShardIteratorType: 'LATEST' })
    const { Records } = await get(await iterator({}))
    const StartingSequenceNumber = numbers[1]
    const at = await iterator({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber })
    const after = await iterator({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber })
    const Timestamp = Records![0]!.ApproximateArrivalTimestamp
    const since = await iterator({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp })
    await restart()
    await put('d')
    expect((await get(at)).texts).toEqual(['b', 'c', 'd'])
    expect((await get(after)).texts).toEqual(['c', 'd'])
    expect((await get(since)).texts).toEqual(['a', 'b', 'c', 'd'])
    expect((await get(latest)).texts).toEqual(['d'])
    const tip = await get(await iterator({ ShardIteratorType: 'LATEST' }))
    expect(tip).toMatchObject({ texts: [], MillisBehindLatest: 0 })
  })

  test('go on from the next iterator, and say how far behind they are', async () => {
    await createStream()
    for (const text of ['a', 'b', 'c']) await put(text)
    aheadMs = 10_000
    client.config.systemClockOffset = aheadMs
    const first = await get(await iterator({}), 2)
    expect(first.texts).toEqual(['a', 'b'])
    expect(first.MillisBehindLatest).toBeGreaterThanOrEqual(9_000)
    const second = await get(first.NextShardIterator!)
    expect(second).toMatchObject({ texts: ['c'], MillisBehindLatest: 0 })
    expect((await get(first.NextShardIterator!)).texts).toEqual(['c'])
  })

  test('an iterator is good for five minutes, and only if it is ours', async () => {
    await createStream()
    const token = await iterator({})
    await expect(get('AAAA')).rejects.toMatchObject(failure('InvalidArgumentException'))
    await expect(get(`${token.slice(0, -4)}AAAA`)).rejects.toMatchObject(failure('InvalidArgumentException'))
    aheadMs = 299_000
    client.config.systemClockOffset = aheadMs
    await get(token)
    aheadMs = 301_000
    client.config.systemClockOffset = aheadMs
    await expect(get(token)).rejects.toMatchObject(failure('ExpiredIteratorException'))
  })

  test.each([
    { it: 'an unknown shard', input: { ShardId: 'shardId-000000000009' }, name: 'ResourceNotFoundException' },
    {
      it: 'junk as a number',
      input: { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: '1' },
      name: 'InvalidArgumentException',
    },
    { it: 'no number', input: { ShardIteratorType: 'AT_SEQUENCE_NUMBER' }, name: 'InvalidArgumentException' },
    { it: 'no time', input: { ShardIteratorType: 'AT_TIMESTAMP' }, name: 'InvalidArgumentException' },
    {
      it: 'a time to come',
      input: { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(4_000_000_000_000) },
      name: 'InvalidArgumentException',
    },
    { it: 'an unknown type', input: { ShardIteratorType: 'NOW' }, name: 'ValidationException' },
  ])('$it: $name', async ({ input, name }) => {
    await createStream()
    await expect(iterator(input as never)).rejects.toMatchObject(failure(name))
  })

  test("another shard's number is refused with both names", async () => {
    await createStream('s', 2)
    const input = { StreamName: 's', Data: Buffer.from('x'), PartitionKey: 'k', ExplicitHashKey: String(2n ** 127n) }
    const { SequenceNumber } = await client.send(new PutRecordCommand(input))
    await expect(
      iterator({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: SequenceNumber }),
    ).rejects.toThrow(/encodes shardId-000000000001, while it was used in a call to a shard with shardId-000000000000/)
  })

  test('the sixth call of a second on a shard is throttled, and so is what follows 10 MiB', async () => {
    await createStream('s', 1)
    const token = await iterator({})
    for (let i = 0; i < 5; i++) await get(token)
    await expect(get(token)).rejects.toMatchObject(failure('ProvisionedThroughputExceededException'))
    await restart({ throttling: false })
    for (let i = 0; i < 12; i++) await put('x'.repeat(1_000_000))
    await restart()
    const big = await get(await iterator({}))
    expect(big.texts).toHaveLength(10)
    await expect(get(big.NextShardIterator!)).rejects.toMatchObject(failure('ProvisionedThroughputExceededException'))
    aheadMs = 5_000
    client.config.systemClockOffset = aheadMs
    expect((await get(big.NextShardIterator!)).texts).toHaveLength(2)
  })

  test('faults that are asked for happen: empty answers and throttling', async () => {
    await createStream()
    await put('a')
    await restart({ faults: { emptyGetRecords: 1 } })
    const empty = await get(await iterator({}))
    expect(empty.texts).toEqual([])
    expect(empty.NextShardIterator).toBeDefined()
    await restart({ faults: { throttle: 1 } })
    await expect(put('b')).rejects.toMatchObject(failure('ProvisionedThroughputExceededException'))
    await expect(get(empty.NextShardIterator!)).rejects.toMatchObject(failure('ProvisionedThroughputExceededException'))
    await restart()
    expect((await get(empty.NextShardIterator!)).texts).toEqual(['a'])
  })
})

describe('fan-out', () => {
  async function register(StreamARN: string, ConsumerName = 'c'): Promise<string> {
    const { Consumer } = await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName }))
    expect(Consumer!.ConsumerStatus).toBe('CREATING')
    return Consumer!.ConsumerARN!
  }

  async function subscribe(ConsumerARN: string, SequenceNumber?: string) {
    const Type = SequenceNumber === undefined ? 'TRIM_HORIZON' : 'AFTER_SEQUENCE_NUMBER'
    const StartingPosition = { Type, SequenceNumber } as const
    const { EventStream } = await client.send(
      new SubscribeToShardCommand({ ConsumerARN, ShardId: shard0, StartingPosition }),
    )
    return EventStream![Symbol.asyncIterator]()
  }

  /** Events until one holds the last of `count` records. */
  async function take(events: AsyncIterator<{ SubscribeToShardEvent?: SubscribeToShardEvent }>, count: number) {
    const texts: string[] = []
    let last: SubscribeToShardEvent | undefined
    while (texts.length < count || last === undefined) {
      const { value, done } = await events.next()
      if (done === true) throw new Error('the stream ended early')
      last = value.SubscribeToShardEvent!
      texts.push(...last!.Records!.map((one) => Buffer.from(one.Data!).toString()))
    }
    return { texts, last }
  }

  test('pushes what is there and what comes, and goes on from a continuation after a restart', async () => {
    const consumer = await register(await createStream())
    await put('a')
    const events = await subscribe(consumer)
    expect((await take(events, 1)).texts).toEqual(['a'])
    const numbers = await Promise.all(Array.from({ length: 50 }, (_, i) => put(`b${i}`)))
    const { texts, last } = await take(events, 50)
    expect(new Set(texts)).toEqual(new Set(numbers.map((_, i) => `b${i}`)))
    expect(last).toMatchObject({ MillisBehindLatest: 0 })
    await restart()
    expect(await events.next()).toMatchObject({ done: true })
    await put('c')
    const again = await subscribe(consumer, last.ContinuationSequenceNumber)
    expect((await take(again, 1)).texts).toEqual(['c'])
  })

  test('an empty event comes at once at the tip, with a continuation that works before any record', async () => {
    const consumer = await register(await createStream())
    const { last } = await take(await subscribe(consumer), 0)
    expect(last).toMatchObject({ Records: [], MillisBehindLatest: 0 })
    await restart()
    await put('a')
    const events = await subscribe(consumer, last.ContinuationSequenceNumber)
    expect((await take(events, 1)).texts).toEqual(['a'])
  })

  test('a backlog beyond memory comes whole and in order', async () => {
    await restart({ throttling: false, tailCacheBytes: 1 << 16, segmentBytes: 1 << 18 })
    const consumer = await register(await createStream())
    const texts = Array.from({ length: 1500 }, (_, i) => `${i}`.padEnd(1000, '.'))
    for (let i = 0; i < 1500; i += 500) {
      const Records = texts.slice(i, i + 500).map((text) => ({ Data: Buffer.from(text), PartitionKey: 'k' }))
      await client.send(new PutRecordsCommand({ StreamName: 's', Records }))
    }
    expect((await take(await subscribe(consumer), 1500)).texts).toEqual(texts)
  })

  test('within five seconds a second subscription is refused, later it takes over', async () => {
    const consumer = await register(await createStream())
    const first = await subscribe(consumer)
    await take(first, 0)
    await expect(subscribe(consumer)).rejects.toMatchObject(failure('ResourceInUseException'))
    aheadMs = 5_001
    client.config.systemClockOffset = aheadMs
    const second = await subscribe(consumer)
    await expect(first.next()).rejects.toMatchObject({ name: 'ResourceInUseException' })
    await put('a')
    expect((await take(second, 1)).texts).toEqual(['a'])
  })

  test('a subscription ends cleanly at the end of its life', async () => {
    await restart({ subscriptionLifeMs: 50 })
    const events = await subscribe(await register(await createStream()))
    await take(events, 0)
    expect(await events.next()).toMatchObject({ done: true })
  })

  test('consumers are described, listed, limited and deregistered', async () => {
    const StreamARN = await createStream()
    const arn = await register(StreamARN, 'c0')
    expect(arn).toMatch(/:stream\/s\/consumer\/c0:\d{10}$/)
    await expect(register(StreamARN, 'c0')).rejects.toMatchObject(failure('ResourceInUseException'))
    const described = await client.send(new DescribeStreamConsumerCommand({ StreamARN, ConsumerName: 'c0' }))
    expect(described.ConsumerDescription).toMatchObject({ ConsumerARN: arn, ConsumerStatus: 'ACTIVE', StreamARN })
    for (let i = 1; i < 20; i++) await register(StreamARN, `c${i}`)
    await expect(register(StreamARN, 'c20')).rejects.toMatchObject(failure('LimitExceededException'))
    const first = await client.send(new ListStreamConsumersCommand({ StreamARN, MaxResults: 15 }))
    const second = await client.send(new ListStreamConsumersCommand({ StreamARN, NextToken: first.NextToken }))
    expect([first.Consumers!.length, second.Consumers!.length]).toEqual([15, 5])
    const deletion = new DeleteStreamCommand({ StreamName: 's' })
    await expect(client.send(deletion)).rejects.toMatchObject(failure('ResourceInUseException'))
    const events = await subscribe(arn)
    await take(events, 0)
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: arn }))
    await expect(events.next()).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    await expect(subscribe(arn)).rejects.toMatchObject(failure('ResourceNotFoundException'))
    await restart()
    expect((await client.send(new ListStreamConsumersCommand({ StreamARN }))).Consumers).toHaveLength(19)
    await client.send(new DeleteStreamCommand({ StreamName: 's', EnforceConsumerDeletion: true }))
  })

  test('a consumer takes a while to become active when that is asked for', async () => {
    await restart({ consumerActivationDelayMs: 60_000 })
    const consumer = await register(await createStream())
    await expect(subscribe(consumer)).rejects.toMatchObject(failure('ResourceInUseException'))
    aheadMs = 60_001
    client.config.systemClockOffset = aheadMs
    await take(await subscribe(consumer), 0)
  })
})
