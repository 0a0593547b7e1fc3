import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis'
import { CreateTopicCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { type Endpoint, startEndpoint } from '@millrace/service'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readAcknowledged, readLog, readPlanted } from './oracle/read.ts'
import { recompute } from './oracle/verdicts.ts'

let directory: string
let endpoint: Endpoint
let kinesis: KinesisClient
let sns: SNSClient
let children: ChildProcess[]

beforeEach(async () => {
  children = []
  directory = await mkdtemp(join(tmpdir(), 'millrace-fraud-'))
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
  endpoint = await startEndpoint({ dataDirectory: directory }, parts)
  const { accessKeyId, secretAccessKey } = endpoint.credentials
  const client = { region: 'us-east-1', endpoint: endpoint.url, credentials: { accessKeyId, secretAccessKey } }
  kinesis = new KinesisClient(client)
  sns = new SNSClient(client)
  await kinesis.send(new CreateStreamCommand({ StreamName: 'transactions', ShardCount: 4 }))
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  kinesis.destroy()
  sns.destroy()
  await endpoint.close()
  await rm(directory, { recursive: true })
})

/** Runs one of the example's entries as the start script does. */
function run(entry: string, ...options: string[]): ChildProcess {
  const path = fileURLToPath(new URL(entry, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=millrace-source', '--import', 'tsx', path, ...options], {
    // The oracle's examples of differences, of which one test has many.
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...process.env,
      AWS_ENDPOINT_URL: endpoint.url,
      AWS_SHARED_CREDENTIALS_FILE: join(directory, 'credentials'),
      AWS_EC2_METADATA_DISABLED: 'true',
      // The AWS SDK warns in every process about Node versions to come.
      NODE_NO_WARNINGS: '1',
      AWS_REGION: 'us-east-1',
    },
  })
  children.push(child)
  return child
}

/** Reads the messages of a child; `until` gives the first of a type. */
function messagesOf(child: ChildProcess) {
  const all: Record<string, unknown>[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => all.push(JSON.parse(line)))
  return {
    all,
    until: async (type: string) => {
      await expect.poll(() => all.some((message) => message['type'] === type), { timeout: 30_000 }).toBe(true)
      return all.find((message) => message['type'] === type)!
    },
  }
}

