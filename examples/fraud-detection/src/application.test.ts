import { join } from 'node:path'
import { CreateTopicCommand } from '@aws-sdk/client-sns'
import { type JobCoordinator, StreamExecutionEnvironment } from '@millrace/engine'
import { afterEach, beforeEach, expect, test } from 'vitest'
import application from './application.ts'
import { compare } from './oracle/compare.ts'
import { readAcknowledged, readLog, readOutputs, readPlanted } from './oracle/read.ts'
import { PROPERTY_GROUP } from './settings.ts'
import { Messages, TestBench } from './test-bench.ts'

let bench: TestBench
const environment = { ...process.env }

beforeEach(async () => {
  bench = await TestBench.start()
  Object.assign(process.env, bench.environment)
})

afterEach(async () => {
  process.env = { ...environment }
  await bench.close()
})

function start(properties: Record<string, string>, parallelism: number): JobCoordinator {
  const env = StreamExecutionEnvironment.create({ parallelism })
  const output = join(bench.directory, 'output')
  application.build(env, { properties: { [PROPERTY_GROUP]: { output, ...properties } }, args: [], parameters: {} })
  return env.start({
    name: application.name,
    checkpointFolder: join(bench.directory, 'checkpoints'),
    restoreFrom: 'latest',
  })
}

/** Waits until the job has read all four shards to their tip, and handed on what it read. */
async function caughtUp(job: JobCoordinator): Promise<void> {
  let before = ''
  const isCaughtUp = async () => {
    const { operators } = await job.collectMetrics()
    const values = operators.flatMap((operator) => Object.entries(operator.values))
    const behind = values.filter(([name]) => name.endsWith('.millisBehindLatest')).map(([, value]) => value)
    const now = JSON.stringify(values.filter(([name]) => /^num(Records|Bytes)\w*(?<!PerSecond)$/.test(name)))
    const isStill = now === before
    before = now
    return behind.length === 4 && behind.every((value) => value === 0) && isStill
  }
  await expect.poll(isCaughtUp, { interval: 500, timeout: 30_000 }).toBe(true)
}

test.each(['fan-out', 'polling'])('restarted in the middle, its outputs equal the oracle’s (%s)', async (reader) => {
  const { TopicArn } = await bench.sns.send(new CreateTopicCommand({ Name: 'alerts' }))
  const options = ['--topic', TopicArn!, '--transactions', '4000', '--rate', '1500', '--journal', bench.directory]
  const producer = bench.run('./producer.ts', ...options, '--control')
  const messages = new Messages(producer)
  await messages.until('ready')
  const properties = { reader, 'topic.arn': TopicArn!, 'checkpoint.interval.ms': '100' }

  const first = start(properties, 2)
  producer.stdin!.write('{"command":"start"}\n')
  await messages.until('progress')
  first.cancel()
  await first.result
  const second = start(properties, 3)
  await messages.until('acknowledged')
  await caughtUp(second)
  await second.savepoint(join(bench.directory, 'savepoint'), 'drain')
  await second.result

  const log = await readLog(bench.kinesis, 'transactions')
  const outputs = await readOutputs(bench.directory)
  const { positions, transactions } = await readAcknowledged(bench.directory)
  expect(compare(log, outputs, positions)).toEqual({
    equal: true,
    differences: 0,
    examples: [],
    lost: 0,
    duplicated: 0,
  })
  expect(transactions.size).toBe(4000)
  expect(outputs.rejected.length).toBeGreaterThan(0)
  for (const { id, rule } of await readPlanted(bench.directory)) {
    expect(outputs.flagged.filter((row) => row['id'] === id).map((row) => row['rules'])).toContainEqual(
      expect.arrayContaining([rule]),
    )
  }

  producer.stdin!.write(`${JSON.stringify({ command: 'finish', alerts: outputs.flagged.length })}\n`)
  expect(await messages.until('summary')).toMatchObject({ alerts: outputs.flagged.length })
})

test.each<[string, Record<string, string>, string]>([
  ['a missing output', {}, "property 'output' is missing"],
  ['an unknown property', { output: 'x', topik: 'y' }, "there is no property 'topik'"],
  ['an unknown reader', { output: 'x', reader: 'push' }, "property 'reader' is 'push'"],
])('%s is refused when the application is built', (_it, group, message) => {
  const env = StreamExecutionEnvironment.create()
  const properties = { [PROPERTY_GROUP]: group }
  expect(() => application.build(env, { properties, args: [], parameters: {} })).toThrow(message)
})
