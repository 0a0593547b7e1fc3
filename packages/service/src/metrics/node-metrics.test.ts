import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateStreamCommand, KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterEach, expect, test } from 'vitest'
import { type Endpoint, startEndpoint } from '../endpoint.ts'
import { parsePrometheus } from './prometheus-parser-fixture.ts'

let endpoint: Endpoint | undefined
let directory = ''

afterEach(async () => {
  await endpoint?.close()
  rmSync(directory, { recursive: true, force: true })
})

test('an endpoint tells its requests, its streams and its process', async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-metrics-'))
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
  endpoint = await startEndpoint({ dataDirectory: directory }, parts)
  const { url, credentials } = endpoint
  const kinesis = new KinesisClient({ endpoint: url, region: 'us-east-1', credentials, maxAttempts: 1 })
  await kinesis.send(new CreateStreamCommand({ StreamName: 'orders', ShardCount: 1 }))
  for (let i = 0; i < 3; i++) {
    await kinesis.send(new PutRecordCommand({ StreamName: 'orders', PartitionKey: 'a', Data: Buffer.from('x') }))
  }
  const missing = kinesis.send(new PutRecordCommand({ StreamName: 'none', PartitionKey: 'a', Data: Buffer.from('x') }))
  await expect(missing).rejects.toThrow(expect.objectContaining({ name: 'ResourceNotFoundException' }))
  kinesis.destroy()
  const response = await fetch(`${url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
  const { samples } = parsePrometheus(await response.text())
  const of = (name: string, labels: Record<string, string>) =>
    samples.find(
      (sample) => sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
    )?.value
  expect(of('millrace_api_requests_total', { operation: 'PutRecord', status: '200', code: 'none' })).toBe(3)
  expect(of('millrace_api_requests_total', { operation: 'PutRecord', code: 'ResourceNotFoundException' })).toBe(1)
  expect(of('millrace_api_request_duration_seconds_count', { operation: 'PutRecord' })).toBe(4)
  expect(of('millrace_stream_shard_records_total', { stream: 'orders', shard: 'shardId-000000000000' })).toBe(3)
  expect(of('millrace_stream_shard_bytes_total', { stream: 'orders' })).toBeGreaterThan(0)
  expect(of('millrace_stream_shard_size_bytes', { stream: 'orders' })).toBeGreaterThan(0)
  expect(of('millrace_stream_subscriptions', {})).toBe(0)
  expect(of('millrace_process_memory_bytes', { kind: 'resident' })).toBeGreaterThan(0)
})
