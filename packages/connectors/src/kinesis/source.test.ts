import { createLogger, type LogLine, type Random, seededRandom } from '@millrace/engine/spi'
import { SourceDriver, type SourceSnapshot, VirtualTime } from '@millrace/engine/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import { awsError, FakeKinesis, type FakeOperation } from './fake-kinesis.ts'
import type { KinesisOptions } from './options.ts'
import { kinesisSource } from './source.ts'
import type { KinesisEnumeratorState, KinesisSplit } from './splits.ts'

const utf8 = new TextDecoder()
const textFormat = { decode: (bytes: Uint8Array) => utf8.decode(bytes) }
const shard = (i: number) => `shardId-${String(i).padStart(12, '0')}`

let time: VirtualTime
let stream: FakeKinesis
let logged: LogLine[]

beforeEach(() => {
  time = new VirtualTime()
  stream = new FakeKinesis(time, 1)
  logged = []
})

function run(
  options: Partial<KinesisOptions<string>> = {},
  parallelism = 1,
  from?: SourceSnapshot<string>,
  random: Random = seededRandom(1),
) {
  const source = kinesisSource<string, string>(
    { stream: 'orders', format: textFormat, initialPosition: 'TRIM_HORIZON', ...options },
    (value) => value,
    () => stream.api(),
  )
  const logger = createLogger((line) => logged.push(line))
  return new SourceDriver(source, parallelism, { clock: time, scheduler: time, random, logger }, from)
}

const put = (from: number, to: number, key = 'a') => {
  for (let i = from; i < to; i++) stream.put(key, Buffer.from(String(i)))
}
const values = (driver: SourceDriver<string>) => driver.emitted.map(({ value }) => value)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => String(i))
const callTimes = (operation: FakeOperation) => stream.calls.filter((c) => c.operation === operation).map((c) => c.atMs)
const gaps = (times: readonly number[]) => times.slice(1).map((t, i) => t - times[i]!)
async function snapshotOf(driver: SourceDriver<string>): Promise<SourceSnapshot<string>> {
  let taken: SourceSnapshot<string> | undefined
  void driver.snapshot().then((s) => {
    taken = s
  })
  await time.advanceUntil(() => taken !== undefined, 10_000, 1)
  return taken!
}
async function failureOf(driver: SourceDriver<string>): Promise<unknown> {
  await time.advanceUntil(() => driver.failure !== undefined)
  await driver.close()
  return driver.failure
}

