import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Split, silentLogger, systemClock } from '@millrace/engine/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newApplication } from '../applications/lifecycle-world-fixture.ts'
import { diskFiles } from '../ingest/log-files.ts'
import type { Stream } from '../ingest/stream.ts'
import { StreamRegistry } from '../ingest/stream-registry.ts'
import { OwnStreamsProbe } from './own-streams-probe.ts'

const account = { region: 'us-east-1', accountId: '000000000000' }
let directory: string
let registry: StreamRegistry
let stream: Stream
let calls: number
let refusals: number

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-probe-'))
  registry = await open()
  stream = await registry.create('in', { shardCount: 2, maxRecordBytes: 1 << 20, tags: {} })
  calls = 0
  refusals = 0
})
const open = () =>
  StreamRegistry.open(directory, {
    files: diskFiles,
    clock: systemClock,
    logger: silentLogger,
    segmentBytes: 1 << 20,
    tailCacheBytes: 0,
  })
afterEach(async () => {
  await registry.close()
  await rm(directory, { recursive: true })
})

const put = async (shard: number): Promise<string> => {
  const { log } = stream.shards[shard]!
  const { firstIndex, arrivalMs } = await log.append([{ partitionKey: 'k', data: Buffer.from('x') }])
  return stream.shards[shard]!.sequenceNumber(firstIndex, arrivalMs)
}

const split = (shard: number, position: unknown, more = {}): Split =>
  ({
    id: stream.shards[shard]!.id,
    streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/in',
    position,
    finished: false,
    ...more,
  }) as Split

const trimHorizon = { type: 'TRIM_HORIZON' }
const after = (sequenceNumber: string) => ({ type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber })
const watch = (...splits: Split[]) =>
  new OwnStreamsProbe(registry, account, systemClock).watch(newApplication('a', 0), splits, {
    onData: () => calls++,
    onRefused: () => refusals++,
  })
/** Looking positions up takes reads of files; an append takes longer than that. */
const settled = () => put(1)

test('what comes into any of the shards calls once', async () => {
  const last = await put(0)
  expect(watch(split(0, after(last)), split(1, trimHorizon))).toBeDefined()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(calls).toBe(0)
  await put(1)
  expect(calls).toBe(1)
  await put(0)
  expect(calls).toBe(1)
})

test('what came before it was watched calls too', async () => {
  const first = await put(0)
  await put(0)
  watch(split(0, after(first)))
  await expect.poll(() => calls).toBe(1)
})

test('a log that was opened again holds nothing new for that', async () => {
  const last = await put(0)
  await registry.close()
  registry = await open()
  stream = registry.get('in')!
  expect(watch(split(0, after(last)), split(1, trimHorizon))).toBeDefined()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(calls).toBe(0)
  await put(0)
  expect(calls).toBe(1)
})

test.each([
  ['from the beginning', trimHorizon],
  ['from a time', { type: 'AT_TIMESTAMP', timestampMs: 1 }],
])('a position %s finds what is there', async (_, position) => {
  await put(0)
  watch(split(0, position))
  await expect.poll(() => calls).toBe(1)
})

test('a position that the stream refuses is told: the application has to report it', async () => {
  watch(split(0, after('49590338271490256608559692538361571095921575989136588898')))
  await expect.poll(() => refusals).toBe(1)
  await put(0)
  expect([calls, refusals]).toEqual([0, 1])
})

test('once cancelled it is quiet, and nothing stays behind', async () => {
  watch(split(0, trimHorizon))!.cancel()
  await put(0)
  await settled()
  expect(calls).toBe(0)
})

test.each<[string, () => Split[]]>([
  [
    'of another account',
    () => [split(0, trimHorizon, { streamArn: 'arn:aws:kinesis:us-east-1:111111111111:stream/in' })],
  ],
  [
    'of a stream that is gone',
    () => [split(0, trimHorizon, { streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/x' })],
  ],
  ['of a shard that is not there', () => [split(0, trimHorizon, { id: 'shardId-000000000009' })]],
  ['of another kind', () => [split(0, trimHorizon), { id: 'file-1' }]],
  ['with a position of another kind', () => [split(0, { type: 'LATEST' })]],
  ['that are all at their end', () => [split(0, trimHorizon, { finished: true })]],
  ['that are none', () => []],
])('splits %s are not watched', (_, splits) => {
  expect(watch(...splits())).toBeUndefined()
})
