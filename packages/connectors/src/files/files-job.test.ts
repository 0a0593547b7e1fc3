import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StreamExecutionEnvironment } from '@millrace/engine'
import { type FileSystem, seededRandom, storageFailed, systemClock, systemRandom } from '@millrace/engine/spi'
import { createFileSystems, localFileSystem, MemoryStorage, memoryFileSystem } from '@millrace/engine/testing'
import { expect, test } from 'vitest'
import { json } from '../formats/json/index.ts'
import { files } from './files-sink.ts'

interface Counted {
  readonly n: number
}

const TOTAL = 4000

/** Numbers from one subtask over two into files; the function throws at some of them, the first time they come. */
function numbersToFiles(path: string, failAt: readonly number[]): StreamExecutionEnvironment {
  const toFail = new Set(failAt)
  const env = StreamExecutionEnvironment.create({ parallelism: 2 })
    .enableCheckpointing(10)
    .setRestartStrategy({ kind: 'fixed-delay', attempts: 500, delayMs: 1 })
  env
    .fromCollection(Array.from({ length: TOTAL }, (_, n): Counted => ({ n })))
    .uid('numbers')
    .map((record) => {
      // Slow enough for checkpoints to come in between.
      const until = performance.now() + 0.03
      while (performance.now() < until);
      if (toFail.delete(record.n)) throw new Error('planted')
      return record
    })
    .sinkTo(files<Counted>({ path, format: json(), bucket: ({ n }) => `m${n % 3}`, rolling: { sizeBytes: 2000 } }))
    .uid('out')
  return env
}

async function numbersIn(fileSystem: FileSystem, path: string): Promise<number[]> {
  const numbers: number[] = []
  for (const { path: file } of await fileSystem.list(path)) {
    const lines = new TextDecoder()
      .decode(await fileSystem.read(file))
      .trimEnd()
      .split('\n')
    numbers.push(...lines.map((line) => (JSON.parse(line) as Counted).n))
  }
  return numbers.sort((a, b) => a - b)
}

const all = Array.from({ length: TOTAL }, (_, n) => n)

test('a job that fails and restarts leaves every record in its files exactly once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-job-'))
  const fileSystem = localFileSystem({ clock: systemClock, random: systemRandom })
  try {
    const env = numbersToFiles(join(folder, 'out'), [900, 2100, 3999])
    const result = await env.execute({
      checkpointFolder: join(folder, 'checkpoints'),
      fileSystems: createFileSystems({ file: fileSystem }),
    })
    expect(result).toMatchObject({ state: 'FINISHED', restarts: 3 })
    expect(await numbersIn(fileSystem, join(folder, 'out'))).toEqual(all)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.each([1, 2, 3])(
  'also when storage fails here and there, under files and checkpoints alike: seed %i',
  async (seed) => {
    const random = seededRandom(seed)
    const storage = new MemoryStorage({ clock: systemClock })
    const fileSystem = memoryFileSystem({ storage, clock: systemClock, random })
    let failures = 0
    const stop = storage.faults.failWhen(({ operation, path }) => {
      if (random.next() >= 1 / 150) return undefined
      failures++
      return storageFailed(operation, path)
    })
    const env = numbersToFiles('/out', [2000])
    const fileSystems = createFileSystems({ file: fileSystem })
    const result = await env.execute({ checkpointFolder: '/checkpoints', fileSystems })
    stop()
    expect(result).toMatchObject({ state: 'FINISHED' })
    expect(failures).toBeGreaterThan(0)
    expect(await numbersIn(fileSystem, '/out')).toEqual(all)
  },
)
