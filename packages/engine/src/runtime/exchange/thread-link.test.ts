import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_TIMESTAMP, MIN_TIMESTAMP, ObjectBatch } from '../../spi/batch.ts'
import type { ChannelReader } from './channel.ts'
import type { StreamElement } from './element.ts'
import { allocateLink, LinkReceiver, LinkSender } from './thread-link.ts'

const settings = { ringBytes: 1024, creditBytes: 2048, channelIds: [7, 3, 12] }

function linked(overrides: Partial<typeof settings> = {}) {
  const memory = allocateLink({ ...settings, ...overrides })
  const rings = { consumer: 0, producer: 0 }
  return {
    rings,
    sender: new LinkSender(memory, () => rings.consumer++),
    receiver: new LinkReceiver(memory, () => rings.producer++),
  }
}

function batchOf(...values: readonly unknown[]): StreamElement {
  return {
    kind: 'batch',
    batch: new ObjectBatch(
      values,
      values.map((_, i) => i),
    ),
  }
}

/** Comparable form of an element: batches are instances with private fields. */
function plain(element: StreamElement | undefined): unknown {
  if (element?.kind !== 'batch') return element
  const { batch } = element
  return Array.from({ length: batch.length }, (_, i) => [batch.valueAt(i), batch.timestampAt(i)])
}

function drain(reader: ChannelReader): unknown[] {
  const seen: unknown[] = []
  for (let element = reader.poll(); element !== undefined; element = reader.poll()) seen.push(plain(element))
  return seen
}

test('every kind of element arrives as it was', () => {
  const { sender, receiver } = linked()
  const elements: StreamElement[] = [
    batchOf({ a: 1 }, { a: 'x' }, 5),
    { kind: 'watermark', timestampMs: 1_700_000_000_000 },
    { kind: 'watermark', timestampMs: MIN_TIMESTAMP },
    { kind: 'status', idle: true },
    { kind: 'status', idle: false },
    { kind: 'barrier', barrier: { checkpointId: 2 ** 40, kind: 'checkpoint', timestampMs: 5, stop: 'none' } },
    { kind: 'barrier', barrier: { checkpointId: 2, kind: 'savepoint', timestampMs: 6, stop: 'drain' } },
    { kind: 'barrier', barrier: { checkpointId: 3, kind: 'savepoint', timestampMs: 7, stop: 'suspend' } },
    { kind: 'cancel', checkpointId: 9 },
    { kind: 'watermark', timestampMs: MAX_TIMESTAMP },
    { kind: 'end' },
  ]
  const seen: unknown[] = []
  for (const element of elements) {
    sender.channel(3).write(element)
    receiver.pump()
    expect(plain(receiver.channel(3).peek())).toEqual(plain(element))
    seen.push(...drain(receiver.channel(3)))
  }
  expect(seen).toEqual(elements.map(plain))
  expect(receiver.channel(7).poll()).toBeUndefined()
})

test('a frame much larger than the ring arrives, piece by piece', () => {
  const { sender, receiver } = linked()
  const values = Array.from({ length: 500 }, (_, i) => ({ id: `transaction number ${i}` }))
  sender.channel(7).write(batchOf(...values))
  expect(sender.hasQueued()).toBe(true)
  while (sender.hasQueued()) {
    expect(receiver.pump()).toBe(true)
    expect(sender.pump()).toBe(true)
  }
  receiver.pump()
  expect(drain(receiver.channel(7))).toEqual([plain(batchOf(...values))])
})

test('a channel whose reader has stopped runs out of credit and holds up no other (invariant 4)', () => {
  const { sender, receiver } = linked()
  const [stopped, flowing] = [sender.channel(7), sender.channel(12)]
  let written = 0
  while (stopped.hasCredit()) {
    stopped.write(batchOf({ n: written++ }))
    receiver.pump()
    sender.pump()
  }
  expect(written).toBeGreaterThan(5)
  for (let i = 0; i < 1000; i++) {
    expect(flowing.hasCredit()).toBe(true)
    flowing.write(batchOf({ n: i }))
    receiver.pump()
    expect(drain(receiver.channel(12))).toEqual([plain(batchOf({ n: i }))])
  }
  stopped.write({ kind: 'end' })
  receiver.pump()
  expect(drain(receiver.channel(7))).toHaveLength(written + 1)
  expect(stopped.hasCredit()).toBe(true)
})

test('the receiver is rung only when it may be asleep', () => {
  const { sender, receiver, rings } = linked()
  sender.channel(7).write({ kind: 'end' })
  sender.channel(7).write({ kind: 'end' })
  expect(rings.consumer).toBe(1)
  receiver.pump()
  sender.channel(7).write({ kind: 'end' })
  expect(rings.consumer).toBe(2)
})

test('the sender is rung when it waits for credit, once half of it is back', () => {
  const { sender, receiver, rings } = linked()
  const writer = sender.channel(7)
  while (writer.hasCredit()) {
    writer.write(batchOf({ n: 1 }))
    receiver.pump()
  }
  expect(rings.producer).toBe(0)
  const reader = receiver.channel(7)
  reader.poll()
  expect(rings.producer).toBe(0)
  while (reader.poll() !== undefined);
  expect(rings.producer).toBe(1)
  expect(writer.hasCredit()).toBe(true)
})

