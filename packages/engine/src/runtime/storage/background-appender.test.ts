import { expect, test } from 'vitest'
import { BackgroundAppender } from './background-appender.ts'

const chunk = (length: number) => new Uint8Array(length)

test('writes of one turn go out together, later ones after them', async () => {
  const calls: number[][] = []
  const appender = new BackgroundAppender(async (chunks) => void calls.push(chunks.map((c) => c.length)))
  appender.write(chunk(1))
  appender.write(chunk(0))
  appender.write(chunk(2))
  await appender.appended(3)
  appender.write(chunk(3))
  expect(appender.bufferedBytes).toBe(3)
  await appender.appended(6)
  expect(calls).toEqual([[1, 2], [3]])
  expect(appender.bufferedBytes).toBe(0)
})

test('waiting for a length doesn’t wait for what is written later', async () => {
  const gates: (() => void)[] = []
  const appender = new BackgroundAppender(() => new Promise((resolve) => void gates.push(resolve)))
  appender.write(chunk(5))
  const waiting = appender.appended(5)
  await Promise.resolve()
  await Promise.resolve()
  appender.write(chunk(5))
  gates[0]!()
  await waiting
  expect(appender.bufferedBytes).toBe(5)
})

test('a failure is thrown by every later call, and nothing more is appended', async () => {
  let calls = 0
  const appender = new BackgroundAppender(async () => {
    calls++
    throw new Error('disk gone')
  })
  appender.write(chunk(1))
  await expect(appender.appended(1)).rejects.toThrow('disk gone')
  expect(() => appender.write(chunk(1))).toThrow('disk gone')
  await expect(appender.appended(1)).rejects.toThrow('disk gone')
  expect(calls).toBe(1)
})