test('puts every transaction, receives the alerts for them, and the oracle finds outputs right or wrong', async () => {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'alerts' }))
  const producer = run(
    './producer.ts',
    '--topic',
    TopicArn!,
    '--transactions',
    '2000',
    '--rate',
    '2000',
    '--journal',
    directory,
    '--control',
  )
  const messages = messagesOf(producer)
  expect(await messages.until('ready')).toMatchObject({ first: 0 })
  producer.stdin!.write('{"command":"start"}\n')
  const { positions } = await messages.until('acknowledged')

  const log = await readLog(kinesis, 'transactions')
  expect(new Set(log.map(({ text }) => text)).size).toBe(2000)
  const newest = Object.fromEntries(log.map(({ shard, sequenceNumber }) => [shard, sequenceNumber]))
  expect(positions).toEqual(newest)
  expect((await readAcknowledged(directory)).transactions.size).toBe(2000)

  const { judgements, totals } = recompute(log)
  const flagged = judgements.filter(({ output }) => output === 'flagged')
  expect((await readPlanted(directory)).length).toBe(12)
  for (const { row } of flagged) {
    const id = `${row['shard']}:${row['sequenceNumber']}`
    const attributes = { id: { DataType: 'String', StringValue: id } }
    const alert = new PublishCommand({ TopicArn, Message: JSON.stringify({ id }), MessageAttributes: attributes })
    await sns.send(alert)
    // What a restart does: the same alert once more.
    if (id === `${flagged[0]!.row['shard']}:${flagged[0]!.row['sequenceNumber']}`) await sns.send(alert)
  }
  producer.stdin!.write(`${JSON.stringify({ command: 'finish', alerts: flagged.length })}\n`)
  const summary = await messages.until('summary')
  expect(summary).toMatchObject({
    sent: 2000,
    acknowledged: 2000,
    alerts: flagged.length,
    repeatedAlerts: 1,
    planted: 12,
    next: 2000,
  })
  expect(summary['samples']).toBe(flagged.length)
  const { p50, p99 } = summary['latencyMs'] as { p50: number; p99: number }
  expect(p50).toBeGreaterThan(0)
  expect(p99).toBeGreaterThanOrEqual(p50)

  const folders = new Map<string, object[]>([
    ['safe', []],
    ['flagged', []],
    ['rejected', []],
    ['totals', []],
  ])
  for (const { output, row } of judgements) folders.get(output)!.push(row)
  for (const [key, { count, amountCents, positions }] of totals) {
    const [, merchant, , start] = key.split(' ').map(Number) as [number, number, number, number]
    const window = { merchant, windowStartMs: start, windowEndMs: start + 10_000 }
    folders.get('totals')!.push({ ...window, count, amountCents: String(amountCents), positions })
  }
  for (const [name, rows] of folders) {
    await mkdir(join(directory, 'output', name, 'deeper'), { recursive: true })
    const half = rows.length >> 1
    await writeRows(join(directory, 'output', name, 'part-0.jsonl'), rows.slice(0, half))
    await writeRows(join(directory, 'output', name, 'deeper', 'part-1.jsonl'), rows.slice(half))
    await writeRows(join(directory, 'output', name, '.part-2.inprogress'), rows.slice(0, 1))
  }
  expect(await oracle()).toMatchObject({
    code: 0,
    result: { equal: true, differences: 0, lost: 0, duplicated: 0, acknowledged: 2000, planted: 12, plantedFound: 12 },
  })
  await writeRows(join(directory, 'output', 'safe', 'part-0.jsonl'), [])
  expect(await oracle()).toMatchObject({ code: 1, result: { equal: false, duplicated: 0 } })
})

async function oracle(): Promise<{ code: number; result: Record<string, unknown> }> {
  const child = run('./oracle/main.ts', '--dir', directory)
  const lines: string[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line))
  const [code] = (await once(child, 'close')) as [number]
  return { code, result: JSON.parse(lines.at(-1) ?? '{}') }
}

const writeRows = (path: string, rows: readonly object[]) =>
  writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

test('a stop ends an endless run, and the next goes on where it ended', async () => {
  const producer = run('./producer.ts', '--rate', '1000', '--journal', directory, '--control')
  const messages = messagesOf(producer)
  await messages.until('ready')
  producer.stdin!.write('{"command":"start"}\n')
  await messages.until('progress')
  producer.stdin!.write('{"command":"stop"}\n')
  const { sent, acknowledged } = await messages.until('acknowledged')
  expect(acknowledged).toBe(sent)
  producer.stdin!.write('{"command":"finish"}\n')
  const { next } = await messages.until('summary')
  expect(next).toBe(Math.ceil((sent as number) / 1000) * 1000)

  const second = run(
    './producer.ts',
    '--first',
    String(next),
    '--transactions',
    '1000',
    '--rate',
    '4000',
    '--journal',
    directory,
  )
  const [code] = (await once(second, 'exit')) as [number]
  expect(code).toBe(0)
  const texts = (await readLog(kinesis, 'transactions')).map(({ text }) => text)
  expect(new Set(texts).size).toBe((sent as number) + 1000)
})

test('a parent that is gone ends it, and a missing stream is told', async () => {
  const orphan = run('./producer.ts', '--control')
  await messagesOf(orphan).until('ready')
  orphan.stdin!.end()
  await once(orphan, 'exit')

  const lost = run('./producer.ts', '--stream', 'nowhere', '--control')
  lost.stdin!.write('{"command":"start"}\n')
  const failed = await messagesOf(lost).until('failed')
  expect(failed['error']).toContain('ResourceNotFoundException')
})