test('a reader that allows less ends the credit earlier, one that allows more rings a sender that waits', () => {
  const { sender, receiver, rings } = linked()
  const [writer, reader] = [sender.channel(7), receiver.channel(7)]
  const fill = () => {
    let records = 0
    for (; writer.hasCredit(); records++) {
      writer.write(batchOf({ n: 1 }))
      receiver.pump()
    }
    return records
  }
  const all = fill()
  drain(reader)
  const before = rings.producer
  reader.allow(5)
  expect(writer.allowedRecords).toBe(5)
  // By the bytes of an average record: the first ones also carried its shape.
  const few = fill()
  expect([5, 6]).toContain(few)
  reader.poll()
  expect(rings.producer).toBe(before)
  reader.allow(1_000)
  expect(rings.producer).toBe(before + 1)
  expect(few - 1 + fill()).toBeGreaterThanOrEqual(all - 1)
})

test('a record that is no plain data is refused, and the link goes on', () => {
  const { sender, receiver } = linked()
  const writer = sender.channel(7)
  expect(() => writer.write(batchOf({ f: () => 1 }))).toThrow(expect.objectContaining({ code: 'RECORD_NOT_PLAIN' }))
  writer.write(batchOf({ f: 1 }))
  receiver.pump()
  expect(drain(receiver.channel(7))).toEqual([plain(batchOf({ f: 1 }))])
})

test.each([
  { it: 'no power of two', overrides: { ringBytes: 1000 } },
  { it: 'a tiny ring', overrides: { ringBytes: 64 } },
  { it: 'no credit', overrides: { creditBytes: 0 } },
])('$it is refused', ({ overrides }) => {
  expect(() => linked(overrides)).toThrow(expect.objectContaining({ code: 'LINK_SETTINGS_INVALID' }))
})

describe('in any order of pumping, reading and sleeping', () => {
  const anyElement = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .array(fc.record({ id: fc.string({ maxLength: 60 }), n: fc.integer() }), { minLength: 1, maxLength: 30 })
        .map((v) => batchOf(...v)),
    },
    { weight: 1, arbitrary: fc.integer().map((timestampMs): StreamElement => ({ kind: 'watermark', timestampMs })) },
  )
  const anyStep = fc.oneof(
    fc.tuple(fc.constant('write' as const), fc.integer({ min: 0, max: 2 }), anyElement),
    fc.tuple(fc.constant('read' as const), fc.integer({ min: 0, max: 2 })),
    fc.constant(['pump-sender'] as const),
    fc.constant(['pump-receiver'] as const),
  )

  test('each channel delivers what was written, in order (invariant 1)', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120 }), (steps) => {
        const { sender, receiver } = linked()
        const sent: unknown[][] = [[], [], []]
        const seen: unknown[][] = [[], [], []]
        const read = (channel: number): boolean => {
          const element = receiver.channel(settings.channelIds[channel]!).poll()
          if (element !== undefined) seen[channel]!.push(plain(element))
          return element !== undefined
        }
        for (const [what, channel = 0, element] of steps) {
          if (what === 'pump-sender') sender.pump()
          else if (what === 'pump-receiver') receiver.pump()
          else if (what === 'read') read(channel)
          else {
            const writer = sender.channel(settings.channelIds[channel]!)
            if (element!.kind === 'batch' && !writer.hasCredit()) continue
            writer.write(element!)
            sent[channel]!.push(plain(element!))
          }
        }
        for (let progress = true; progress; ) {
          progress = [sender.pump(), receiver.pump(), read(0), read(1), read(2)].some((did) => did)
        }
        expect(seen).toEqual(sent)
        expect(sender.hasQueued()).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('two threads that sleep until they are rung never both sleep for ever', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyElement, { maxLength: 40 }), { minLength: 3, maxLength: 3 }),
        fc.infiniteStream(fc.boolean()),
        (plans, coin) => {
          const memory = allocateLink(settings)
          // Each is awake until it found nothing to do; a ring in between keeps it awake.
          const awake = { producer: true, consumer: true }
          const sender = new LinkSender(memory, () => {
            awake.consumer = true
          })
          const receiver = new LinkReceiver(memory, () => {
            awake.producer = true
          })
          const next = [0, 0, 0]
          const produce = (): boolean => {
            let progress = sender.pump()
            settings.channelIds.forEach((id, c) => {
              const writer = sender.channel(id)
              const element = plans[c]![next[c]!]
              if (element === undefined || !writer.hasCredit()) return
              writer.write(element)
              next[c]!++
              progress = true
            })
            return progress
          }
          const seen: unknown[][] = [[], [], []]
          const consume = (): boolean => {
            let progress = receiver.pump()
            settings.channelIds.forEach((id, c) => {
              const element = receiver.channel(id).poll()
              if (element === undefined) return
              seen[c]!.push(plain(element))
              progress = true
            })
            return progress
          }
          while (awake.producer || awake.consumer) {
            const producerFirst = awake.producer && (!awake.consumer || coin.next().value)
            const who = producerFirst ? 'producer' : 'consumer'
            awake[who] = false
            if (who === 'producer' ? produce() : consume()) awake[who] = true
          }
          expect(seen).toEqual(plans.map((plan) => plan.map(plain)))
        },
      ),
      { numRuns: 300 },
    )
  })
})
