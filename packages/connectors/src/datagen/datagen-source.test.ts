import { MIN_TIMESTAMP, type Random, seededRandom } from '@millrace/engine/spi'
import { SourceDriver, type SourceSnapshot, VirtualTime } from '@millrace/engine/testing'
import { expect, test } from 'vitest'
import { type DatagenOptions, datagen } from './index.ts'

interface Reading {
  readonly index: number
  readonly value: number
}

const generate = (index: number, random: Random): Reading => ({ index, value: random.int(0, 1_000_000) })

function run(
  time: VirtualTime,
  options: Partial<DatagenOptions<Reading>>,
  parallelism = 2,
  from?: SourceSnapshot<Reading>,
) {
  const around = { clock: time, scheduler: time, random: seededRandom(1) }
  return new SourceDriver(datagen({ generate, ...options }), parallelism, around, from)
}

const indexes = (driver: SourceDriver<Reading>) => driver.emitted.map(({ value }) => value.index).sort((a, b) => a - b)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

async function settled<V>(time: VirtualTime, promise: Promise<V>): Promise<V> {
  let result: { readonly value: V } | undefined
  void promise.then((value) => {
    result = { value }
  })
  await time.advanceUntil(() => result !== undefined, 1000, 1)
  return result!.value
}

test.each([
  [1, undefined, 10],
  [3, undefined, 100],
  [2, 5, 101],
  [4, 2, 3],
  [2, 2, 0],
])('at parallelism %i with %s splits makes each of %i records once and ends', async (parallelism, splits, count) => {
  const time = new VirtualTime()
  const driver = run(time, { count, ...(splits === undefined ? {} : { splits }) }, parallelism)
  await time.advanceUntil(() => driver.ended, 1000, 1)
  expect(indexes(driver)).toEqual(upTo(count))
  expect(driver.notes.filter(({ kind }) => kind === 'release').length).toBe(splits ?? parallelism)
  for (let i = 0; i < (splits ?? parallelism); i++) {
    const own = driver.emitted.filter(({ splitId }) => splitId === `split-${i}`).map(({ value }) => value.index)
    expect(own).toEqual(upTo(count).filter((index) => index % (splits ?? parallelism) === i))
  }
  await driver.close()
})

test('a record depends on seed and index alone', async () => {
  const time = new VirtualTime()
  const values = async (options: Partial<DatagenOptions<Reading>>, parallelism: number) => {
    const driver = run(time, { count: 500, ...options }, parallelism)
    await time.advanceUntil(() => driver.ended, 1000, 1)
    await driver.close()
    return driver.emitted.map(({ value }) => value).sort((a, b) => a.index - b.index)
  }
  const once = await values({ seed: 4 }, 1)
  expect(await values({ seed: 4, splits: 7 }, 3)).toEqual(once)
  expect(await values({ seed: 5 }, 1)).not.toEqual(once)
  expect(new Set(once.map(({ value }) => value)).size).toBeGreaterThan(490)
})

test('the rate holds over all subtasks, and from the start of an attempt', async () => {
  const time = new VirtualTime()
  const driver = run(time, { recordsPerSecond: 250, splits: 5 })
  await time.advance(4000)
  expect(Math.abs(driver.emitted.length - 1000)).toBeLessThanOrEqual(10)
  const snapshot = await settled(time, driver.snapshot())
  await driver.close()
  await time.advance(60_000)
  const next = run(time, { recordsPerSecond: 250, splits: 5 }, 2, snapshot)
  const before = next.emitted.length
  await time.advance(2000)
  expect(Math.abs(next.emitted.length - before - 500)).toBeLessThanOrEqual(10)
  await next.close()
})

test('held back, it makes up for one second at most', async () => {
  const time = new VirtualTime()
  const driver = run(time, { recordsPerSecond: 100 })
  await time.advance(1000)
  driver.pause()
  await time.advance(10_000)
  const before = driver.emitted.length
  driver.resume()
  await time.advance(0)
  expect(Math.abs(driver.emitted.length - before - 100)).toBeLessThanOrEqual(4)
  await driver.close()
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])('goes on from snapshots at any moment and parallelism, seed %i', async (seed) => {
  const time = new VirtualTime()
  const random = seededRandom(seed)
  const options = { count: 3000, recordsPerSecond: 2000, splits: random.int(1, 6) }
  let snapshot: SourceSnapshot<Reading> | undefined
  for (let attempt = 0; attempt < 5; attempt++) {
    const driver = run(time, options, random.int(1, 4), snapshot)
    if (random.next() < 0.8) await time.advance(random.int(0, 400))
    snapshot = await settled(time, driver.snapshot())
    // What comes after the snapshot is made again by the next attempt.
    await time.advance(random.int(0, 300))
    await driver.close()
  }
  const last = run(time, options, random.int(1, 4), snapshot)
  await time.advanceUntil(() => last.ended, 10_000)
  expect(indexes(last)).toEqual(upTo(3000))
  await last.close()
})

test('event time is what timestampOf says, else none', async () => {
  const time = new VirtualTime()
  const timed = run(time, { count: 3, timestampOf: ({ index }) => 1000 + index }, 1)
  const untimed = run(time, { count: 3 }, 1)
  await time.advanceUntil(() => timed.ended && untimed.ended, 1000, 1)
  expect(timed.emitted.map(({ timestampMs }) => timestampMs)).toEqual([1000, 1001, 1002])
  expect(untimed.emitted.map(({ timestampMs }) => timestampMs)).toEqual([MIN_TIMESTAMP, MIN_TIMESTAMP, MIN_TIMESTAMP])
  await Promise.all([timed.close(), untimed.close()])
})

test('what generate throws fails the job', async () => {
  const time = new VirtualTime()
  const driver = run(time, {
    generate: (index) => {
      if (index === 3) throw new Error('no third')
      return { index, value: 0 }
    },
  })
  await time.advance(10)
  expect(driver.failure).toMatchObject({ message: 'no third' })
  await driver.close()
})

test.each<[string, object, string]>([
  ['a rate of 0', { recordsPerSecond: 0 }, "option 'recordsPerSecond' must be a number above 0"],
  ['half a record', { count: 0.5 }, "option 'count' must be a whole number of at least 0"],
  ['an unknown option', { rate: 5 }, "has no option 'rate'"],
])('%s is refused when the application is built', (_it, options, message) => {
  expect(() => datagen({ generate, ...options } as never)).toThrow(message)
})

test('says whether it ends', () => {
  expect(datagen({ generate }).boundedness).toBe('unbounded')
  expect(datagen({ generate, count: 1 }).boundedness).toBe('bounded')
})
