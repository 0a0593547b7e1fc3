import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@millrace/engine/spi'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { frameSize, type LogEntry } from './frame.ts'
import { diskFiles, type LogFile, type LogFiles } from './log-files.ts'
import { segmentHeaderBytes } from './segment.ts'
import { ShardLog } from './shard-log.ts'

let directory: string
let nowMs: number
const clock = { now: () => nowMs, monotonicMs: () => nowMs }
const everything = { maxRecords: 1_000_000, maxBytes: Number.MAX_SAFE_INTEGER }

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-log-'))
  nowMs = 1_800_000_000_000
})

afterEach(() => rm(directory, { recursive: true }))

function open(settings: { segmentBytes?: number; tailCacheBytes?: number } = {}, files: LogFiles = diskFiles) {
  const { segmentBytes = 1 << 20, tailCacheBytes = 1 << 20 } = settings
  return ShardLog.open(
    directory,
    { shardNumber: 3, segmentBytes, tailCacheBytes },
    { files, clock, logger: silentLogger },
  )
}

function record(text: string): LogEntry {
  return { partitionKey: `key-${text}`, data: Buffer.from(text) }
}

async function texts(log: ShardLog, from = log.trimIndex): Promise<string[]> {
  return (await log.read(from, everything)).map(({ data }) => data.toString())
}

async function logFile(): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.log'))
  return join(directory, names.at(-1)!)
}

test('records come back in order, from memory and from disk, before and after a restart', async () => {
  for (const tailCacheBytes of [0, 300, 1 << 20]) {
    const log = await open({ segmentBytes: 2_000, tailCacheBytes })
    const before = (await texts(log)).length
    const appends = Array.from({ length: 200 }, (_, i) => log.append([record(`a${i}`), record(`b${i}`)]))
    const results = await Promise.all(appends)
    const expected = results.flatMap((_, i) => [`a${i}`, `b${i}`])
    expect((await texts(log)).slice(before)).toEqual(expected)
    const seventh = results[7]!.firstIndex
    expect(await texts(log, seventh + 1)).toEqual(expected.slice(15))
    expect(await texts(log, results.at(-1)!.firstIndex + 1)).toEqual(['b199'])
    expect(await texts(log, log.tipIndex)).toEqual([])
    await log.close()
    const again = await open({ segmentBytes: 2_000, tailCacheBytes })
    expect((await texts(again)).slice(before)).toEqual(expected)
    expect(again.tipIndex).toBeGreaterThan(results.at(-1)!.firstIndex + 1)
    await again.close()
  }
})

test('a reader that goes on batch by batch sees every record once', async () => {
  const log = await open({ segmentBytes: 5_000, tailCacheBytes: 0 })
  for (let i = 0; i < 30; i++) await log.append(Array.from({ length: 10 }, (_, k) => record(`${i * 10 + k}`)))
  const seen: string[] = []
  for (let position = log.trimIndex; position < log.tipIndex; ) {
    const batch = await log.read(position, { maxRecords: 7, maxBytes: 200 })
    seen.push(...batch.map(({ data }) => data.toString()))
    position = batch.at(-1)!.index + 1
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => String(i)))
  await log.close()
})

test('one record larger than every limit still comes', async () => {
  const log = await open({ tailCacheBytes: 0 })
  await log.append([{ partitionKey: 'k', data: Buffer.alloc(700_000, 'x') }, record('y')])
  expect(await log.read(log.trimIndex, { maxRecords: 10, maxBytes: 1 })).toHaveLength(1)
  expect((await texts(log)).map((text) => text.length)).toEqual([700_000, 1])
  await log.close()
})

