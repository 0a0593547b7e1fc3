import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
} from '@aws-sdk/client-kinesis'
import { python3WithBoto3 } from './boto3-environment.ts'
import { type EndpointProcess, signedRequest, startEndpointProcess } from './wire-endpoint.ts'

const shard = 'shardId-000000000000'

/** The endpoint as its clients meet it: real SDKs, what they must be refused, peers that misbehave, a torn log. */
export async function run(log: (line: string) => void): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-e2e-wire-'))
  let endpoint = await startEndpointProcess(directory, { throttling: false })
  try {
    await javascriptSdk(endpoint)
    log('AWS SDK for JavaScript over HTTP/2: put, get, SubscribeToShard')
    await refusals(endpoint)
    log('wrong key, wrong secret, old date, tampered body, oversized record: the answers of the contract')
    const python = await python3WithBoto3(log)
    if (python === undefined) log('not run: needs python3 (boto3)')
    else {
      await boto3(endpoint, python)
      log('boto3: put, get, SubscribeToShard, refusals')
    }
    log(await misbehavingPeers(endpoint))
    log(await stalledSubscribers(endpoint))
    endpoint = await tornLog(endpoint, directory)
    log('kill -9 under load, a torn tail: every acknowledged record is there once and in order')
  } finally {
    await endpoint.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

async function javascriptSdk(endpoint: EndpointProcess): Promise<void> {
  const client = endpoint.client()
  const { StreamARN, numbers } = await filledStream(client, 'javascript', 100)
  deepStrictEqual(
    (await readAll(client, 'javascript')).map(([number]) => number),
    numbers,
  )
  const { Consumer } = await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'e2e' }))
  const { EventStream } = await client.send(
    new SubscribeToShardCommand({
      ConsumerARN: Consumer!.ConsumerARN,
      ShardId: shard,
      StartingPosition: { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: numbers[49] },
    }),
  )
  const pushed: string[] = []
  for await (const { SubscribeToShardEvent } of EventStream!) {
    pushed.push(...SubscribeToShardEvent!.Records!.map((one) => one.SequenceNumber!))
    if (pushed.length >= 50) break
  }
  deepStrictEqual(pushed, numbers.slice(50))
  client.destroy()
}

async function refusals(endpoint: EndpointProcess): Promise<void> {
  const list = new ListStreamsCommand({})
  const stranger = endpoint.client({ accessKeyId: 'AKIDWRONG' })
  await rejects(stranger.send(list), refusal('UnrecognizedClientException', 403))
  const guesser = endpoint.client({ secretAccessKey: 'guess' })
  await rejects(guesser.send(list), refusal('InvalidSignatureException', 403))
  const late = endpoint.client({ clockOffsetMs: -6 * 60_000 })
  await rejects(late.send(list), refusal('InvalidSignatureException', 403))
  const client = endpoint.client()
  const big = { StreamName: 'javascript', Data: Buffer.alloc(1 << 20), PartitionKey: 'k' }
  await rejects(client.send(new PutRecordCommand(big)), refusal('InvalidArgumentException', 400))
  const tampered = signedRequest(endpoint, 'ListStreams', '{"Limit":1}', { sentBody: '{"Limit":2}' })
  const answer = await exchange(endpoint, tampered)
  ok(answer.startsWith('HTTP/1.1 403') && answer.includes('InvalidSignatureException'), answer)
  for (const one of [stranger, guesser, late, client]) one.destroy()
}

async function boto3(endpoint: EndpointProcess, python: string): Promise<void> {
  const { accessKeyId, secretAccessKey } = endpoint.credentials
  const script = resolve('test/e2e/wire_client.py')
  const options = [script, endpoint.url, accessKeyId, secretAccessKey, 'boto', '50']
  const { stdout } = await promisify(execFile)(python, options, { timeout: 60_000 })
  const seen = JSON.parse(stdout)
  strictEqual(seen.put.length, 50)
  deepStrictEqual(seen.got, seen.put)
  deepStrictEqual(seen.pushed, seen.put)
  ok(seen.gotData && seen.pushedData, 'data differs')
  ok(Math.abs(seen.arrival - Date.now() / 1000) < 300, `arrival ${seen.arrival}`)
  deepStrictEqual([seen.published, seen.unpublished], [['a'], [['b', 'InvalidParameter']]])
  deepStrictEqual(seen.wrongKey, ['UnrecognizedClientException', 403])
  deepStrictEqual(seen.wrongSecret, ['InvalidSignatureException', 403])
  deepStrictEqual(seen.oversized, ['InvalidArgumentException', 400])
}

