import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis'
import type { OutputName, Row } from './compare.ts'
import { outputNames } from './compare.ts'
import type { LogRecord } from './verdicts.ts'

/** Reads every shard from its oldest record to its tip. Parents come before children: their ids are lower. */
export async function readLog(client: KinesisClient, StreamName: string): Promise<LogRecord[]> {
  const shards: string[] = []
  let token: string | undefined
  do {
    // A token and a name together are refused, so the SDK's own paginator doesn't do.
    const page = await client.send(new ListShardsCommand(token === undefined ? { StreamName } : { NextToken: token }))
    for (const { ShardId } of page.Shards ?? []) shards.push(ShardId!)
    token = page.NextToken
  } while (token !== undefined)
  const log = await Promise.all(shards.sort().map((shard) => readShard(client, StreamName, shard)))
  return log.flat()
}

async function readShard(client: KinesisClient, StreamName: string, shard: string): Promise<LogRecord[]> {
  const start = { StreamName, ShardId: shard, ShardIteratorType: 'TRIM_HORIZON' } as const
  let { ShardIterator } = await client.send(new GetShardIteratorCommand(start))
  const records: LogRecord[] = []
  while (ShardIterator !== undefined) {
    const answer = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 10_000 }))
    for (const { SequenceNumber, Data } of answer.Records ?? []) {
      records.push({ shard, sequenceNumber: SequenceNumber!, text: Buffer.from(Data!).toString('utf8') })
    }
    if (answer.Records?.length === 0 && answer.MillisBehindLatest === 0) break
    ShardIterator = answer.NextShardIterator
    // A shard answers five calls a second.
    await new Promise((resolve) => setTimeout(resolve, 210))
  }
  return records
}

/** The rows of `DIR/output`: JSON lines in files at any depth; names that begin with `.` or `_` are hidden. */
export async function readOutputs(directory: string): Promise<Record<OutputName, Row[]>> {
  const entries = await Promise.all(
    outputNames.map(async (name) => [name, await readRows(join(directory, 'output', name))] as const),
  )
  return Object.fromEntries(entries) as Record<OutputName, Row[]>
}

async function readRows(folder: string): Promise<Row[]> {
  const rows: Row[] = []
  for (const entry of await readdirOrNothing(folder)) {
    if (entry.name.startsWith('.') || entry.name.startsWith('_')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      for (const row of await readRows(path)) rows.push(row)
      continue
    }
    for (const line of (await readFile(path, 'utf8')).split('\n')) if (line !== '') rows.push(JSON.parse(line))
  }
  return rows
}

async function readdirOrNothing(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** What the producer wrote down, in lines; the last one may be cut short by a kill. Nothing when there is no such file. */
async function readLines(path: string): Promise<string[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
}

/** `acknowledged.txt`: positions (`shard sequenceNumber`), and the transaction's number for each. */
export async function readAcknowledged(directory: string): Promise<{ positions: string[]; transactions: Set<string> }> {
  const lines = (await readLines(join(directory, 'acknowledged.txt'))).map((line) => line.split(' '))
  const positions = lines.map(([shard, sequenceNumber]) => `${shard} ${sequenceNumber}`)
  return { positions, transactions: new Set(lines.map(([, , transaction]) => transaction!)) }
}

/** `planted.jsonl`: transactions that must be flagged with a rule. */
export async function readPlanted(directory: string): Promise<{ readonly id: number; readonly rule: string }[]> {
  return (await readLines(join(directory, 'planted.jsonl'))).map((line) => JSON.parse(line))
}
