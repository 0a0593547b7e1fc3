import {
  createMetricGroup,
  ObjectBatch,
  type SinkWriter,
  type SubtaskContext,
  seededRandom,
  silentLogger,
} from '@millrace/engine/spi'
import { MemoryStorage, memoryFileSystem, VirtualTime } from '@millrace/engine/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import { eventTimeBuckets } from './bucket-assigner.ts'
import { files } from './files-sink.ts'
import type { FilesOptions } from './options.ts'
import type { FilesCommittable, FilesWriterState } from './writer-state.ts'

type Writer = SinkWriter<string, FilesWriterState, FilesCommittable>
const text = { encode: (value: string) => new TextEncoder().encode(value) }

let time: VirtualTime
let storage: MemoryStorage
let context: SubtaskContext

beforeEach(() => {
  time = new VirtualTime()
  storage = new MemoryStorage({ clock: time })
  const random = seededRandom(11)
  const fileSystem = memoryFileSystem({ storage, clock: time, random })
  context = {
    applicationName: 'test',
    operatorId: 'sink',
    operatorName: 'sink',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 256,
    attempt: 1,
    clock: time,
    scheduler: time,
    random,
    logger: silentLogger,
    metrics: createMetricGroup(),
    fileSystem: () => fileSystem,
  }
})

const sinkOf = (options: Partial<FilesOptions<string>> = {}) =>
  files<string>({ path: '/out', format: text, ...options })

async function open(options: Partial<FilesOptions<string>> = {}, restored: readonly FilesWriterState[] = []) {
  const writer: Writer = sinkOf(options).createWriter(context, restored)
  let wakes = 0
  await writer.open(() => {
    wakes++
  })
  return { writer, wakes: () => wakes }
}

function write(writer: Writer, values: readonly string[], timestampMs = 0): void {
  writer.write(
    new ObjectBatch(
      values,
      values.map(() => timestampMs),
    ),
  )
}

async function contentsAfter(writer: Writer, reason: 'checkpoint' | 'savepoint' = 'savepoint'): Promise<string[]> {
  const { committables } = await writer.snapshot(1, reason)
  await sinkOf().createCommitter?.(context).commit(committables)
  const visible = storage.paths().filter((path) => !path.includes('/.'))
  return visible.map((path) => new TextDecoder().decode(storage.read(path)))
}

describe('a part is closed', () => {
  test('before the record that comes after its size is reached', async () => {
    const { writer } = await open({ rolling: { sizeBytes: 6 } })
    write(writer, ['aa', 'bb', 'cc', 'dddddddd', 'e'])
    expect(await contentsAfter(writer)).toEqual(['aa\nbb\n', 'cc\ndddddddd\n', 'e\n'])
  })

  test('when it has been open long enough, also without a checkpoint', async () => {
    const { writer } = await open({ rolling: { openMs: 10_000, idleMs: 8_000 } })
    write(writer, ['a'])
    await time.advance(6_000)
    write(writer, ['b'])
    await time.advance(6_000)
    write(writer, ['c'])
    expect(await contentsAfter(writer, 'checkpoint')).toEqual(['a\nb\n'])
  })

  test('when no record has come for long enough', async () => {
    const { writer } = await open({ rolling: { idleMs: 1_000 } })
    write(writer, ['a'])
    await time.advance(1_300)
    write(writer, ['b'])
    expect(await contentsAfter(writer, 'checkpoint')).toEqual(['a\n'])
  })

  test('when the watermark passes its bucket’s end; a late record’s part waits until it is idle', async () => {
    const { writer } = await open({ bucket: eventTimeBuckets({ sizeMs: 1_000, pattern: 'ss' }) })
    write(writer, ['zero'], 500)
    write(writer, ['one'], 1_500)
    writer.advanceWatermark?.(998)
    expect(await contentsAfter(writer, 'checkpoint')).toEqual([])
    writer.advanceWatermark?.(999)
    expect(await contentsAfter(writer, 'checkpoint')).toEqual(['zero\n'])
    write(writer, ['late'], 500)
    writer.advanceWatermark?.(1_500)
    expect(await contentsAfter(writer, 'checkpoint')).toEqual(['zero\n'])
    await time.advance(80_000)
    expect(await contentsAfter(writer, 'checkpoint')).toEqual(['zero\n', 'late\n', 'one\n'])
  })

  test('when another bucket needs its place: the least recently written', async () => {
    const { writer } = await open({ bucket: (value) => value.slice(0, 1), maxOpenParts: 2 })
    for (const value of ['a1', 'b1', 'a2', 'c1']) {
      write(writer, [value])
      await time.advance(1)
    }
    expect(await contentsAfter(writer, 'checkpoint')).toEqual(['b1\n'])
    expect(context.metrics.collect()['openParts']).toBe(2)
  })
})

