import { expect, test } from 'vitest'
import { holdProcess } from '../../common/clock.ts'
import { allocateDoorbells, Doorbell } from './doorbell.ts'

/** Awaits with something that keeps the process alive: a pending wait doesn't. */
async function held(waiting: Promise<void>): Promise<string> {
  const hold = holdProcess()
  try {
    await waiting
    return 'woken'
  } finally {
    hold.cancel()
  }
}

test('a ring between sample and wait is not missed', async () => {
  const bell = new Doorbell(allocateDoorbells(2), 1)
  const seen = bell.sample()
  bell.ring()
  expect(await held(bell.wait(seen, 1_000_000))).toBe('woken')
})

test('a ring during the wait wakes', async () => {
  const memory = allocateDoorbells(2)
  const bell = new Doorbell(memory, 1)
  const waiting = bell.wait(bell.sample(), 1_000_000)
  new Doorbell(memory, 1).ring()
  expect(await held(waiting)).toBe('woken')
})

test('nobody rings: the time ends the wait', async () => {
  const bell = new Doorbell(allocateDoorbells(1), 0)
  expect(await held(bell.wait(bell.sample(), 1))).toBe('woken')
})

test("another thread's bell is another bell", async () => {
  const memory = allocateDoorbells(2)
  const [mine, other] = [new Doorbell(memory, 0), new Doorbell(memory, 1)]
  const seen = mine.sample()
  other.ring()
  expect(mine.sample()).toBe(seen)
  let woken = false
  const waiting = mine.wait(seen, 1_000_000).then(() => {
    woken = true
  })
  await Promise.resolve()
  expect(woken).toBe(false)
  mine.ring()
  await held(waiting)
  expect(woken).toBe(true)
})