/** 400 connections that say nothing or half a header, 300 that send a body of megabytes and never finish. */
async function misbehavingPeers(endpoint: EndpointProcess): Promise<string> {
  const before = await endpoint.residentMiB()
  const silent = await Promise.all(Array.from({ length: 200 }, () => open(endpoint)))
  const halfHeaders = await Promise.all(
    Array.from({ length: 200 }, () => open(endpoint, 'POST / HTTP/1.1\r\nhost: x\r\n')),
  )
  const halfBody = signedRequest(endpoint, 'PutRecords', ' '.repeat(4 << 20), { contentLength: 8 << 20 })
  const halfBodies = await Promise.all(Array.from({ length: 300 }, () => open(endpoint, halfBody)))
  const all = [...silent, ...halfHeaders, ...halfBodies]
  let peak = before
  const client = endpoint.client()
  for (let i = 0; i < 20; i++) {
    peak = Math.max(peak, await endpoint.residentMiB())
    // Everybody else is served all the while.
    await client.send(new ListStreamsCommand({}))
    await sleep(100)
  }
  ok(peak - before < 512, `memory grew from ${before} to ${peak} MiB`)
  await Promise.all(all.map((socket) => (socket.closed ? undefined : once(socket, 'close'))))
  client.destroy()
  return `700 half-open and slow connections: all closed by their deadlines, memory ${mib(before)} -> at most ${mib(peak)}`
}

/** Subscribers that never read, while far more is put than any buffer may hold. */
async function stalledSubscribers(endpoint: EndpointProcess): Promise<string> {
  const client = endpoint.client()
  const { StreamARN } = await filledStream(client, 'stalled', 1)
  const before = await endpoint.residentMiB()
  const sockets: Socket[] = []
  for (let i = 0; i < 10; i++) {
    const { Consumer } = await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: `c${i}` }))
    const body = { ConsumerARN: Consumer!.ConsumerARN, ShardId: shard, StartingPosition: { Type: 'TRIM_HORIZON' } }
    const socket = await open(endpoint, signedRequest(endpoint, 'SubscribeToShard', JSON.stringify(body)))
    socket.pause()
    sockets.push(socket)
  }
  let peak = before
  const Records = Array.from({ length: 40 }, () => ({ Data: Buffer.alloc(50_000, 'x'), PartitionKey: 'k' }))
  for (let i = 0; i < 100; i++) {
    await client.send(new PutRecordsCommand({ StreamName: 'stalled', Records }))
    peak = Math.max(peak, await endpoint.residentMiB())
  }
  for (const socket of sockets) socket.destroy()
  client.destroy()
  ok(peak - before < 400, `memory grew from ${before} to ${peak} MiB`)
  return `10 subscribers that read nothing while 200 MB were put: memory ${mib(before)} -> at most ${mib(peak)}`
}

