import {
  createMetricGroup,
  ObjectBatch,
  type Scheduler,
  type SubtaskContext,
  seededRandom,
  silentLogger,
  systemClock,
  systemScheduler,
} from '@millrace/engine/spi'
import { describeSink } from '@millrace/engine/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeSns, type Outcome } from './fake-sns.ts'
import { type SnsOptions, sns } from './index.ts'

const topicArn = 'arn:aws:sns:us-east-1:000000000000:alerts'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }

/** Backoffs take a hundredth of their time, so that the tests wait for little but the network. */
const scheduler: Scheduler = {
  ...systemScheduler,
  after: (delayMs, fn) => systemScheduler.after(delayMs / 100, fn),
}

function contextWith(metrics = createMetricGroup()): SubtaskContext {
  return {
    applicationName: 'test',
    operatorId: 'sink',
    operatorName: 'sink',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 256,
    attempt: 1,
    clock: systemClock,
    scheduler,
    random: seededRandom(1),
    logger: silentLogger,
    metrics,
    fileSystem: (path) => {
      throw new Error(`no file system for ${path}`)
    },
  }
}

/** The sink contract against a topic that throttles, fails entries, and loses answers, by a seeded draw. */
describeSink<number>(
  'sns',
  async () => {
    const topic = await FakeSns.start()
    const random = seededRandom(7)
    topic.decide = (request): Outcome => {
      const draw = random.next()
      if (draw < 0.05) return { status: 429, code: 'Throttled' }
      if (draw < 0.1) return 'accept and hang up'
      if (draw < 0.2) {
        return { failing: [random.int(0, request.length - 1)], code: 'InternalError', senderFault: false }
      }
      return 'accept'
    }
    return {
      createSink: () => sns({ topicArn, id: String, aws: { endpoint: topic.address, credentials } }),
      record: (index) => ({ value: index, timestampMs: index }),
      // A zombie of a random run writes past the run's 150 records, and a topic can't tell it from its successor.
      visible: async () => topic.accepted.map(({ id }) => Number(id)).filter((number) => number < 150),
      clock: systemClock,
      scheduler,
      random: seededRandom(3),
      fileSystem: contextWith().fileSystem,
      close: () => topic.close(),
    }
  },
  { describe, test, expect },
  { seeds: 5 },
)

