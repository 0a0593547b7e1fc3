import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
} from '@aws-sdk/client-kinesis'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Endpoint, startEndpoint } from '../endpoint.ts'

let directory: string
let endpoint: Endpoint
let client: KinesisClient

const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-kinesis-'))
  endpoint = await startEndpoint({ dataDirectory: directory }, parts)
  const { url, credentials } = endpoint
  client = new KinesisClient({ endpoint: url, credentials, region: 'us-east-1', maxAttempts: 1 })
})

afterEach(async () => {
  client.destroy()
  await endpoint.close()
  await rm(directory, { recursive: true })
})

test('a record put is read back by iterator and by fan-out', async () => {
  await client.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 2 }))
  const summary = await client.send(new DescribeStreamSummaryCommand({ StreamName: 's' }))
  expect(summary.StreamDescriptionSummary).toMatchObject({ StreamStatus: 'ACTIVE', OpenShardCount: 2 })
  const StreamARN = summary.StreamDescriptionSummary!.StreamARN!
  const consumer = await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'c' }))
  const put = await client.send(
    new PutRecordCommand({ StreamName: 's', Data: Buffer.from('first'), PartitionKey: 'key' }),
  )
  const { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName: 's', ShardId: put.ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
  )
  const got = await client.send(new GetRecordsCommand({ ShardIterator }))
  expect(got.Records).toMatchObject([{ SequenceNumber: put.SequenceNumber, PartitionKey: 'key' }])
  expect(Buffer.from(got.Records![0]!.Data!).toString()).toBe('first')
  expect(got.MillisBehindLatest).toBe(0)

  const subscription = await client.send(
    new SubscribeToShardCommand({
      ConsumerARN: consumer.Consumer!.ConsumerARN,
      ShardId: put.ShardId,
      StartingPosition: { Type: 'TRIM_HORIZON' },
    }),
  )
  const events: SubscribeToShardEvent[] = []
  const more = await client.send(
    new PutRecordsCommand({ StreamName: 's', Records: [{ Data: Buffer.from('second'), PartitionKey: 'key' }] }),
  )
  for await (const event of subscription.EventStream!) {
    events.push(event.SubscribeToShardEvent!)
    if (events.flatMap((one) => one.Records!).length === 2) break
  }
  expect(events.flatMap((one) => one.Records!.map((record) => Buffer.from(record.Data!).toString()))).toEqual([
    'first',
    'second',
  ])
  expect(events.at(-1)!.ContinuationSequenceNumber).toBe(more.Records![0]!.SequenceNumber)
})
