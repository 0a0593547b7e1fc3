import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { beforeAll, expect, test } from 'vitest'
import { MAX_TIMESTAMP } from '../../spi/batch.ts'
import { allocateDoorbells } from './doorbell.ts'
import type { ShuffleResult, ShuffleTask } from './shuffle-worker-fixture.ts'
import { allocateLink } from './thread-link.ts'

let script: URL

beforeAll(async () => {
  const entry = fileURLToPath(new URL('./shuffle-worker-fixture.ts', import.meta.url))
  const bundle = await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', write: false })
  script = new URL(`data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0]!.contents).toString('base64')}`)
})

function run(workerData: ShuffleTask): Promise<ShuffleResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the thread ended with code ${code}`)))
  })
}

test.each([
  { it: 'roomy', ringBytes: 64 * 1024, creditBytes: 64 * 1024, records: 100_000, recordsPerBarrier: 10_000 },
  { it: 'tiny', ringBytes: 1024, creditBytes: 1024, records: 20_000, recordsPerBarrier: 500 },
])('two threads shuffle by key through $it rings, exactly once at every barrier', async (shape) => {
  const { ringBytes, creditBytes, records, recordsPerBarrier } = shape
  const doorbells = allocateDoorbells(2)
  const links = [0, 1].map(() => allocateLink({ ringBytes, creditBytes, channelIds: [0] }))
  const results = await Promise.all(
    ([0, 1] as const).map((me) =>
      run({ me, doorbells, outgoing: links[me]!, incoming: links[1 - me]!, records, recordsPerBarrier }),
    ),
  )
  for (const { problems, snapshots, watermarks } of results) {
    expect(problems).toEqual([])
    expect(snapshots).toEqual(Array.from({ length: records / recordsPerBarrier }, (_, i) => i + 1))
    expect(watermarks.at(-1)).toBe(MAX_TIMESTAMP)
  }
  for (const from of [0, 1] as const) {
    expect(results[0]!.received[from] + results[1]!.received[from]).toBe(records)
    // Both had a share: records did cross threads.
    expect(Math.min(results[0]!.received[from], results[1]!.received[from])).toBeGreaterThan(records / 4)
  }
})
