import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import type { Report } from './figures.ts'
import { note, reportWorst, type ServiceBenchOptions } from './service-figures.ts'
import { createStream, fraudBundle, fraudConfiguration, fraudProperties, produce } from './service-fraud.ts'
import { ServiceNode, sleep } from './service-node.ts'
import { ProgressWatch } from './service-progress.ts'

const LEAST_WAKES = 5
const RECORDS_PER_SECOND = 100
const FIRST_RECORDS_MS = 2000
const ASLEEP_LIMIT_MS = 180_000

/** Applications with fan-out that have fallen asleep: a record is put, until it is processed. A quick run hasn't the minute. */
export async function measureWake(report: Report, { runs, quick }: ServiceBenchOptions): Promise<void> {
  if (quick) return note('wake: not in a quick run, none falls asleep within a minute')
  const node = await ServiceNode.start()
  const names = Array.from({ length: Math.max(runs, LEAST_WAKES) }, (_, i) => `sleeper-${i}`)
  try {
    for (const name of names) await fallAsleep(node, name)
    const measured: number[] = []
    for (const name of names) {
      await asleep(node, name)
      measured.push((await wake(node, name)) / 1000)
      note(`wake: processed after ${measured.at(-1)?.toFixed(3)} s`)
      await node.stop(name, true)
    }
    reportWorst(report, 'hibernating, fan-out: put of a record to its being processed', 's', measured, 1)
  } finally {
    await node.close()
  }
}

/** Runs with records, which leaves it state, and then without. */
async function fallAsleep(node: ServiceNode, name: string): Promise<void> {
  await createStream(node, name)
  const { PropertyGroups } = fraudProperties(node, name, name, 'fan-out')
  const hibernate = { PropertyGroupId: 'millrace', PropertyMap: { 'hibernate.after-minutes': '1' } }
  await node.create(name, await fraudBundle(), {
    ...fraudConfiguration(node, name, name, 'fan-out'),
    EnvironmentProperties: { PropertyGroups: [...PropertyGroups, hibernate] },
  })
  await node.startAndWait(name)
  const producer = await produce(node, name, RECORDS_PER_SECOND)
  await sleep(FIRST_RECORDS_MS)
  await producer.kill()
}

async function asleep(node: ServiceNode, name: string): Promise<void> {
  const untilMs = performance.now() + ASLEEP_LIMIT_MS
  while (!node.log(name).includes('hibernates')) {
    if (performance.now() > untilMs) throw new Error(`${name} doesn't fall asleep:\n${node.log(name).slice(-4000)}`)
    await sleep(200)
  }
}

/** Milliseconds from the put of a record to its being processed. */
async function wake(node: ServiceNode, name: string): Promise<number> {
  const kinesis = new KinesisClient({ endpoint: node.url })
  const watch = new ProgressWatch(node.runDirectory(name))
  try {
    const Data = Buffer.from('no transaction: it is rejected, and thereby processed')
    const putMs = performance.now()
    await kinesis.send(new PutRecordCommand({ StreamName: name, PartitionKey: 'a', Data }))
    return (await watch.until(`a record of ${name}`, () => true)).atMs - putMs
  } finally {
    await watch.close()
    kinesis.destroy()
  }
}
