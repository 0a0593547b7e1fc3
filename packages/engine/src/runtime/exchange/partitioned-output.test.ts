import { expect, test } from 'vitest'
import type { ChannelReader } from './channel.ts'
import { createLocalChannel } from './local-channel.ts'
import { PartitionedOutput } from './partitioned-output.ts'
import { ALL_CHANNELS, broadcastPartitioner, type Partitioner } from './partitioner.ts'

const modulo = (channels: number): Partitioner => ({ channelFor: (value) => (value as number) % channels })

function outputTo(channels: number, partitioner: Partitioner, batchSize?: number) {
  const ends = Array.from({ length: channels }, () => createLocalChannel({ records: 4, batches: 4 }))
  const output = new PartitionedOutput({
    channels: ends.map((e) => e.writer),
    partitioner,
    ...(batchSize && { batchSize }),
  })
  return { output, readers: ends.map((e) => e.reader) }
}

/** What waits in a channel: `[values@timestamps]` for a batch, else the kind. */
function drain(reader: ChannelReader | undefined): string[] {
  const seen: string[] = []
  for (let element = reader?.poll(); element !== undefined; element = reader?.poll()) {
    if (element.kind !== 'batch') seen.push(element.kind)
    else {
      const { batch } = element
      seen.push(Array.from({ length: batch.length }, (_, i) => `${batch.valueAt(i)}@${batch.timestampAt(i)}`).join(' '))
    }
  }
  return seen
}

test('records wait for a full batch of their channel, or for a flush', () => {
  const { output, readers } = outputTo(2, modulo(2), 2)
  for (const value of [0, 1, 2]) output.emit(value, value * 10)
  expect(output.bufferedSinceFlush).toBe(1)
  expect(drain(readers[0])).toEqual(['0@0 2@20'])
  expect(drain(readers[1])).toEqual([])
  output.flush()
  expect(output.bufferedSinceFlush).toBe(0)
  expect(drain(readers[1])).toEqual(['1@10'])
  output.flush()
  expect(drain(readers[0])).toEqual([])
})

test('a control element goes to every channel behind the records emitted before it (invariant 1)', () => {
  const { output, readers } = outputTo(2, modulo(2))
  output.emit(1, 1)
  output.emitControl({ kind: 'watermark', timestampMs: 1 })
  output.emit(2, 2)
  output.flush()
  expect(drain(readers[0])).toEqual(['watermark', '2@2'])
  expect(drain(readers[1])).toEqual(['1@1', 'watermark'])
})

test('a broadcast record is buffered once and reaches every channel', () => {
  const { output, readers } = outputTo(3, broadcastPartitioner, 2)
  output.emit(7, 1)
  expect(output.bufferedSinceFlush).toBe(1)
  output.emit(8, 2)
  expect(output.bufferedSinceFlush).toBe(0)
  for (const reader of readers) expect(drain(reader)).toEqual(['7@1 8@2'])
})

test('records for one and records for all keep their order in each channel', () => {
  const mixed: Partitioner = { channelFor: (value) => ((value as number) >= 10 ? ALL_CHANNELS : (value as number) % 2) }
  const { output, readers } = outputTo(2, mixed)
  for (const value of [0, 1, 10, 11, 2, 12, 3]) output.emit(value, 0)
  output.flush()
  expect(drain(readers[0]).join(' ')).toBe('0@0 10@0 11@0 2@0 12@0')
  expect(drain(readers[1]).join(' ')).toBe('1@0 10@0 11@0 12@0 3@0')
})

test('one full channel takes the credit of the whole output, and gives it back (invariant 4)', () => {
  const { output, readers } = outputTo(2, modulo(2), 2)
  expect(output.hasCredit()).toBe(true)
  for (const value of [1, 3, 5, 7]) output.emit(value, 0)
  expect(output.hasCredit()).toBe(false)
  drain(readers[1])
  expect(output.hasCredit()).toBe(true)
})
