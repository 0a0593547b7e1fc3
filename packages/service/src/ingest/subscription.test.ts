import { silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { expect, test } from 'vitest'
import type { EventStream } from '../wire/event-stream.ts'
import type { Shard } from './shard.ts'
import { Subscription } from './subscription.ts'

/** A shard that nothing comes to. */
function emptyShard(id: string): Shard {
  const log = { tipIndex: 0, onDurable: () => () => {} }
  return { id, log, sequenceNumber: () => '1', millisBehind: () => 0 } as unknown as Shard
}

/** When a subscription sends something, ms of its clock. */
function subscribed(time: VirtualTime, id: string) {
  const sentMs: number[] = []
  const stream = {
    send: () => {
      sentMs.push(time.now())
      return true
    },
    end: () => {},
    onDrain: () => {},
    onClose: () => {},
  } as unknown as EventStream
  const settings = { lifeMs: 300_000, throttling: false }
  const parts = { clock: time, scheduler: time, logger: silentLogger }
  const subscription = new Subscription(stream, emptyShard(id), 0, settings, parts, () => {})
  return { subscription, sentMs }
}

test('silence is broken within five seconds, and at the same instant for all that were opened within a second', async () => {
  const time = new VirtualTime()
  await time.advance(1_000 - (time.now() % 1_000))
  const startMs = time.now()
  await time.advance(120)
  const first = subscribed(time, 'first')
  await time.advance(640)
  const second = subscribed(time, 'second')
  await time.advance(14_500)
  const heartbeats = [5_000, 10_000, 15_000]
  expect(first.sentMs.map((ms) => ms - startMs)).toEqual([120, ...heartbeats])
  expect(second.sentMs.map((ms) => ms - startMs)).toEqual([760, ...heartbeats])
  first.subscription.end()
  second.subscription.end()
  await time.advance(10_000)
  expect(first.sentMs.length + second.sentMs.length).toBe(8)
})