describe('polling', () => {
  test('keeps 200 ms between two calls on a shard with records, and backs off to a second on an empty one', async () => {
    const driver = run()
    await time.advance(6_000)
    expect(gaps(callTimes('getRecords')).slice(0, 5)).toEqual([250, 500, 1_000, 1_000, 1_000])
    stream.calls.length = 0
    stream.recordsPerAnswer = 10
    put(0, 100)
    await time.advance(3_000)
    expect(values(driver)).toEqual(upTo(100))
    expect(gaps(callTimes('getRecords')).slice(0, 9)).toEqual(new Array(9).fill(200))
    await driver.close()
  })

  test('makes no call while two answers wait to be emitted', async () => {
    stream.recordsPerAnswer = 10
    const driver = run()
    await time.advance(100)
    driver.pause()
    put(0, 100)
    await time.advance(60_000)
    expect(stream.shards[0]!.records.length).toBe(100)
    // One empty answer at the start, then two with records.
    expect(callTimes('getRecords').length).toBe(3)
    driver.resume()
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(100))
    await driver.close()
  })

  test('replaces an iterator that expired under back-pressure, from its position', async () => {
    stream.recordsPerAnswer = 10
    const driver = run()
    await time.advance(100)
    driver.pause()
    put(0, 100)
    await time.advance(400_000)
    driver.resume()
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(100))
    expect(driver.metricsOf(0).collect()['expiredIterators']).toBe(1)
    await driver.close()
  })

  test('waits longer and asks for less when it is throttled, and loses nothing', async () => {
    put(0, 3_000)
    stream.before = (operation, _shardId, ordinal) => {
      if (operation === 'getRecords' && ordinal % 2 === 1 && ordinal < 12)
        throw awsError('ProvisionedThroughputExceededException')
    }
    const driver = run()
    await time.advanceUntil(() => driver.emitted.length >= 3_000)
    expect(values(driver)).toEqual(upTo(3_000))
    expect(driver.metricsOf(0).collect()['throttles']).toBe(6)
    await driver.close()
  })

  test('emits an answer in slices of a thousand, and a position between them is that of the last record emitted', async () => {
    put(0, 9_500)
    const cuts = new Set<number>()
    for (let polls = 0; polls < 5; polls++) {
      const first = run({ readerType: 'fan-out' }, 1, undefined, { next: () => 0, int: () => polls })
      first.pause()
      await time.advance(1_000)
      first.resume()
      const snapshot = await snapshotOf(first)
      cuts.add(snapshot.emitted.length)
      await first.close()
      const second = run({}, 1, snapshot)
      await time.advanceUntil(() => second.emitted.length >= 9_500)
      await time.advance(1_000)
      expect(values(second)).toEqual(upTo(9_500))
      await second.close()
    }
    expect([...cuts]).toEqual([1_000, 3_000, 5_000, 7_000, 9_000])
  })

  test('goes on when the service fails for a while, and fails the job when it never answers', async () => {
    put(0, 10)
    let failing = true
    stream.before = (operation) => {
      if (operation === 'getRecords' && failing) throw awsError('InternalFailure', 500)
    }
    const driver = run()
    await time.advance(20_000)
    expect(driver.emitted.length).toBe(0)
    failing = false
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(10))
    failing = true
    await time.advance(310_000)
    expect(driver.failure).toMatchObject({ code: 'AWS_UNAVAILABLE', kind: 'unavailable' })
    await driver.close()
  })

  test('is caught up only when everything received is emitted, and not while the service fails', async () => {
    const driver = run()
    await time.advance(1_000)
    const tips = () => driver.notes.filter((n) => n.kind === 'caught-up').map((n) => n.caughtUp)
    expect(tips()).toEqual([true])
    stream.before = (operation) => {
      if (operation === 'getRecords') throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    }
    await time.advance(3_000)
    expect(tips()).toEqual([true, false])
    stream.before = () => {}
    await time.advance(5_000)
    expect(tips()).toEqual([true, false, true])
    await driver.close()
  })
})