test('the first record since a time is found in every segment, and arrival times never go back', async () => {
  const log = await open({ segmentBytes: 1_500, tailCacheBytes: 0 })
  const startMs = nowMs
  const indexes: number[] = []
  for (let i = 0; i < 100; i++) {
    nowMs = startMs + i * 10
    indexes.push((await log.append([record(`${i}`)])).firstIndex)
  }
  for (const i of [0, 1, 42, 99]) {
    expect(await log.indexAtTime(startMs + i * 10)).toBe(indexes[i])
    expect(await log.indexAtTime(startMs + i * 10 - 3)).toBe(indexes[i])
  }
  expect(await log.indexAtTime(nowMs + 1)).toBe(log.tipIndex)
  nowMs = startMs
  expect((await log.append([record('clock went back')])).arrivalMs).toBe(startMs + 990)
  await log.close()
})

test('retention removes whole segments, at last all of them, and indexes go on', async () => {
  const log = await open({ segmentBytes: 1_000, tailCacheBytes: 0 })
  const startMs = nowMs
  for (let i = 0; i < 100; i++) {
    nowMs = startMs + i
    await log.append([record(`${i}`)])
  }
  expect(await log.trim(startMs + 50)).toBeGreaterThan(0)
  const kept = await texts(log)
  expect(kept.at(-1)).toBe('99')
  expect(Number(kept[0])).toBeLessThanOrEqual(50)
  expect(Number(kept[0])).toBeGreaterThan(10)
  await log.trim(startMs + 100)
  expect(await texts(log)).toEqual([])
  expect(await texts(log, 1)).toEqual([])
  const { firstIndex } = await log.append([record('next')])
  expect(firstIndex).toBe(101)
  await log.close()
  const again = await open({ segmentBytes: 1_000 })
  expect(await texts(again)).toEqual(['next'])
  await again.close()
})

describe('recovery', () => {
  /** A log of `batches`, closed; answers with the end offset of each record and the highest index. */
  async function written(batches: string[][]): Promise<{ ends: number[]; all: string[]; lastIndex: number }> {
    const log = await open()
    let lastIndex = 0
    const ends: number[] = []
    let offset = segmentHeaderBytes
    for (const batch of batches) {
      const entries = batch.map(record)
      lastIndex = (await log.append(entries)).firstIndex + entries.length - 1
      for (const entry of entries) {
        offset += frameSize(entry)
        ends.push(offset)
      }
    }
    await log.close()
    return { ends, all: batches.flat(), lastIndex }
  }

  test('a log cut at any byte keeps every whole record before the cut, and goes on above all it ever held', async () => {
    const { ends, all, lastIndex } = await written([['first'], ['second', 'third'], ['fourth']])
    const path = await logFile()
    const bytes = await readFile(path)
    for (let cut = 0; cut <= bytes.length; cut++) {
      await rm(directory, { recursive: true })
      await diskFiles.makeDirectory(directory)
      await writeFile(path, bytes.subarray(0, cut))
      const log = await open()
      const whole = ends.filter((end) => end <= cut).length
      expect(await texts(log)).toEqual(all.slice(0, whole))
      expect(log.tipIndex).toBeGreaterThan(cut < segmentHeaderBytes ? 0 : lastIndex)
      const { firstIndex } = await log.append([record('after')])
      expect(firstIndex).toBeGreaterThanOrEqual(log.tipIndex - 1)
      await log.close()
      const again = await open()
      expect(await texts(again)).toEqual([...all.slice(0, whole), 'after'])
      await again.close()
    }
  })

  test('a flipped bit cuts the log before the record it is in, never inside or behind', async () => {
    const { ends, all } = await written([['alpha', 'beta'], ['gamma'], ['delta', 'epsilon']])
    const path = await logFile()
    const bytes = await readFile(path)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: segmentHeaderBytes, max: bytes.length - 1 }), fc.nat(7), async (at, bit) => {
        await rm(directory, { recursive: true })
        await diskFiles.makeDirectory(directory)
        const damaged = Buffer.from(bytes)
        damaged[at]! ^= 1 << bit
        await writeFile(path, damaged)
        const log = await open()
        const before = ends.filter((end) => end <= at).length
        expect(await texts(log)).toEqual(all.slice(0, before))
        await log.close()
        // What is cut and still holds readable records is kept for whoever wants to save them.
        const copies = (await readdir(directory)).filter((name) => name.endsWith('.cut'))
        expect(copies.length).toBe(before < all.length - 1 ? 1 : 0)
      }),
      { numRuns: 150 },
    )
  })

  test('damage in the middle of an older segment is an error for its reader, not silence', async () => {
    const log = await open({ segmentBytes: 500, tailCacheBytes: 0 })
    for (let i = 0; i < 40; i++) await log.append([record(`${i}`)])
    const [first] = (await readdir(directory)).sort()
    const bytes = await readFile(join(directory, first!))
    bytes[100]! ^= 1
    await writeFile(join(directory, first!), bytes)
    await expect(texts(log)).rejects.toMatchObject({ code: 'LOG_RECORD_CORRUPT', kind: 'corrupt' })
    await log.close()
  })

  test("a last segment whose header didn't get to the disk is dropped; an older one is an error", async () => {
    const log = await open({ segmentBytes: 200, tailCacheBytes: 0 })
    for (let i = 0; i < 9; i++) await log.append([record(`${i}`)])
    await log.close()
    const names = (await readdir(directory)).filter((name) => name.endsWith('.log')).sort()
    await writeFile(join(directory, 'ffffffff.log'.padStart(20, '0')), Buffer.alloc(10))
    const again = await open({ segmentBytes: 200 })
    expect(await texts(again)).toEqual(Array.from({ length: 9 }, (_, i) => String(i)))
    expect(again.tipIndex).toBeGreaterThan(0xffffffff)
    await again.close()
    await writeFile(join(directory, names[0]!), Buffer.alloc(100))
    await expect(open()).rejects.toMatchObject({ code: 'LOG_SEGMENT_CORRUPT' })
  })
})

