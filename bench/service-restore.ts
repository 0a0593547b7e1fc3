import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Report } from './figures.ts'
import { ageMsOf } from './process-usage.ts'
import { note, reportOne, reportWorst, type ServiceBenchOptions } from './service-figures.ts'
import { jobConfiguration } from './service-fraud.ts'
import { bundleOf, ServiceNode } from './service-node.ts'
import { ProgressWatch } from './service-progress.ts'

const NAME = 'state'
/** Of a kilobyte each. */
const KEYS = { quick: 2000, full: 100_000 }
const RECORDS_PER_SECOND = 20_000
const PARALLELISM = 2
const APPLICATION = fileURLToPath(new URL('./service-state-application.ts', import.meta.url))

/** Stop with a snapshot of 100 MB, start: until it is RUNNING, and until it has processed a record, since its process began. */
export async function measureRestore(report: Report, { runs, quick }: ServiceBenchOptions): Promise<void> {
  const keys = quick ? KEYS.quick : KEYS.full
  const node = await ServiceNode.start()
  const running: number[] = []
  const processing: number[] = []
  const sizes: number[] = []
  let allBefore = 0
  try {
    await node.create(NAME, await bundleOf(APPLICATION), {
      ...jobConfiguration(PARALLELISM),
      EnvironmentProperties: {
        PropertyGroups: [
          { PropertyGroupId: 'state', PropertyMap: { keys: String(keys), rate: String(RECORDS_PER_SECOND) } },
        ],
      },
    })
    await node.startAndWait(NAME)
    const watch = new ProgressWatch(node.runDirectory(NAME))
    try {
      await watch.until('all keys', ({ records }) => records >= keys)
      for (let i = 0; i < (quick ? 1 : runs); i++) {
        const before = watch.process
        await node.stop(NAME, false)
        const all = folderBytes(join(node.dir, 'apps', NAME, 'savepoints'))
        const bytes = all - allBefore
        allBefore = all
        sizes.push(bytes / 1e6)
        await node.startAndWait(NAME)
        const nowMs = performance.now()
        const launchedMs = nowMs - (ageMsOf(node.jobPid(NAME)) ?? Number.NaN)
        const first = await watch.until('a record of the new process', (seen) => seen.process > before)
        running.push((nowMs - launchedMs) / 1000)
        processing.push((first.atMs - launchedMs) / 1000)
        note(
          `restore of ${(bytes / 1e6).toFixed(1)} MB: RUNNING after ${running.at(-1)?.toFixed(3)} s, ` +
            `a record after ${processing.at(-1)?.toFixed(3)} s`,
        )
      }
    } finally {
      await watch.close()
    }
  } finally {
    await node.close()
  }
  reportOne(report, 'restore: size of the snapshot', 'MB', Math.min(...sizes))
  reportWorst(report, 'restore of 100 MB: process to RUNNING', 's', running)
  reportWorst(report, 'restore of 100 MB: process to the first record', 's', processing, 5)
}

function folderBytes(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    bytes += entry.isDirectory() ? folderBytes(path) : statSync(path).size
  }
  return bytes
}
