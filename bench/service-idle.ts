import type { Report } from './figures.ts'
import { cpuSecondsOf, pssMbOf } from './process-usage.ts'
import { note, reportOne, type ServiceBenchOptions } from './service-figures.ts'
import { createStream, fraudBundle, fraudConfiguration } from './service-fraud.ts'
import { ServiceNode, sleep } from './service-node.ts'

const APPLICATIONS = { quick: 2, full: 20 }
const SETTLE_MS = { quick: 500, full: 20_000 }
const MEASURE_MS = { quick: 2000, full: 60_000 }
const GIBIBYTE_MB = 1073.741824

/**
 * Twenty fan-out applications, each on a stream of its own that nothing comes from, with the checkpoints that the service
 * gives to who asks for none: memory and processor of all processes.
 */
export async function measureIdle(report: Report, { quick }: ServiceBenchOptions): Promise<void> {
  const bundle = await fraudBundle()
  const applications = quick ? APPLICATIONS.quick : APPLICATIONS.full
  const node = await ServiceNode.start()
  try {
    for (let i = 0; i < applications; i++) {
      const name = `idle-${i}`
      await createStream(node, name)
      const { FlinkApplicationConfiguration: flink, ...rest } = fraudConfiguration(node, name, name, 'fan-out')
      const FlinkApplicationConfiguration = { ...flink, CheckpointConfiguration: undefined }
      await node.create(name, bundle, { ...rest, FlinkApplicationConfiguration })
      await node.startAndWait(name)
    }
    note(`${applications} applications are RUNNING`)
    await sleep(quick ? SETTLE_MS.quick : SETTLE_MS.full)
    const before = usageOf(node)
    const startedMs = performance.now()
    await sleep(quick ? MEASURE_MS.quick : MEASURE_MS.full)
    const after = usageOf(node)
    const seconds = (performance.now() - startedMs) / 1000
    const corePercent = (from: number, to: number): number => (100 * (to - from)) / seconds
    const details = { applications, processes: after.processes }
    const what = `${applications} idle applications with fan-out`
    const nodeMb = { ...details, nodeMb: Math.round(after.nodePssMb) }
    reportOne(report, `${what}: PSS of all processes`, 'MB', after.pssMb, nodeMb, 2 * GIBIBYTE_MB)
    const nodePercent = Number(corePercent(before.nodeCpuSeconds, after.nodeCpuSeconds).toPrecision(3))
    const processor = corePercent(before.cpuSeconds, after.cpuSeconds)
    reportOne(report, `${what}: processor`, '% of a core', processor, { ...details, nodePercent }, 5)
  } finally {
    await node.close()
  }
}

interface Usage {
  readonly processes: number
  readonly pssMb: number
  readonly nodePssMb: number
  readonly cpuSeconds: number
  readonly nodeCpuSeconds: number
}

function usageOf(node: ServiceNode): Usage {
  const pids = node.processes()
  const sum = (of: (pid: number) => number | undefined): number => pids.reduce((all, pid) => all + (of(pid) ?? 0), 0)
  return {
    processes: pids.length,
    pssMb: sum(pssMbOf),
    nodePssMb: pssMbOf(node.pid) ?? 0,
    cpuSeconds: sum(cpuSecondsOf),
    nodeCpuSeconds: cpuSecondsOf(node.pid) ?? 0,
  }
}
