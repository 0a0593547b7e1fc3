import { seededRandom, systemClock, systemScheduler } from '@millrace/engine/spi'
import { describeSource, SourceDriver } from '@millrace/engine/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { delay, EndpointFixture, endpointHarness, textFormat, until } from './endpoint-fixture.ts'
import type { KinesisOptions } from './options.ts'
import { kinesis, kinesisRecords } from './source.ts'

for (const readerType of ['polling', 'fan-out'] as const) {
  describeSource(
    `kinesis, ${readerType}, on our endpoint`,
    () => endpointHarness(readerType),
    { describe, test, expect },
    { seeds: 1 },
  )
}

describe('the source on our endpoint', () => {
  let fixture: EndpointFixture
  beforeEach(async () => {
    fixture = await EndpointFixture.start({ subscriptionTakeoverMs: 100 })
    await fixture.createStream('orders', 2)
  })
  afterEach(() => fixture.close())

  const records = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ key: `key${(from + i) % 7}`, text: `${from + i}` }))
  const options = (readerType: 'polling' | 'fan-out'): KinesisOptions<string> => ({
    stream: 'orders',
    format: textFormat,
    readerType,
    initialPosition: 'TRIM_HORIZON',
    aws: fixture.aws,
  })
  const around = () => ({ clock: systemClock, scheduler: systemScheduler, random: seededRandom(1) })

  test.each(['polling', 'fan-out'] as const)('%s goes on through a restart of the endpoint', async (readerType) => {
    await fixture.put('orders', records(0, 100))
    const run = new SourceDriver(kinesis(options(readerType)), 2, around())
    await until(() => run.emitted.length === 100)
    await fixture.restart()
    await fixture.put('orders', records(100, 200))
    await until(() => run.emitted.length >= 200)
    expect(run.emitted.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual([...Array(200).keys()])
    await run.close()
  })

  test('a subscription that another reader takes over is taken back without loss', async () => {
    const settings = { ...options('fan-out'), consumerName: 'shared' }
    const first = new SourceDriver(kinesis(settings), 1, around())
    await fixture.put('orders', records(0, 50))
    await until(() => first.emitted.length === 50)
    await delay(150)
    const second = new SourceDriver(kinesis(settings), 1, around())
    await until(() => second.emitted.length === 50)
    await second.close()
    await fixture.put('orders', records(50, 100))
    await until(() => first.emitted.length >= 100)
    expect(new Set(first.emitted.map(({ value }) => value)).size).toBe(100)
    // Until it is granted, the records come by polling.
    await until(() => Number(first.metricsOf(0).collect()['resubscriptions']) > 0)
    await first.close()
  })

  test('an element with metadata says where the record stood', async () => {
    await fixture.put('orders', records(0, 1))
    const run = new SourceDriver(kinesisRecords(options('fan-out')), 1, around())
    await until(() => run.emitted.length === 1)
    const { value, timestampMs } = run.emitted[0]!
    expect(value).toMatchObject({
      value: '0',
      partitionKey: 'key0',
      subSequenceNumber: 0,
      approximateArrivalMs: timestampMs,
    })
    expect(value.shardId).toMatch(/^shardId-\d{12}$/)
    expect(value.sequenceNumber).toMatch(/^\d{56}$/)
    await run.close()
  })

  test('a stream that is not there fails the job with its name', async () => {
    const run = new SourceDriver(kinesis({ ...options('polling'), stream: 'ordrs' }), 1, around())
    await until(() => run.failure !== undefined)
    expect(run.failure).toMatchObject({ code: 'KINESIS_STREAM_MISSING', kind: 'invalid' })
    await run.close()
  })

  test('a wrong secret fails the job at once', async () => {
    const aws = { ...fixture.aws, credentials: { ...fixture.endpoint.credentials, secretAccessKey: 'wrong' } }
    const run = new SourceDriver(kinesis({ ...options('polling'), aws }), 1, around())
    await until(() => run.failure !== undefined)
    expect(run.failure).toMatchObject({ code: 'AWS_ACCESS_DENIED', kind: 'invalid' })
    await run.close()
  })
})