test('parts are named by prefix, a uuid of the writer, a counter and suffix, below their bucket', async () => {
  const { writer } = await open({ bucket: () => 'day=1/hour=2', partPrefix: 'p', partSuffix: '.txt' })
  write(writer, ['x'])
  await contentsAfter(writer)
  expect(storage.paths()).toEqual([expect.stringMatching(/^\/out\/day=1\/hour=2\/p-[0-9a-f-]{36}-0\.txt$/)])
})

test('pauses at the bound of bytes in memory and wakes when they are gone', async () => {
  const { writer, wakes } = await open({ maxBufferedBytes: 200_000 })
  write(writer, ['x'.repeat(300_000)])
  expect(writer.isWritable()).toBe(false)
  expect(wakes()).toBe(0)
  await time.advance(20)
  expect(wakes()).toBe(1)
  expect(writer.isWritable()).toBe(true)
})

test('a failed background write wakes a paused writer and is thrown by the next call', async () => {
  const { writer, wakes } = await open({ maxBufferedBytes: 200_000 })
  write(writer, ['a'])
  await time.advance(0)
  storage.quotaBytes = 100
  write(writer, ['x'.repeat(300_000)])
  expect(writer.isWritable()).toBe(false)
  await time.advance(20)
  expect(wakes()).toBeGreaterThan(0)
  expect(() => write(writer, ['y'])).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }))
  await writer.close()
})

test('closing after a failure keeps what a snapshot names and removes the rest', async () => {
  const { writer } = await open({ bucket: (value) => value })
  write(writer, ['named'])
  const { writerStates } = await writer.snapshot(1, 'checkpoint')
  write(writer, ['not-named'])
  await writer.close()
  expect(storage.paths()).toEqual([expect.stringMatching(/^\/out\/named\/\./)])
  const { writer: next } = await open({}, writerStates)
  expect(await contentsAfter(next)).toEqual(['named\n'])
})

describe('what crashed writers left', () => {
  const bucket = (value: string) => value.slice(0, 1)

  test('is removed when it is an hour old: parts opened after the restored snapshot, and nothing else', async () => {
    const { writer: crashed } = await open({ bucket })
    const { writer: neighbour } = await open({ bucket })
    write(crashed, ['a'])
    write(neighbour, ['a'])
    const { writerStates } = await crashed.snapshot(1, 'checkpoint')
    const { writerStates: neighbours } = await neighbour.snapshot(1, 'checkpoint')
    write(crashed, ['b', 'c'])
    await time.advance(10)
    const left = storage.paths().filter((path) => /^\/out\/[bc]/.test(path))
    expect(left.length).toBe(2)

    const { writer } = await open({ bucket }, writerStates)
    await time.advance(10)
    expect(storage.paths()).toEqual(expect.arrayContaining(left))
    const later = await writer.snapshot(2, 'checkpoint')
    expect(later.writerStates[0]?.earlier.length).toBe(1)

    await time.advance(3_700_000)
    for (const path of left) expect(storage.has(path)).toBe(false)
    const swept = await writer.snapshot(3, 'checkpoint')
    expect(swept.writerStates).toEqual([])
    // Another subtask's state may be restored much later than this one's.
    const { writer: late } = await open({ bucket }, neighbours)
    expect((await late.snapshot(4, 'savepoint')).committables.length).toBe(1)
  })

  test('is removed by a commit when it is a copy of a part that was restored again', async () => {
    const { writer: crashed } = await open()
    write(crashed, ['a'])
    const { writerStates } = await crashed.snapshot(1, 'checkpoint')
    for (let i = 0; i < 4; i++) await open({}, writerStates)
    const { writer } = await open({}, writerStates)
    await time.advance(10)
    // Any of the copies may be one of a newer attempt that this one doesn't know of.
    expect(storage.paths().length).toBe(6)
    expect(await contentsAfter(writer)).toEqual(['a\n'])
    expect(storage.paths().length).toBe(1)
  })
})

test.each([
  [{ path: '' }, /path/],
  [{ format: {} }, /format.*encode/],
  [{ bucket: 'x' }, /bucket/],
  [{ rolling: { sizeBytes: 0 } }, /sizeBytes/],
  [{ rolling: { sizeByte: 1 } }, /sizeBytes/],
  [{ partPrefix: 'a/b' }, /partPrefix/],
  [{ maxOpenPart: 1 }, /maxOpenParts/],
])('refuses options %o', (options, message) => {
  const make = () => sinkOf(options as Partial<FilesOptions<string>>)
  expect(make).toThrow(expect.objectContaining({ kind: 'invalid' }))
  try {
    make()
  } catch (error) {
    const { message: text_, hint } = error as { message: string; hint?: string }
    expect(`${text_} ${hint}`).toMatch(message)
  }
})

test.each(['../up', '.hidden', 'a/_hidden', '/absolute', 'a//b', 'end/'])('refuses bucket %s', async (bucket) => {
  const { writer } = await open({ bucket: () => bucket })
  expect(() => write(writer, ['x'])).toThrow(expect.objectContaining({ code: 'BUCKET_INVALID' }))
})
