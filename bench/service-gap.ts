import { UpdateApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2'
import type { Report } from './figures.ts'
import { note, reportWorst, type ServiceBenchOptions } from './service-figures.ts'
import {
  createStream,
  fraudBundle,
  fraudConfiguration,
  fraudProperties,
  PARALLELISM,
  produce,
  type Reader,
} from './service-fraud.ts'
import { ServiceNode, sleep } from './service-node.ts'
import { ProgressWatch } from './service-progress.ts'

const RECORDS_PER_SECOND = 1000
const NAME = 'fraud'
const STREAM = 'transactions'
const CALM_MS = { quick: 1500, full: 8000 }
const KILLS_PER_RUN = 2
/** Up, and down again. */
const RESCALINGS_PER_RUN = 2

function readers(quick: boolean): readonly Reader[] {
  return quick ? ['fan-out'] : ['polling', 'fan-out']
}

interface Disturbed {
  readonly node: ServiceNode
  readonly watch: ProgressWatch
  readonly reader: Reader
  /** Lets it run for a while: what is done to one that has just started is another case. */
  calm(): Promise<void>
}

/** A change of a property while 1,000 transactions a second come: the longest time without a processed one. */
export async function measureUpdate(report: Report, { runs, quick }: ServiceBenchOptions): Promise<void> {
  for (const reader of readers(quick)) {
    const gaps: number[] = []
    await withTraffic(reader, quick, async ({ node, watch, calm }) => {
      for (let i = 0; i < (quick ? 1 : runs); i++) {
        await calm()
        const fromMs = performance.now()
        const before = watch.process
        await node.client.send(
          new UpdateApplicationCommand({
            ApplicationName: NAME,
            CurrentApplicationVersionId: await node.version(NAME),
            ApplicationConfigurationUpdate: {
              EnvironmentPropertyUpdates: fraudProperties(node, NAME, STREAM, reader, 1001 + i),
            },
          }),
        )
        await node.reaches(NAME, 'RUNNING')
        await watch.until('a record after the update', (seen) => seen.process > before)
        await sleep(200)
        gaps.push(watch.longestGapMs(fromMs, performance.now()) / 1000)
        note(`update, ${reader}: gap ${gaps.at(-1)?.toFixed(3)} s`)
      }
    })
    reportWorst(report, `update while running, ${reader}: longest gap`, 's', gaps, 2)
  }
}

/** Up and down by Flink's REST API while 1,000 transactions a second come: the longest time without a processed one. */
export async function measureRescale(report: Report, { runs, quick }: ServiceBenchOptions): Promise<void> {
  for (const reader of readers(quick)) {
    const gaps: number[] = []
    await withTraffic(reader, quick, async ({ node, watch, calm }) => {
      for (let i = 0; i < (quick ? 1 : runs * RESCALINGS_PER_RUN); i++) {
        await calm()
        const fromMs = performance.now()
        const before = watch.process
        await putParallelism(node, NAME, i % 2 === 0 ? 4 : PARALLELISM)
        await node.reaches(NAME, 'RUNNING')
        await watch.until('a record after the rescaling', (seen) => seen.process > before)
        await sleep(200)
        gaps.push(watch.longestGapMs(fromMs, performance.now()) / 1000)
        note(`rescale, ${reader}: gap ${gaps.at(-1)?.toFixed(3)} s`)
      }
    })
    reportWorst(report, `live rescale, ${reader}: longest gap`, 's', gaps, 2)
  }
}

/** As tools of Flink do it. */
async function putParallelism(node: ServiceNode, name: string, upperBound: number): Promise<void> {
  const jobs = (await node.flink(name, 'GET', '/jobs')) as { jobs: { id: string }[] }
  const path = `/jobs/${jobs.jobs[0]?.id}/resource-requirements`
  const vertices = Object.keys((await node.flink(name, 'GET', path)) as object)
  const requirements = vertices.map((id) => [id, { parallelism: { lowerBound: 1, upperBound } }])
  await node.flink(name, 'PUT', path, Object.fromEntries(requirements))
}

/** `kill -9` of the application's process: until its successor has processed a record. */
export async function measureKill(report: Report, { runs, quick }: ServiceBenchOptions): Promise<void> {
  for (const reader of readers(quick)) {
    // A consumer that has just subscribed is refused again for five seconds: both cases are told.
    const settled = await kills(reader, quick, quick ? 1 : runs * KILLS_PER_RUN, true)
    reportWorst(report, `kill -9 to the next record, ${reader}`, 's', settled, 3)
    if (quick) continue
    const fresh = await kills(reader, quick, runs, false)
    reportWorst(report, `kill -9 soon after a start, to the next record, ${reader}`, 's', fresh, 3)
  }
}

async function kills(reader: Reader, quick: boolean, times: number, settled: boolean): Promise<number[]> {
  const measured: number[] = []
  await withTraffic(reader, quick, async ({ node, watch, calm }) => {
    for (let i = 0; i < times; i++) {
      // Checkpoints come every second; a kill before the first is another case.
      await (settled ? calm() : sleep(1500))
      const pid = node.jobPid(NAME) as number
      const before = watch.process
      const killedMs = performance.now()
      process.kill(pid, 'SIGKILL')
      const { atMs } = await watch.until('a record after the kill', (seen) => seen.process > before)
      measured.push((atMs - killedMs) / 1000)
      note(
        `kill ${settled ? '' : 'soon after a start '}${i + 1}, ${reader}: processing after ${measured.at(-1)?.toFixed(3)} s`,
      )
    }
  })
  return measured
}

async function withTraffic(
  reader: Reader,
  quick: boolean,
  use: (disturbed: Disturbed) => Promise<void>,
): Promise<void> {
  const node = await ServiceNode.start()
  try {
    await createStream(node, STREAM)
    await node.create(NAME, await fraudBundle(), fraudConfiguration(node, NAME, STREAM, reader))
    await node.startAndWait(NAME)
    const producer = await produce(node, STREAM, RECORDS_PER_SECOND)
    const watch = new ProgressWatch(node.runDirectory(NAME))
    try {
      await watch.until('the first record', () => true)
      await use({ node, watch, reader, calm: () => sleep(quick ? CALM_MS.quick : CALM_MS.full) })
    } catch (cause) {
      throw new Error(`${(cause as Error).message}; the end of its log:\n${node.log(NAME).slice(-4000)}`, { cause })
    } finally {
      await watch.close()
      await producer.kill()
    }
  } finally {
    await node.close()
  }
}