describe('a disk that fails', () => {
  /** Fails the `at`-th call that changes something, once. */
  function failing(at: number): { files: LogFiles; calls: () => number } {
    let calls = 0
    const maybeFail = () => {
      if (calls++ === at) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    }
    const wrap = (file: LogFile): LogFile => ({
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      write: async (buffers, position) => {
        const first = buffers[0]!
        // Half of it is written before the disk is full.
        if (calls === at) await file.write([first.subarray(0, first.length >> 1)], position)
        maybeFail()
        await file.write(buffers, position)
      },
      sync: async () => {
        maybeFail()
        await file.sync()
      },
      truncate: async (size) => {
        maybeFail()
        await file.truncate(size)
      },
      close: () => file.close(),
    })
    const files: LogFiles = {
      ...diskFiles,
      open: async (path, mode) => {
        if (mode === 'create') maybeFail()
        return wrap(await diskFiles.open(path, mode))
      },
      syncDirectory: async (path) => {
        maybeFail()
        await diskFiles.syncDirectory(path)
      },
    }
    return { files, calls: () => calls }
  }

  test('at any call, what was acknowledged is read back once and in order, and what was refused is not', async () => {
    let tested = 0
    for (let at = 0; ; at++) {
      await rm(directory, { recursive: true })
      await diskFiles.makeDirectory(directory)
      const { files, calls } = failing(at)
      const acknowledged: string[] = []
      let opened: ShardLog | undefined
      try {
        opened = await open({ segmentBytes: 150 }, files)
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' })
      }
      for (let i = 0; i < 8 && opened !== undefined; i++) {
        try {
          await opened.append([record(`${i}`)])
          acknowledged.push(String(i))
        } catch (error) {
          expect(error).toMatchObject({ code: 'LOG_APPEND_FAILED', kind: 'unavailable' })
        }
        expect(await texts(opened)).toEqual(acknowledged)
      }
      await opened?.close()
      const again = await open()
      expect(await texts(again)).toEqual(acknowledged)
      await again.append([record('after')])
      expect(await texts(again)).toEqual([...acknowledged, 'after'])
      await again.close()
      if (calls() <= at) break
      if (opened !== undefined) expect(acknowledged.length).toBeGreaterThanOrEqual(7)
      tested++
    }
    expect(tested).toBeGreaterThan(20)
  })
})