describe('fan-out', () => {
  const fanOut = { readerType: 'fan-out' as const }

  test('registers its consumer, waits until it is active, and subscribes', async () => {
    stream.consumerActivationMs = 3_000
    put(0, 10)
    const driver = run(fanOut)
    await time.advance(2_000)
    expect([...stream.consumers.keys()]).toEqual(['millrace-contract-source'])
    expect(stream.openSubscriptions).toBe(0)
    await time.advance(10_000)
    expect(values(driver)).toEqual(upTo(10))
    await driver.close()
    expect(stream.openSubscriptions).toBe(0)
    // It stays for the next attempt.
    expect(stream.consumers.size).toBe(1)
  })

  test('uses the consumer that an earlier attempt left', async () => {
    const first = run(fanOut)
    await time.advance(1_000)
    await first.close()
    put(0, 5)
    const second = run(fanOut)
    await time.advance(6_000)
    expect(values(second)).toEqual(upTo(5))
    expect(callTimes('registerConsumer').length).toBe(1)
    await second.close()
  })

  test('a self-managed consumer that is missing fails the job', async () => {
    const driver = run({ ...fanOut, consumerLifecycle: 'self-managed', consumerName: 'mine' })
    expect(await failureOf(driver)).toMatchObject({ code: 'KINESIS_CONSUMER_MISSING', kind: 'invalid' })
  })

  test('subscribes again after five minutes, from the last continuation', async () => {
    const driver = run(fanOut)
    for (let i = 0; i < 10; i++) {
      put(i, i + 1)
      await time.advance(60_000)
    }
    expect(values(driver)).toEqual(upTo(10))
    expect(stream.subscribedFrom).toEqual([
      { type: 'TRIM_HORIZON' },
      { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: stream.shards[0]!.records[5]!.SequenceNumber },
    ])
    expect(driver.metricsOf(0).collect()['resubscriptions']).toBe(1)
    await driver.close()
  })

  test('leaves out what a new subscription repeats', async () => {
    stream.overlap = 3
    put(0, 5)
    const driver = run(fanOut)
    await time.advance(10_000)
    stream.cutSubscriptions()
    put(5, 8)
    await time.advance(10_000)
    expect(values(driver)).toEqual(upTo(8))
    await driver.close()
  })

  test('while a young subscription is in the way it reads by GetRecords, and switches over at the position reached', async () => {
    const killed = run(fanOut)
    await time.advance(1_000)
    // As after kill -9: nobody ends its subscription.
    const restarted = run(fanOut)
    for (let i = 0; i < 20; i++) {
      put(i * 10, i * 10 + 10)
      await time.advance(400)
      expect(restarted.emitted.length).toBeGreaterThanOrEqual(i * 10)
    }
    await time.advance(1_000)
    expect(values(restarted)).toEqual(upTo(200))
    const polled = callTimes('getRecords').length
    expect(polled).toBeGreaterThan(5)
    const { type } = stream.subscribedFrom.at(-1)!
    expect([stream.subscribedFrom.length, type]).toEqual([2, 'AFTER_SEQUENCE_NUMBER'])
    put(200, 210)
    await time.advance(100)
    expect(values(restarted)).toEqual(upTo(210))
    expect(callTimes('getRecords').length).toBe(polled)
    await Promise.all([killed.close(), restarted.close()])
  })

  test('a shard that ends while a young subscription is in the way is read to its end', async () => {
    const killed = run(fanOut)
    await time.advance(1_000)
    const restarted = run(fanOut)
    put(0, 5)
    stream.split(shard(0))
    await time.advance(1_000)
    put(5, 10)
    await time.advance(20_000)
    expect(values(restarted)).toEqual(upTo(10))
    await Promise.all([killed.close(), restarted.close()])
  })

  test('without a right to GetRecords it waits until the subscription is granted', async () => {
    stream.before = (operation) => {
      if (operation === 'getRecords' || operation === 'getShardIterator') throw awsError('AccessDeniedException')
    }
    const killed = run(fanOut)
    await time.advance(1_000)
    const restarted = run(fanOut)
    put(0, 5)
    await time.advance(3_000)
    expect(values(restarted)).toEqual([])
    await time.advance(5_000)
    expect(values(restarted)).toEqual(upTo(5))
    await Promise.all([killed.close(), restarted.close()])
  })

  test('a subscription cut by the network is opened again within a second', async () => {
    const driver = run(fanOut)
    await time.advance(10_000)
    stream.cutSubscriptions(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    put(0, 5)
    await time.advance(1_000)
    expect(values(driver)).toEqual(upTo(5))
    await driver.close()
  })

  test('takes at most two events while the output is full', async () => {
    stream.recordsPerAnswer = 1
    const driver = run(fanOut)
    await time.advance(2_000)
    driver.pause()
    put(0, 20)
    const before = stream.deliveredEvents
    await time.advance(60_000)
    expect(stream.deliveredEvents - before).toBe(2)
    driver.resume()
    await time.advance(10)
    expect(values(driver)).toEqual(upTo(20))
    await driver.close()
  })

  test('a consumer that vanished is registered again', async () => {
    const driver = run(fanOut)
    await time.advance(2_000)
    stream.consumers.clear()
    stream.cutSubscriptions()
    put(0, 5)
    await time.advance(10_000)
    expect(values(driver)).toEqual(upTo(5))
    expect(callTimes('registerConsumer').length).toBe(2)
    await driver.close()
  })

  test('a first answer that never comes is given up', async () => {
    let silent = true
    const source = kinesisSource<string, string>(
      {
        stream: 'orders',
        format: textFormat,
        initialPosition: 'TRIM_HORIZON',
        ...fanOut,
        subscriptionTimeoutMs: 20_000,
      },
      (value) => value,
      () => {
        const api = stream.api()
        return { ...api, subscribe: (...request) => (silent ? new Promise(() => {}) : api.subscribe(...request)) }
      },
    )
    put(0, 3)
    const driver = new SourceDriver(source, 1, { clock: time, scheduler: time, random: seededRandom(1) })
    await time.advance(10_000)
    silent = false
    await time.advance(20_000)
    expect(values(driver)).toEqual(upTo(3))
    await driver.close()
  })
})

describe('start positions', () => {
  test('LATEST is the server second of the first start, also for an attempt before its first record', async () => {
    put(0, 5)
    await time.advance(2_000)
    const first = run({ initialPosition: 'LATEST' })
    await time.advance(500)
    const snapshot = await snapshotOf(first)
    await first.close()
    put(5, 10)
    await time.advance(60_000)
    const second = run({ initialPosition: 'LATEST' }, 1, snapshot)
    await time.advance(5_000)
    expect(values(second)).toEqual(['5', '6', '7', '8', '9'])
    await second.close()
  })

  test('a time starts at the first record that arrived then or later', async () => {
    put(0, 5)
    await time.advance(10_000)
    const atTimestampMs = time.now()
    put(5, 8)
    const driver = run({ initialPosition: { atTimestampMs } })
    await time.advance(5_000)
    expect(values(driver)).toEqual(['5', '6', '7'])
    await driver.close()
  })

  test('a time that ListShards refuses becomes the trim horizon', async () => {
    put(0, 5)
    let refused = 0
    stream.before = (operation) => {
      if (operation === 'listShards' && refused++ === 0) throw awsError('InvalidArgumentException')
    }
    const driver = run({ initialPosition: { atTimestampMs: 1 } })
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(5))
    expect(logged.map((line) => line.message)).toContain('start time refused, starting at the trim horizon')
    await driver.close()
  })

  test('waits for a stream that is being created', async () => {
    stream.status = 'CREATING'
    put(0, 2)
    const driver = run()
    await time.advance(5_000)
    expect(driver.emitted.length).toBe(0)
    stream.status = 'ACTIVE'
    await time.advance(2_000)
    expect(values(driver)).toEqual(upTo(2))
    await driver.close()
  })
})

