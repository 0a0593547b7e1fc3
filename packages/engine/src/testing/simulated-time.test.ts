import { expect, test } from 'vitest'
import { sleep } from '../common/clock.ts'
import { SimulatedTime } from './simulated-time.ts'

test('within a loop: soon by arrival, timers by due time, ties by arrival', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const time = new SimulatedTime(seed)
    const loop = time.loop('a')
    const soon: string[] = []
    const timers: string[] = []
    loop.after(5, () => timers.push('t5'))
    loop.after(1, () => timers.push('t1'))
    loop.after(5, () => timers.push('t5 again'))
    for (const name of ['s1', 's2', 's3']) loop.soon(() => soon.push(name))
    await time.advance(10)
    expect(soon).toEqual(['s1', 's2', 's3'])
    expect(timers).toEqual(['t1', 't5', 't5 again'])
  }
})

test('between loops the order is chance, and the same for the same seed', async () => {
  const orderOf = async (seed: number): Promise<string> => {
    const time = new SimulatedTime(seed)
    const order: string[] = []
    for (const name of ['a', 'b', 'c']) {
      const loop = time.loop(name)
      for (let i = 0; i < 3; i++) loop.soon(() => order.push(name))
    }
    await time.advance(1)
    return order.join('')
  }
  expect(await orderOf(7)).toBe(await orderOf(7))
  const orders = new Set<string>()
  for (let seed = 0; seed < 20; seed++) orders.add(await orderOf(seed))
  expect(orders.size).toBeGreaterThan(10)
})

test('a cancelled timer doesn’t run; time goes from timer to timer', async () => {
  const time = new SimulatedTime(1)
  const loop = time.loop('a')
  const ran: number[] = []
  const cancelled = loop.after(10, () => ran.push(10))
  loop.after(30, () => ran.push(time.nowMs))
  cancelled.cancel()
  await time.advance(100)
  expect(ran).toEqual([30])
  expect(time.nowMs).toBe(100)
})

test('promises settle before the next event', async () => {
  const time = new SimulatedTime(1)
  const loop = time.loop('a')
  const order: string[] = []
  loop.after(1, async () => {
    order.push('first')
    for (let i = 0; i < 50; i++) await Promise.resolve()
    order.push('its reactions')
  })
  loop.after(1, () => order.push('second'))
  await time.advance(2)
  expect(order).toEqual(['first', 'its reactions', 'second'])
})

test('a paused loop catches up later; a dead one never does', async () => {
  const time = new SimulatedTime(1)
  const loop = time.loop('a')
  const dead = time.loop('b')
  const ran: string[] = []
  loop.after(5, () => ran.push(`a at ${time.nowMs}`))
  dead.after(5, () => ran.push('b'))
  loop.pause()
  dead.kill()
  dead.soon(() => ran.push('b'))
  await time.advance(20)
  expect(ran).toEqual([])
  loop.resume()
  await time.advance(1)
  expect(ran).toEqual(['a at 20'])
})

test('until ends with the promise, and says when nothing is left to do', async () => {
  const time = new SimulatedTime(1)
  const loop = time.loop('a')
  expect(
    await time.until(
      sleep(loop, 50).then(() => 'done'),
      100,
    ),
  ).toBe('done')
  await expect(time.until(new Promise(() => {}), 100)).rejects.toThrow('stands still')
  const tick = (): void => void loop.after(1, tick)
  tick()
  await expect(time.until(new Promise(() => {}), 100)).rejects.toThrow('not done')
})

test('what an event throws is kept: a process would have crashed', async () => {
  const time = new SimulatedTime(1)
  const error = new Error('thrown')
  time.loop('a').soon(() => {
    throw error
  })
  await time.advance(1)
  expect(time.failures).toEqual([error])
})