async function tornLog(endpoint: EndpointProcess, directory: string): Promise<EndpointProcess> {
  const client = endpoint.client()
  await client.send(new CreateStreamCommand({ StreamName: 'torn', ShardCount: 1 }))
  const acknowledged: [string, string][] = []
  const produce = async (producer: number): Promise<void> => {
    for (let i = 0; ; i++) {
      const texts = Array.from({ length: 20 }, (_, k) => `${producer}/${i}/${k}`)
      const Records = texts.map((text) => ({ Data: Buffer.from(text), PartitionKey: text }))
      try {
        const answer = await client.send(new PutRecordsCommand({ StreamName: 'torn', Records }))
        acknowledged.push(...answer.Records!.map((one, k): [string, string] => [one.SequenceNumber!, texts[k]!]))
      } catch {
        return
      }
    }
  }
  const producers = [0, 1, 2, 3].map(produce)
  await sleep(1_500)
  await endpoint.kill()
  await Promise.all(producers)
  client.destroy()
  ok(acknowledged.length > 1_000, `only ${acknowledged.length} records were acknowledged`)
  // As a power cut leaves it: half a frame, then junk.
  const streams = join(directory, 'streams')
  const stream = (await readdir(streams)).find((name) => name.startsWith('torn@'))!
  const segment = join(streams, stream, shard, (await readdir(join(streams, stream, shard))).at(-1)!)
  await appendFile(segment, Buffer.from('0000004000112233000000000000ffff', 'hex'))
  let again = await startEndpointProcess(directory, { throttling: false })
  const first = await checkTorn(again, acknowledged)
  await again.kill()
  // A cut inside the last record loses that one, and no number is given twice.
  const { size } = await stat(segment)
  await truncate(segment, size - 1)
  again = await startEndpointProcess(directory, { throttling: false })
  const reader = again.client()
  const kept = await readAll(reader, 'torn')
  deepStrictEqual(kept, first.slice(0, -1))
  const { SequenceNumber } = await reader.send(
    new PutRecordCommand({ StreamName: 'torn', Data: Buffer.from('after'), PartitionKey: 'k' }),
  )
  ok(SequenceNumber! > first.at(-1)![0], `${SequenceNumber} is not above ${first.at(-1)![0]}`)
  reader.destroy()
  return again
}

async function checkTorn(endpoint: EndpointProcess, acknowledged: [string, string][]): Promise<[string, string][]> {
  const client = endpoint.client()
  const stored = await readAll(client, 'torn')
  client.destroy()
  const numbers = stored.map(([number]) => number)
  deepStrictEqual(numbers, [...new Set(numbers)].sort())
  strictEqual(new Set(stored.map(([, text]) => text)).size, stored.length)
  const byNumber = new Map(stored)
  for (const [number, text] of acknowledged) strictEqual(byNumber.get(number), text)
  return stored
}

async function filledStream(
  client: KinesisClient,
  StreamName: string,
  count: number,
): Promise<{ StreamARN: string; numbers: string[] }> {
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
  const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }))
  const Records = Array.from({ length: count }, (_, i) => ({ Data: Buffer.from(`${i}`), PartitionKey: `k${i}` }))
  const answer = await client.send(new PutRecordsCommand({ StreamName, Records }))
  return {
    StreamARN: StreamDescriptionSummary!.StreamARN!,
    numbers: answer.Records!.map((one) => one.SequenceNumber!),
  }
}

/** Sequence numbers and texts of the first shard. */
async function readAll(client: KinesisClient, StreamName: string): Promise<[string, string][]> {
  const all: [string, string][] = []
  let { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName, ShardId: shard, ShardIteratorType: 'TRIM_HORIZON' }),
  )
  for (;;) {
    const { Records, NextShardIterator, MillisBehindLatest } = await client.send(
      new GetRecordsCommand({ ShardIterator }),
    )
    for (const one of Records!) all.push([one.SequenceNumber!, Buffer.from(one.Data!).toString()])
    if (MillisBehindLatest === 0) return all
    ShardIterator = NextShardIterator
  }
}

function refusal(name: string, status: number) {
  return (error: { name: string; $metadata?: { httpStatusCode?: number } }) => {
    deepStrictEqual([error.name, error.$metadata?.httpStatusCode], [name, status])
    return true
  }
}

async function open(endpoint: EndpointProcess, text = ''): Promise<Socket> {
  const socket = connect(endpoint.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(text)
  socket.resume()
  return socket
}

async function exchange(endpoint: EndpointProcess, request: string): Promise<string> {
  const socket = connect(endpoint.port, '127.0.0.1')
  socket.write(request)
  let answer = ''
  for await (const piece of socket) {
    answer += piece
    if (answer.includes('"message"')) break
  }
  return answer
}

function mib(value: number): string {
  return `${Math.round(value)} MiB`
}