describe('resharding', () => {
  test('children begin when the parent is read, inherit its watermark, and only then is it released', async () => {
    const driver = run()
    put(0, 5)
    await time.advance(1_000)
    stream.split(shard(0))
    put(5, 10)
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(10))
    const order = driver.notes
      .filter((n) => n.kind !== 'caught-up')
      .map((n) => (n.kind === 'inherit' ? `${n.splitId} from ${n.parent}` : `${n.kind} ${n.splitId}`))
    expect(order).toEqual([`${shard(1)} from ${shard(0)}`, `${shard(2)} from ${shard(0)}`, `release ${shard(0)}`])
    await driver.close()
  })

  test('a merged shard waits for both parents', async () => {
    stream = new FakeKinesis(time, 2)
    stream.recordsPerAnswer = 1
    for (let i = 0; i < 40; i++) stream.put(`k${i}`, Buffer.from(`old ${i}`))
    stream.merge(shard(0), shard(1))
    for (let i = 0; i < 5; i++) stream.put(`k${i}`, Buffer.from(`new ${i}`))
    const driver = run({}, 2)
    await time.advanceUntil(() => driver.emitted.length >= 45)
    const kinds = values(driver).map((value) => value.slice(0, 3))
    expect(kinds.indexOf('new')).toBe(40)
    expect(driver.notes.some((n) => n.kind === 'inherit')).toBe(false)
    await driver.close()
  })

  test('children that the listing learns late are found soon, whenever the next discovery is due', async () => {
    const driver = run({ shardDiscoveryIntervalMs: 100_000 })
    await time.advance(1_000)
    let hidden = true
    const shards = stream.shards
    stream.split(shard(0))
    const children = shards.splice(1)
    time.after(4_000, () => {
      hidden = false
      shards.push(...children)
      put(0, 3)
    })
    await time.advance(3_500)
    expect(hidden).toBe(true)
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(3))
    const listings = callTimes('listShards').length
    await time.advance(60_000)
    expect(callTimes('listShards').length).toBe(listings)
    await driver.close()
  })

  test('shards are spread by hash range, as many to each reader as possible', async () => {
    stream = new FakeKinesis(time, 5)
    const driver = run({}, 2)
    for (let i = 0; i < 200; i++) stream.put(`k${i}`, Buffer.from(String(i)))
    await time.advance(3_000)
    const bySubtask = new Map<string, number>(driver.emitted.map(({ splitId, subtask }) => [splitId, subtask]))
    expect(upTo(5).map((i) => bySubtask.get(shard(Number(i))))).toEqual([0, 0, 0, 1, 1])
    await driver.close()
  })
})

