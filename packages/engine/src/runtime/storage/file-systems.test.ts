import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { seededRandom, systemRandom } from '../../common/random.ts'
import { describeFileSystem, type FileSystemHarness } from '../../testing/file-system-contract.ts'
import { createFileSystems } from './file-systems.ts'
import { localFileSystem } from './local-file-system.ts'
import { memoryFileSystem } from './memory-file-system.ts'
import { MemoryStorage } from './memory-storage.ts'

async function openLocal(): Promise<FileSystemHarness> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  let aheadMs = 0
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  return {
    first: localFileSystem({ clock, random: systemRandom }),
    second: localFileSystem({ clock, random: systemRandom }),
    folder: join(folder, 'data'),
    largeBytes: 3_000_001,
    advance: (ms) => {
      aheadMs += ms
    },
    close: () => rm(folder, { recursive: true }),
  }
}

async function openMemory(): Promise<FileSystemHarness> {
  let nowMs = 1_000_000
  const clock = { now: () => nowMs, monotonicMs: () => nowMs }
  const storage = new MemoryStorage({ clock })
  const random = seededRandom(7)
  return {
    first: memoryFileSystem({ storage, clock, random }),
    second: memoryFileSystem({ storage, clock, random }),
    folder: '/data',
    largeBytes: 300_001,
    advance: (ms) => {
      nowMs += ms
    },
    close: async () => {},
  }
}

describeFileSystem('local', openLocal, { describe, test, expect })
describeFileSystem('memory', openMemory, { describe, test, expect })

describe('createFileSystems', () => {
  const file = { ...memoryOf('file') }
  const s3 = { ...memoryOf('s3') }
  const files = createFileSystems({ file, s3 })

  test.each([
    ['/data/x', file],
    ['relative/x', file],
    ['file:///data/x', file],
    ['s3://bucket/x', s3],
    ['S3://bucket/x', s3],
  ])('%s', (path, expected) => {
    expect(files.forPath(path)).toBe(expected)
  })

  test('an unknown scheme names the known ones', () => {
    const failure = { code: 'FILE_SYSTEM_UNKNOWN', kind: 'invalid', hint: 'Use a path of one of these: file, s3.' }
    expect(() => files.forPath('hdfs://x/y')).toThrow(expect.objectContaining(failure))
    expect(() => files.forPath('constructor://x')).toThrow(expect.objectContaining({ code: 'FILE_SYSTEM_UNKNOWN' }))
  })

  function memoryOf(scheme: string) {
    const clock = { now: () => 0, monotonicMs: () => 0 }
    return { ...memoryFileSystem({ storage: new MemoryStorage({ clock }), clock, random: seededRandom(1) }), scheme }
  }
})
