import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { storageFailed } from '../../spi/file-system-errors.ts'
import { memoryFileSystem } from './memory-file-system.ts'
import { MemoryStorage } from './memory-storage.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const utf8 = (value: Uint8Array) => new TextDecoder().decode(value)
const clock = { now: () => 0, monotonicMs: () => 0 }

function memory() {
  const storage = new MemoryStorage({ clock })
  return { storage, files: memoryFileSystem({ storage, clock, random: seededRandom(1) }) }
}

test('a power cut leaves what was durable, and open files are dead', async () => {
  const { storage, files } = memory()
  const file = await files.openFile('/part')
  file.write(bytes('durable'))
  const persisted = await file.persist()
  file.write(bytes(' lost'))
  await files.openFile('/never-synced')
  await new Promise((resolve) => setImmediate(resolve))
  storage.cutPower()
  expect(storage.usedBytes).toBe(7)
  expect(() => file.write(bytes('x'))).not.toThrow()
  await expect(file.persist()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  await files.commitFile(await files.recoverFile(persisted))
  expect(utf8(await files.read('/part'))).toBe('durable')
})

test('a call under way when the power is cut has no effect', async () => {
  const gates: (() => void)[] = []
  const latency = () => new Promise<void>((resolve) => void gates.push(resolve))
  const storage = new MemoryStorage({ clock, latency })
  const files = memoryFileSystem({ storage, clock, random: seededRandom(1) })
  const writing = files.write('/x', bytes('never'))
  storage.cutPower()
  gates[0]!()
  await expect(writing).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect(storage.paths()).toEqual([])
})

test('a full disk takes what fits, and the durable part stays whole', async () => {
  const { storage, files } = memory()
  storage.quotaBytes = 10
  const file = await files.openFile('/part')
  file.write(bytes('12345678'))
  const persisted = await file.persist()
  file.write(bytes('90abc'))
  await expect(file.persist()).rejects.toMatchObject({ code: 'STORAGE_FULL', kind: 'unavailable' })
  await expect(files.write('/y', bytes('x'))).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  expect(() => file.write(bytes('more'))).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }))
  storage.quotaBytes = 100
  await files.commitFile(await files.recoverFile(persisted))
  expect(utf8(await files.read('/part'))).toBe('12345678')
})

test('a rule fails a call before or after it has had its effect', async () => {
  const { storage, files } = memory()
  storage.faults.failNext('write')
  await expect(files.write('/x', bytes('1'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect(storage.has('/x')).toBe(false)
  const stop = storage.faults.failWhen((call) =>
    call.operation === 'createExclusive' && call.phase === 'after' ? storageFailed('create', call.path) : undefined,
  )
  await expect(files.createExclusive('/x', bytes('1'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect(storage.has('/x')).toBe(true)
  stop()
  expect(await files.createExclusive('/x', bytes('1'))).toBe(false)
})

test('same seed, same names', async () => {
  const names = async () => {
    const { storage, files } = memory()
    await files.openFile('/a/part')
    return storage.paths()
  }
  expect(await names()).toEqual(await names())
})