describe('restoring', () => {
  async function snapshotAfter(records: number): Promise<SourceSnapshot<string>> {
    put(0, records)
    const driver = run()
    await time.advance(3_000)
    const snapshot = await snapshotOf(driver)
    await driver.close()
    return snapshot
  }

  test('a position older than the retention is counted and logged', async () => {
    const snapshot = await snapshotAfter(5)
    await time.advance(30 * 3_600_000)
    put(5, 6)
    const driver = run({}, 1, snapshot)
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(6))
    expect(driver.enumeratorMetrics.collect()['possibleDataLoss']).toBe(1)
    expect(logged.find((line) => line.level === 'warn')?.fields).toMatchObject({
      shardId: shard(0),
      hoursPastRetention: 6,
    })
    await driver.close()
  })

  test('or fails the job by failOnDataLoss', async () => {
    const snapshot = await snapshotAfter(5)
    await time.advance(30 * 3_600_000)
    expect(await failureOf(run({ failOnDataLoss: true }, 1, snapshot))).toMatchObject({ code: 'KINESIS_DATA_LOST' })
  })

  test('a quiet shard that was at its tip is no data loss', async () => {
    put(0, 5)
    const first = run()
    await time.advance(30 * 3_600_000)
    const snapshot = await snapshotOf(first)
    await first.close()
    await time.advance(3_600_000)
    const driver = run({ failOnDataLoss: true }, 1, snapshot)
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(5))
    await driver.close()
  })

  test('a shard past retention is finished with a warning, and its children are read', async () => {
    const snapshot = await snapshotAfter(5)
    stream.split(shard(0))
    put(5, 8)
    stream.shards[0]!.gone = true
    const driver = run({}, 1, snapshot)
    await time.advance(5_000)
    expect(values(driver)).toEqual(upTo(8))
    expect(logged.map((line) => line.message)).toContain('restored shard is past retention, finished')
    await driver.close()
  })

  test('another stream under the same uid is refused', async () => {
    const snapshot = await snapshotAfter(1)
    const state = snapshot.enumerator as KinesisEnumeratorState
    const other = {
      ...snapshot,
      enumerator: { ...state, streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/other' },
    }
    expect(await failureOf(run({}, 1, other))).toMatchObject({ code: 'KINESIS_STREAM_CHANGED', kind: 'invalid' })
  })

  test('a state that lost positions is refused', async () => {
    const snapshot = await snapshotAfter(1)
    expect(await failureOf(run({}, 1, { ...snapshot, splits: [] }))).toMatchObject({
      code: 'KINESIS_POSITIONS_LOST',
      kind: 'corrupt',
    })
  })

  test('a finished shard leaves the state after a checkpoint that knows its children', async () => {
    const driver = run()
    put(0, 3)
    await time.advance(1_000)
    stream.split(shard(0))
    await time.advance(3_000)
    const first = await snapshotOf(driver)
    driver.complete(first)
    const second = await snapshotOf(driver)
    await driver.close()
    const ids = (snapshot: SourceSnapshot<string>) =>
      (snapshot.splits as KinesisSplit[]).map(({ id, finished }) => [id, finished])
    expect(ids(first)).toContainEqual([shard(0), true])
    expect(ids(second)).toEqual([
      [shard(1), false],
      [shard(2), false],
    ])
  })
})

