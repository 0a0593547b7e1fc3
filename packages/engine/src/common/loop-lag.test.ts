import { expect, test } from 'vitest'
import { VirtualTime } from '../testing/virtual-time.ts'
import { LoopLag } from './loop-lag.ts'

test('the worst of the last ten seconds counts, and none follows a stop', async () => {
  const time = new VirtualTime()
  let lateMs = 0
  const late = { now: () => time.now(), monotonicMs: () => time.monotonicMs() + lateMs }
  const lag = new LoopLag(late, time)
  await time.advance(3000)
  expect(lag.worstMs).toBe(0)
  lateMs = 40
  await time.advance(2000)
  expect(lag.worstMs).toBe(40)
  await time.advance(10_000)
  expect(lag.worstMs).toBe(0)
  lag.stop()
  lateMs = 90
  await time.advance(5000)
  expect(lag.worstMs).toBe(0)
})
