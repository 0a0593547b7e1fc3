import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom, storageFailed, storageFull, systemClock, systemRandom } from '@millrace/engine/spi'
import {
  describeSink,
  localFileSystem,
  MemoryStorage,
  memoryFileSystem,
  runSinkAtRandom,
  type StorageCall,
} from '@millrace/engine/testing'
import { describe, expect, test } from 'vitest'
import { numberedFiles } from './testing/numbered-files.ts'

async function onLocalDisk() {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sink-'))
  const fileSystem = localFileSystem({ clock: systemClock, random: systemRandom })
  return numberedFiles({ path: join(folder, 'out'), fileSystem, close: () => rm(folder, { recursive: true }) })
}

function simulated(seed: number) {
  const clock = { now: () => 0, monotonicMs: () => 0 }
  const storage = new MemoryStorage({ clock })
  const random = seededRandom(seed)
  const fileSystem = memoryFileSystem({ storage, clock, random })
  // Looks at the disk behind the faults.
  const reader = {
    ...fileSystem,
    list: async () =>
      storage
        .paths()
        .filter((p) => !/\/\.[^/]*$/.test(p))
        .map((p) => storage.info(p)),
    read: async (path: string) => storage.read(path),
  }
  return { storage, harness: numberedFiles({ path: '/out', fileSystem, reader, random }) }
}

describeSink('files on the local file system', onLocalDisk, { describe, test, expect }, { seeds: 5 })
describeSink('files in memory', async () => simulated(1).harness, { describe, test, expect }, { seeds: 40 })

describe('files in memory, with failures', () => {
  const expectAll = async (harness: ReturnType<typeof simulated>['harness'], count: number) => {
    const seen = [...(await harness.visible())].sort((a, b) => a - b)
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => i))
  }

  test('a failure at any call of the storage, before or after its effect, loses and doubles nothing', async () => {
    const quiet = simulated(5)
    await runSinkAtRandom(quiet.harness, { seed: 5, records: 60, killShare: 0.05 })
    const { moments } = quiet.storage.faults
    expect(moments).toBeGreaterThan(150)
    for (let moment = 1; moment <= moments; moment++) {
      const { storage, harness } = simulated(5)
      let failed = 0
      storage.faults.failWhen((call) => {
        if (call.moment !== moment) return undefined
        failed++
        return moment % 2 === 0 ? storageFailed(call.operation, call.path) : storageFull(call.operation, call.path)
      })
      await runSinkAtRandom(harness, { seed: 5, records: 60, killShare: 0.05 })
      expect(failed).toBe(1)
      await expectAll(harness, 60)
    }
  })

  test.each(Array.from({ length: 30 }, (_, i) => i + 1))('one call in thirty fails, seed %i', async (seed) => {
    const { storage, harness } = simulated(seed)
    const random = seededRandom(seed)
    storage.faults.failWhen(({ operation, path }: StorageCall) =>
      random.next() < 1 / 30 ? storageFailed(operation, path) : undefined,
    )
    const { failures } = await runSinkAtRandom(harness, { seed, records: 150 })
    expect(failures).toBeGreaterThan(0)
    await expectAll(harness, 150)
  })

  test('power cuts lose what wasn’t durable, and nothing else', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { storage, harness } = simulated(seed)
      const random = seededRandom(seed)
      storage.faults.failWhen(({ operation, path }) => {
        if (random.next() >= 1 / 40) return undefined
        storage.cutPower()
        return storageFailed(operation, path)
      })
      await runSinkAtRandom(harness, { seed, records: 150 })
      await expectAll(harness, 150)
    }
  })

  test('on a full disk it fails, and goes on when there is room again', async () => {
    const { storage, harness } = simulated(3)
    storage.quotaBytes = 2_000
    let opened = 0
    storage.faults.failWhen(({ operation, phase }) => {
      if (operation === 'openFile' && phase === 'before' && ++opened === 60) storage.quotaBytes = 1_000_000
      return undefined
    })
    const { failures } = await runSinkAtRandom(harness, { seed: 3, records: 150, killShare: 0.02 })
    expect(failures).toBeGreaterThan(2)
    await expectAll(harness, 150)
  })
})
