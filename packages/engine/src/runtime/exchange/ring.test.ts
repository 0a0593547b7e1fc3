import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mapRing, RingReader, RingWriter, ringMemoryBytes } from './ring.ts'

function ringOf(dataBytes: number) {
  const ring = mapRing(new SharedArrayBuffer(ringMemoryBytes(dataBytes)), 0, dataBytes)
  return { ring, writer: new RingWriter(ring), reader: new RingReader(ring) }
}

function message(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 0xff)
}

function drain(reader: RingReader): Uint8Array[] {
  const messages: Uint8Array[] = []
  reader.drain((m) => messages.push(m))
  return messages
}

test('messages come out whole and in order, however often the ring wraps', () => {
  const { writer, reader } = ringOf(256)
  for (let i = 0; i < 500; i++) {
    const sent = message(1 + (i % 50), i)
    expect(writer.offer(sent)).toBe(sent.length)
    expect(drain(reader)).toEqual([sent])
  }
})

test('a message larger than the ring goes through in pieces', () => {
  const { writer, reader } = ringOf(64)
  const sent = message(1000, 7)
  const came: Uint8Array[] = []
  let done = 0
  for (let rounds = 0; done < sent.length && rounds < 1000; rounds++) {
    const next = writer.offer(sent, done)
    expect(next).toBeGreaterThan(done)
    done = next
    came.push(...drain(reader))
  }
  expect(came).toEqual([sent])
})

test('a full ring takes nothing more, and again something once it was read', () => {
  const { writer, reader } = ringOf(64)
  const sent = message(8, 1)
  let count = 0
  while (writer.offer(sent) === sent.length) count++
  expect(count).toBe(4)
  expect(drain(reader)).toHaveLength(4)
  expect(writer.offer(sent)).toBe(sent.length)
})

test('the writer knows when the reader may be asleep: it had read all that was there', () => {
  const { writer, reader } = ringOf(256)
  const sent = message(8, 1)
  writer.offer(sent)
  expect(writer.takeReaderWaits()).toBe(true)
  expect(writer.takeReaderWaits()).toBe(false)
  writer.offer(sent)
  expect(writer.takeReaderWaits()).toBe(false)
  drain(reader)
  writer.offer(sent)
  expect(writer.takeReaderWaits()).toBe(true)
})

test('positions wrap at 2^32 bytes', () => {
  const { ring } = ringOf(64)
  // Both ends begin near the end of the counter, as after four gigabytes.
  const start = -80
  ring.positions[0] = start
  ring.positions[16] = start
  const late = { writer: new RingWriter(ring, start), reader: new RingReader(ring, start) }
  for (let i = 0; i < 50; i++) {
    const sent = message(8, i)
    expect(late.writer.offer(sent)).toBe(8)
    expect(drain(late.reader)).toEqual([sent])
  }
  expect(ring.positions[0]).toBe(start + 50 * 16)
})

test('any messages through any small ring, read now and then', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(64, 128, 512),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.boolean()), { maxLength: 60 }),
      (dataBytes, plan) => {
        const { writer, reader } = ringOf(dataBytes)
        const sent = plan.map(([size], i) => message(size, i))
        const came: Uint8Array[] = []
        plan.forEach(([, readFirst], i) => {
          if (readFirst) came.push(...drain(reader))
          const next = sent[i] as Uint8Array
          for (let done = writer.offer(next); done < next.length; done = writer.offer(next, done)) {
            came.push(...drain(reader))
          }
        })
        came.push(...drain(reader))
        expect(came).toEqual(sent)
      },
    ),
  )
})
