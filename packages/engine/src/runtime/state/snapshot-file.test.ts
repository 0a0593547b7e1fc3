import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../../common/crc32.ts'
import { listState, valueState } from '../../spi/state.ts'
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts'
import { readSnapshotFile, type SnapshotContents, SnapshotFileWriter } from './snapshot-file.ts'

function cards(): HeapKeyedStateBackend {
  return new HeapKeyedStateBackend({ operatorId: 'cards', maxParallelism: 256, range: { start: 0, end: 255 } })
}

function someFile() {
  const backend = cards()
  const total = backend.getState(valueState<number>('total'))
  const history = backend.getState(listState<string>('history'))
  for (const key of ['a', 'b', 'é']) {
    backend.setCurrentKey(key)
    total.update(key.length)
    history.addAll([key, `${key}!`])
    backend.timers('event').register(1000, null)
  }
  const sweep = backend.snapshot()
  while (!sweep.step(2)) {}
  const writer = new SnapshotFileWriter()
  writer.addKeyed('cards', backend.schema(), sweep.result())
  writer.addOperator('source', 'splits', [{ shard: 'shard-0', position: 12n }, 'x'])
  writer.addOperator('source', 'empty', [])
  return writer.finish()
}

function readAll(contents: SnapshotContents): unknown[] {
  return contents
    .operatorIds()
    .flatMap((id) => [
      contents.schema(id),
      contents.keyed(id),
      contents.operatorStates(id).map((name) => contents.operator(id, name)),
    ])
}

test('a file gives back what was put into it', () => {
  const { bytes, index } = someFile()
  const contents = readSnapshotFile(bytes)
  expect(contents.index).toEqual(index)
  expect(contents.operatorIds()).toEqual(['cards', 'source'])
  expect(contents.operatorStates('source')).toEqual(['splits', 'empty'])
  expect(contents.operator('source', 'splits')).toEqual([{ shard: 'shard-0', position: 12n }, 'x'])
  expect(contents.operator('source', 'empty')).toEqual([])
  expect(contents.schema('cards')).toEqual({
    maxParallelism: 256,
    states: [
      { name: 'total', kind: 'value', codec: 'dynamic-1' },
      { name: 'history', kind: 'list', codec: 'dynamic-1' },
    ],
    timerQueues: ['event'],
  })
  const backend = cards()
  backend.restore(contents.keyed('cards'))
  backend.setCurrentKey('é')
  expect(backend.getState(listState<string>('history')).get()).toEqual(['é', 'é!'])
  expect(backend.timers('event').size).toBe(3)
})

test('an operator or a list that is not there is empty', () => {
  const contents = readSnapshotFile(someFile().bytes)
  expect(contents.keyed('nobody')).toEqual([])
  expect(contents.keyed('source')).toEqual([])
  expect(contents.schema('source')).toBeUndefined()
  expect(contents.operator('source', 'nothing')).toEqual([])
  expect(contents.operatorStates('cards')).toEqual([])
})

test('an operator without keys keeps its schema', () => {
  const backend = cards()
  backend.getState(valueState<number>('total'))
  const writer = new SnapshotFileWriter()
  writer.addKeyed('cards', backend.schema(), [])
  const contents = readSnapshotFile(writer.finish().bytes)
  expect(contents.keyed('cards')).toEqual([])
  expect(contents.schema('cards')?.states).toHaveLength(1)
})

test('the same state gives the same bytes', () => {
  expect(someFile().bytes).toEqual(someFile().bytes)
})

test('every cut of a file is corrupt', () => {
  const { bytes } = someFile()
  for (let length = 0; length < bytes.length; length++) {
    expect(() => readSnapshotFile(bytes.subarray(0, length))).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT', kind: 'corrupt' }),
    )
  }
})

test('every changed bit of a file is found, with the part and the offset', () => {
  const { bytes } = someFile()
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = new Uint8Array(bytes)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    let found: any
    try {
      readAll(readSnapshotFile(damaged))
    } catch (error) {
      found = error
    }
    expect(found).toMatchObject({ code: 'STATE_CORRUPT', kind: 'corrupt' })
    expect(found.details.part).toEqual(expect.any(String))
    expect(found.details.offset).toEqual(expect.any(Number))
  }
})

test('bytes that are no snapshot file are corrupt', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => readSnapshotFile(bytes)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
    }),
  )
})

test('a damaged key group is named', () => {
  const { bytes, index } = someFile()
  const entry = index.find((each) => each.kind === 'keyed')!
  bytes[entry.offset + 12]! ^= 1
  const contents = readSnapshotFile(bytes)
  expect(contents.operator('source', 'splits')).toHaveLength(2)
  expect(() => contents.keyed('cards')).toThrow(
    `Snapshot file, keyed state of operator 'cards', key group ${(entry as any).keyGroup}: Found a wrong CRC at byte ${entry.offset}.`,
  )
})

test('a file of a later version is refused, saying so', () => {
  const { bytes } = someFile()
  bytes[8] = 2
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(12, crc32(bytes.subarray(0, 12)), true)
  expect(() => readSnapshotFile(bytes)).toThrow(
    expect.objectContaining({ code: 'STATE_FORMAT_UNKNOWN', kind: 'invalid', details: { version: 2, supported: 1 } }),
  )
})

test('an element that cannot be written is named', () => {
  expect(() => new SnapshotFileWriter().addOperator('sink', 'pending', [1, { commit() {} }])).toThrow(
    expect.objectContaining({
      code: 'STATE_VALUE_UNSUPPORTED',
      kind: 'application',
      details: { path: '$.commit', operatorId: 'sink', state: 'pending' },
    }),
  )
})

test('a state is written once', () => {
  const writer = new SnapshotFileWriter()
  writer.addOperator('source', 'splits', [])
  expect(() => writer.addOperator('source', 'splits', [])).toThrow(expect.objectContaining({ kind: 'bug' }))
})
