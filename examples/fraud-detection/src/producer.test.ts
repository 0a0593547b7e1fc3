import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CreateTopicCommand, PublishCommand } from '@aws-sdk/client-sns'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readAcknowledged, readLog, readPlanted } from './oracle/read.ts'
import { recompute } from './oracle/verdicts.ts'
import { Messages, TestBench } from './test-bench.ts'

let bench: TestBench

beforeEach(async () => {
  bench = await TestBench.start()
})

afterEach(() => bench.close())

test('puts every transaction, receives the alerts for them, and the oracle finds outputs right or wrong', async () => {
  const { directory, sns, kinesis } = bench
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'alerts' }))
  const producer = bench.run(
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
  const messages = new Messages(producer)
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
  const child = bench.run('./oracle/main.ts', '--dir', bench.directory)
  const lines: string[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line))
  const [code] = (await once(child, 'close')) as [number]
  return { code, result: JSON.parse(lines.at(-1) ?? '{}') }
}

const writeRows = (path: string, rows: readonly object[]) =>
  writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

test('a stop ends an endless run, and the next goes on where it ended', async () => {
  const { directory, kinesis } = bench
  const producer = bench.run('./producer.ts', '--rate', '1000', '--journal', directory, '--control')
  const messages = new Messages(producer)
  await messages.until('ready')
  producer.stdin!.write('{"command":"start"}\n')
  await messages.until('progress')
  producer.stdin!.write('{"command":"stop"}\n')
  const { sent, acknowledged } = await messages.until('acknowledged')
  expect(acknowledged).toBe(sent)
  producer.stdin!.write('{"command":"finish"}\n')
  const { next } = await messages.until('summary')
  expect(next).toBe(Math.ceil((sent as number) / 1000) * 1000)

  const second = bench.run(
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
  const orphan = bench.run('./producer.ts', '--control')
  await new Messages(orphan).until('ready')
  orphan.stdin!.end()
  await once(orphan, 'exit')

  const lost = bench.run('./producer.ts', '--stream', 'nowhere', '--control')
  lost.stdin!.write('{"command":"start"}\n')
  const failed = await new Messages(lost).until('failed')
  expect(failed['error']).toContain('ResourceNotFoundException')
})
