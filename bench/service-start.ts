import type { Report } from './figures.ts'
import { note, percentile, reportOne, type ServiceBenchOptions } from './service-figures.ts'
import { createStream, fraudBundle, fraudConfiguration } from './service-fraud.ts'
import { ServiceNode } from './service-node.ts'

const STARTS_PER_RUN = 5
const STREAM = 'transactions'

/** Create, start and RUNNING of the fraud application, as the AWS SDK's user sees it who asks every 20 ms. */
export async function measureStart(report: Report, { runs, quick }: ServiceBenchOptions): Promise<void> {
  const bundle = await fraudBundle()
  const node = await ServiceNode.start()
  const measured: number[] = []
  try {
    await createStream(node, STREAM)
    for (let i = 0; i < (quick ? 1 : runs * STARTS_PER_RUN); i++) {
      const name = `fraud-${i}`
      const startedMs = performance.now()
      await node.create(name, bundle, fraudConfiguration(node, name, STREAM, 'fan-out'))
      await node.startAndWait(name)
      measured.push((performance.now() - startedMs) / 1000)
      note(`start ${i + 1}: RUNNING after ${measured.at(-1)?.toFixed(3)} s`)
      await node.stop(name, true)
      await node.delete(name)
    }
  } finally {
    await node.close()
  }
  const details = { measured: measured.length, slowest: Number(Math.max(...measured).toPrecision(3)) }
  reportOne(report, 'create to RUNNING, p50', 's', percentile(measured, 0.5), details)
  reportOne(report, 'create to RUNNING, p95', 's', percentile(measured, 0.95), details, 2)
}
