import { expect, test } from 'vitest'
import { ObjectBatch } from '../../spi/batch.ts'
import type { StreamElement } from './element.ts'
import { ElementQueue } from './element-queue.ts'
import { createLocalChannel } from './local-channel.ts'

function batchOf(...values: readonly number[]): StreamElement {
  return {
    kind: 'batch',
    batch: new ObjectBatch(
      values,
      values.map(() => 0),
    ),
  }
}

test('a queue keeps its order while it grows and wraps around', () => {
  const queue = new ElementQueue<number>(2)
  const expected: number[] = []
  const taken: number[] = []
  for (let i = 0; i < 1000; i++) {
    queue.push(i)
    expected.push(i)
    if (i % 3 === 0) taken.push(queue.poll() as number)
  }
  expect(queue.length).toBe(1000 - 334)
  expect(queue.peek()).toBe(334)
  while (queue.length > 0) taken.push(queue.poll() as number)
  expect(taken).toEqual(expected)
  expect(queue.poll()).toBeUndefined()
  expect(queue.peek()).toBeUndefined()
})

test('a channel hands elements over in order', () => {
  const { writer, reader } = createLocalChannel()
  const elements: StreamElement[] = [batchOf(1), { kind: 'watermark', timestampMs: 5 }, batchOf(2), { kind: 'end' }]
  for (const element of elements) writer.write(element)
  expect(reader.peek()).toBe(elements[0])
  expect(elements.map(() => reader.poll())).toEqual(elements)
  expect(reader.poll()).toBeUndefined()
})

test.each([
  { it: 'records', limits: { records: 4, batches: 100 }, until: 2 },
  { it: 'batches', limits: { records: 100, batches: 3 }, until: 3 },
])(
  'credit ends with the limit of $it, and comes back when the reader takes a batch (invariant 4)',
  ({ limits, until }) => {
    let credits = 0
    const { writer, reader } = createLocalChannel({ ...limits, onCredit: () => credits++ })
    for (let i = 0; i < until; i++) {
      expect(writer.hasCredit()).toBe(true)
      writer.write(batchOf(1, 2))
    }
    expect(writer.hasCredit()).toBe(false)
    reader.peek()
    expect(writer.hasCredit()).toBe(false)
    expect(credits).toBe(0)
    reader.poll()
    expect(writer.hasCredit()).toBe(true)
    expect(credits).toBe(1)
    reader.poll()
    expect(credits).toBe(1)
  },
)

test('control elements need no credit and take none', () => {
  const { writer } = createLocalChannel({ records: 1, batches: 1 })
  for (let i = 0; i < 100; i++) writer.write({ kind: 'watermark', timestampMs: i })
  expect(writer.hasCredit()).toBe(true)
})

test('the reader is told of every element', () => {
  let calls = 0
  const { writer } = createLocalChannel({ onData: () => calls++ })
  writer.write(batchOf(1))
  writer.write({ kind: 'end' })
  expect(calls).toBe(2)
})

test('a reader that allows less ends the credit earlier, one that allows more gives it back', () => {
  let credits = 0
  const { writer, reader } = createLocalChannel({ records: 10, onCredit: () => credits++ })
  reader.allow(2)
  writer.write(batchOf(1, 2))
  expect([writer.hasCredit(), writer.allowedRecords]).toEqual([false, 2])
  reader.allow(1_000)
  expect([writer.hasCredit(), writer.allowedRecords, credits]).toEqual([true, 10, 1])
})