describe('what vanishes while it is read', () => {
  test('a shard is finished with a warning', async () => {
    stream = new FakeKinesis(time, 2)
    const driver = run()
    await time.advance(1_000)
    stream.shards[0]!.gone = true
    await time.advance(5_000)
    driver.throwFailure()
    expect(logged.map((line) => line.message)).toContain('shard is past retention, finished')
    expect(driver.notes).toContainEqual({ kind: 'release', splitId: shard(0) })
    await driver.close()
  })

  test('a stream fails the job', async () => {
    const driver = run()
    await time.advance(1_000)
    stream.shards[0]!.gone = true
    stream.status = 'GONE'
    expect(await failureOf(driver)).toMatchObject({ code: 'KINESIS_STREAM_MISSING', kind: 'invalid' })
  })
})

describe('records that cannot be read', () => {
  const picky = {
    decode(bytes: Uint8Array) {
      const value = utf8.decode(bytes)
      if (value === '3') throw new Error('three is odd')
      return value
    },
  }

  test('fail the job, naming shard and sequence number', async () => {
    put(0, 5)
    const failure = await failureOf(run({ format: picky }))
    const { SequenceNumber: position } = stream.shards[0]!.records[3]!
    expect(failure).toMatchObject({
      code: 'KINESIS_RECORD_MALFORMED',
      kind: 'invalid',
      details: { position, shardId: shard(0) },
    })
  })

  test('are skipped', async () => {
    put(0, 5)
    const driver = run({ format: picky, onMalformed: 'skip' })
    await time.advance(2_000)
    expect(values(driver)).toEqual(['0', '1', '2', '4'])
    expect(driver.notes).toContainEqual({ kind: 'skipped', splitId: shard(0) })
    await driver.close()
  })

  test('go to the dead-letter output as they came', async () => {
    put(0, 5)
    const driver = run({ format: picky, onMalformed: 'dead-letter' })
    await time.advance(2_000)
    expect(values(driver)).toEqual(['0', '1', '2', '4'])
    const record = stream.shards[0]!.records[3]!
    expect(driver.notes.find((n) => n.kind === 'dead-letter')).toEqual({
      kind: 'dead-letter',
      splitId: shard(0),
      letter: {
        source: 'Kinesis orders',
        splitId: shard(0),
        position: record.SequenceNumber,
        reason: 'three is odd',
        data: record.Data,
        timestampMs: record.ApproximateArrivalTimestamp.getTime(),
      },
    })
    await driver.close()
  })
})

test('the distance to the tip is a metric of each shard', async () => {
  const driver = run()
  await time.advance(1_000)
  const path = `KinesisStreamSource.accountId.000000000000.region.us-east-1.stream.orders.shardId.${shard(0)}.millisBehindLatest`
  expect(driver.metricsOf(0).collect()[path]).toBe(0)
  await driver.close()
})