describe('sns', () => {
  let topic: FakeSns
  beforeEach(async () => {
    topic = await FakeSns.start()
  })
  afterEach(() => topic.close())

  interface Alert {
    readonly id: string
    readonly card: number
  }
  const alert = (n: number, card = n): Alert => ({ id: `a-${n}`, card })
  const batchOf = (...alerts: Alert[]) =>
    new ObjectBatch(
      alerts,
      alerts.map(() => 0),
    )

  async function open(options: Partial<SnsOptions<Alert>> = {}, metrics = createMetricGroup()) {
    const aws = { endpoint: topic.address, credentials }
    const writer = sns<Alert>({ topicArn, id: ({ id }) => id, aws, ...options }).createWriter(contextWith(metrics), [])
    await writer.open(() => {})
    return writer
  }

  test('a message carries its id as an attribute and in its body', async () => {
    const writer = await open({ subject: ({ card }) => `Card ${card}` })
    writer.write(batchOf(alert(7)))
    await writer.snapshot(1, 'checkpoint')
    const [message] = topic.accepted
    expect(message).toMatchObject({ id: 'a-7', subject: 'Card 7', groupId: undefined, deduplicationId: undefined })
    expect(JSON.parse(message!.message)).toEqual({ id: 'a-7', value: alert(7) })
    await writer.close()
  })

  test('the first goes out alone and at once, what comes meanwhile together and over kept connections', async () => {
    const release: (() => void)[] = []
    topic.decide = () => new Promise((resolve) => release.push(() => resolve('accept')))
    const writer = await open({ maxInFlight: 1 })
    writer.write(batchOf(alert(0)))
    await expect.poll(() => topic.requests.length).toBe(1)
    for (let n = 1; n <= 23; n++) writer.write(batchOf(alert(n)))
    const flushed = writer.snapshot(1, 'checkpoint')
    for (let request = 0; request < 4; request++) {
      await expect.poll(() => release.length).toBe(request + 1)
      release[request]!()
    }
    await flushed
    expect(topic.requests.map((request) => request.length)).toEqual([1, 10, 10, 3])
    expect(topic.accepted.map(({ id }) => id)).toEqual(Array.from({ length: 24 }, (_, n) => `a-${n}`))
    expect(topic.connections).toBe(1)
    await writer.close()
  })

  test('a request holds no more than 256 KiB', async () => {
    const writer = await open({ message: (_value, id) => id + 'x'.repeat(100_000), maxInFlight: 1 })
    writer.write(batchOf(...Array.from({ length: 6 }, (_, n) => alert(n))))
    await writer.snapshot(1, 'checkpoint')
    expect(topic.requests.map((request) => request.length)).toEqual([2, 2, 2])
    await writer.close()
  })

  test('only what failed is sent again', async () => {
    const outcomes: Outcome[] = [{ failing: [0, 2], code: 'Throttled', senderFault: false }]
    topic.decide = () => outcomes.shift() ?? 'accept'
    const metrics = createMetricGroup()
    const writer = await open({}, metrics)
    writer.write(batchOf(alert(0), alert(1), alert(2)))
    await writer.snapshot(1, 'checkpoint')
    expect(topic.requests.map((request) => request.map(({ id }) => id))).toEqual([
      ['a-0', 'a-1', 'a-2'],
      ['a-0', 'a-2'],
    ])
    expect(metrics.collect()).toMatchObject({
      numRecordsAcknowledged: 3,
      numRecordsSendErrors: 2,
      numRecordsBuffered: 0,
    })
    await writer.close()
  })

  test('a group of a .fifo topic stays in order through failures, one message under way at a time', async () => {
    const random = seededRandom(5)
    topic.decide = (request) =>
      random.next() < 0.5
        ? 'accept'
        : { failing: [random.int(0, request.length - 1)], code: 'InternalError', senderFault: false }
    const writer = await open({ topicArn: `${topicArn}.fifo`, groupId: ({ card }) => `card-${card}` })
    for (let n = 0; n < 30; n++) writer.write(batchOf(alert(n, n % 4)))
    await writer.snapshot(1, 'checkpoint')
    for (let card = 0; card < 4; card++) {
      const order = topic.accepted.filter(({ groupId }) => groupId === `card-${card}`).map(({ id }) => id)
      expect(order).toEqual(
        Array.from({ length: 30 }, (_, n) => n)
          .filter((n) => n % 4 === card)
          .map((n) => `a-${n}`),
      )
    }
    for (const request of topic.requests) {
      expect(new Set(request.map(({ groupId }) => groupId)).size).toBe(request.length)
    }
    for (const { id, deduplicationId } of topic.accepted) expect(deduplicationId).toBe(id)
    await writer.close()
  })

  test('an id that SNS would not take for deduplication is replaced by its hash', async () => {
    const writer = await open({ topicArn: `${topicArn}.fifo`, groupId: () => 'all', id: () => 'größer' })
    writer.write(batchOf(alert(1)))
    await writer.snapshot(1, 'checkpoint')
    expect(topic.accepted[0]).toMatchObject({ id: 'größer' })
    expect(topic.accepted[0]!.deduplicationId).toMatch(/^[0-9a-f]{64}$/)
    await writer.close()
  })

  test('an oversized message is an error, or counted and dropped by option', async () => {
    const message = ({ card }: Alert) => 'x'.repeat(card === 1 ? 262_200 : 10)
    const strict = await open({ message })
    expect(() => strict.write(batchOf(alert(0), alert(1)))).toThrow(/"a-1" has 262\d\d\d bytes/)
    await strict.close()
    const metrics = createMetricGroup()
    const lenient = await open({ message, onOversized: 'drop' }, metrics)
    lenient.write(batchOf(alert(0), alert(1), alert(2)))
    await lenient.snapshot(1, 'checkpoint')
    expect(metrics.collect()).toMatchObject({ numRecordsOversized: 1, numRecordsAcknowledged: 2 })
    await lenient.close()
  })

  test('a full writer wants no more until some are acknowledged', async () => {
    let release = () => {}
    topic.decide = () => new Promise((resolve) => (release = () => resolve('accept')))
    const woken: number[] = []
    const aws = { endpoint: topic.address, credentials }
    const options = { topicArn, id: ({ id }: Alert) => id, aws, maxBuffered: 2 }
    const writer = sns<Alert>(options).createWriter(contextWith(), [])
    await writer.open(() => woken.push(topic.accepted.length))
    writer.write(batchOf(alert(0)))
    expect(writer.isWritable()).toBe(true)
    writer.write(batchOf(alert(1)))
    expect(writer.isWritable()).toBe(false)
    await expect.poll(() => topic.requests.length).toBe(2)
    release()
    await expect.poll(() => woken.length).toBe(1)
    expect(writer.isWritable()).toBe(true)
    await writer.close()
  })

  test.each<[string, Outcome, object]>([
    ['a topic that is gone', { status: 404, code: 'NotFound' }, { kind: 'invalid' }],
    ['missing permission', { status: 403, code: 'AuthorizationError' }, { kind: 'invalid' }],
    [
      'a refused message',
      { failing: [0], code: 'InvalidParameter', senderFault: true },
      { code: 'SNS_MESSAGE_REFUSED' },
    ],
  ])('%s fails the job: the snapshot, and every later call', async (_it, outcome, error) => {
    topic.decide = () => outcome
    const writer = await open()
    writer.write(batchOf(alert(0)))
    await expect(writer.snapshot(1, 'checkpoint')).rejects.toMatchObject(error)
    expect(() => writer.write(batchOf(alert(1)))).toThrow()
    await expect(writer.snapshot(2, 'checkpoint')).rejects.toMatchObject(error)
    await writer.close()
  })

  test('an endpoint that stays away fails the job as unavailable when its time is over', async () => {
    const writer = await open({ aws: { endpoint: 'http://127.0.0.1:1', credentials }, unavailableAfterMs: 0 })
    writer.write(batchOf(alert(0)))
    await expect(writer.snapshot(1, 'checkpoint')).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'AWS_UNAVAILABLE',
    })
    await writer.close()
  })

  test.each<[string, object, string]>([
    ['a name that is no ARN', { topicArn: 'alerts' }, "option 'topicArn' must be the ARN of a topic"],
    ['no group on .fifo', { topicArn: `${topicArn}.fifo` }, "a .fifo topic needs the option 'groupId'"],
    ['a group elsewhere', { groupId: () => 'g' }, "option 'groupId' is for topics whose name ends in .fifo"],
    ['an unknown option', { topic: 'x' }, "has no option 'topic'"],
  ])('%s is refused when the application is built', (_it, options, message) => {
    expect(() => sns({ topicArn, id: String, ...options } as never)).toThrow(message)
  })
})
