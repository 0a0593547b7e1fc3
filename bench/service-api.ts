import { fileURLToPath } from 'node:url'
import { spawnLines } from '../examples/fraud-detection/src/start/child-lines.ts'
import type { Report } from './figures.ts'
import { cpuSecondsOf } from './process-usage.ts'
import { note, reportOne, type ServiceBenchOptions } from './service-figures.ts'
import { fraudBundle, fraudConfiguration } from './service-fraud.ts'
import type { LoadAnswer, LoadSettings } from './service-load.ts'
import { ServiceNode } from './service-node.ts'

const NAME = 'fraud'
const CONNECTIONS = 16
const CALLS_PER_SECOND = 1000
const SECONDS = { quick: 1, full: 15 }
const WARM_UP_SECONDS = 3

/**
 * Signed DescribeApplication calls from another process. One after the other on 16 connections: how many, and how many a
 * second of the node's processor. At 1,000 a second, whether or not the ones before are answered: their latency from the
 * instant each was due.
 */
export async function measureApi(report: Report, { quick }: ServiceBenchOptions): Promise<void> {
  const node = await ServiceNode.start()
  try {
    await node.create(NAME, await fraudBundle(), fraudConfiguration(node, NAME, 'transactions', 'fan-out'))
    const seconds = quick ? SECONDS.quick : SECONDS.full
    if (!quick) await load(node, { seconds: WARM_UP_SECONDS })
    const most = await load(node, { seconds })
    const figures = { connections: CONNECTIONS, nodeCores: most.nodeCores, p99Ms: round(most.p99Ms) }
    reportOne(report, 'DescribeApplication, most calls', '1/s', most.perSecond, figures)
    reportOne(report, 'DescribeApplication, processor of the node a call', 'ms', most.cpuMsPerCall, {}, 1)
    const steady = await load(node, { seconds, rate: CALLS_PER_SECOND })
    const { perSecond, p50Ms, nodeCores } = steady
    const details = { perSecond: round(perSecond), p50Ms: round(p50Ms), nodeCores }
    reportOne(report, `DescribeApplication, ${CALLS_PER_SECOND} calls/s, p99`, 'ms', steady.p99Ms, details, 20)
  } finally {
    await node.close()
  }
}

interface Load extends LoadAnswer {
  readonly perSecond: number
  /** How much of a core the node took. */
  readonly nodeCores: number
  readonly cpuMsPerCall: number
}

async function load(node: ServiceNode, { seconds, rate }: { seconds: number; rate?: number }): Promise<Load> {
  const settings: LoadSettings = { url: node.url, name: NAME, seconds, rate, connections: CONNECTIONS }
  const file = fileURLToPath(new URL('./service-load.ts', import.meta.url))
  let answer: LoadAnswer | undefined
  let cpuSecondsBefore = 0
  const child = spawnLines(['--import', 'tsx', file, JSON.stringify(settings)], {
    env: node.env,
    onLine: (line) => {
      if (line === 'begin') cpuSecondsBefore = cpuSecondsOf(node.pid) ?? Number.NaN
      else answer = JSON.parse(line)
    },
  })
  const { code } = await child.exited
  const cpuSeconds = (cpuSecondsOf(node.pid) ?? Number.NaN) - cpuSecondsBefore
  if (answer === undefined || code !== 0) throw new Error(`the load failed: ${child.stderr()}`)
  const perSecond = answer.calls / answer.seconds
  note(`${Math.round(perSecond)} calls/s, p99 ${answer.p99Ms.toFixed(1)} ms, node ${cpuSeconds.toFixed(1)} CPU s`)
  const cpuMsPerCall = (1000 * cpuSeconds) / answer.calls
  return { ...answer, perSecond, nodeCores: round(cpuSeconds / answer.seconds), cpuMsPerCall }
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
