import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LogFile } from '../jobs/log-file.ts'
import type { ApiCall } from '../wire/api-service.ts'
import { ApplicationLogs, logPositionHeader } from './application-logs.ts'
import { readAfter, readTail } from './log-reader.ts'

const clock = new VirtualTime(Date.parse('2026-03-01T12:00:00Z'))
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const logIn = (path: string, maxBytes = 1 << 20, kept = 1000) => new LogFile(path, { maxBytes, kept }, silentLogger)
const linesOf = (bytes: Buffer) => bytes.toString().split('\n').slice(0, -1)

test('reading on misses no line and repeats none, however the log is rotated', async () => {
  const step = fc.record({ lines: fc.array(fc.string({ unit: 'grapheme', maxLength: 30 })), maxBytes: fc.nat(200) })
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step), fc.integer({ min: 1, max: 200 }), async (steps, rotateBytes) => {
      const path = join(folder, String(run++), 'application.log')
      const log = logIn(path, rotateBytes)
      const written: string[] = []
      const seen: string[] = []
      let position = ''
      const readOn = async (maxBytes: number): Promise<boolean> => {
        const part = await readAfter(path, position, maxBytes)
        seen.push(...linesOf(part.bytes))
        const moved = part.position !== position
        position = part.position
        return moved
      }
      for (const { lines, maxBytes } of steps) {
        for (const line of lines.map((text) => text.replaceAll(/[\r\n]/g, '_'))) {
          log.write(line)
          written.push(line)
        }
        await readOn(maxBytes)
      }
      while (await readOn(50));
      log.close()
      expect(seen).toEqual(written)
    }),
    { numRuns: 25 },
  )
})

describe('the tail', () => {
  test('is the last lines, over as many files as it takes', async () => {
    const path = join(folder, 'application.log')
    const log = logIn(path, 20)
    for (let n = 0; n < 30; n++) log.write(`line ${n}`)
    log.close()
    const { bytes, position } = await readTail(path, 12, 1 << 20)
    expect(linesOf(bytes)).toEqual(Array.from({ length: 12 }, (_, n) => `line ${n + 18}`))
    expect((await readAfter(path, position, 1 << 20)).bytes.length).toBe(0)
    expect(linesOf((await readTail(path, 1000, 1 << 20)).bytes)).toHaveLength(30)
    expect((await readTail(path, 0, 1 << 20)).bytes.length).toBe(0)
  })

  test('has whole lines only when it is bounded by size', async () => {
    const path = join(folder, 'application.log')
    const log = logIn(path)
    for (let n = 10; n < 30; n++) log.write(`line ${n}`)
    log.close()
    expect(linesOf((await readTail(path, 1000, 20)).bytes)).toEqual(['line 28', 'line 29'])
  })

  test('of a log that was never written is empty, and what follows it is everything', async () => {
    const path = join(folder, 'application.log')
    const { bytes, position } = await readTail(path, 10, 1 << 20)
    expect(bytes.length).toBe(0)
    const log = logIn(path)
    log.write('first')
    log.close()
    expect(linesOf((await readAfter(path, position, 1 << 20)).bytes)).toEqual(['first'])
  })
})

test('after a file that has been removed since, the oldest line that is kept comes next', async () => {
  const path = join(folder, 'application.log')
  const log = logIn(path, 20, 1)
  log.write('line 0')
  const { position } = await readTail(path, 10, 1 << 20)
  for (let n = 1; n < 20; n++) log.write(`line ${n}`)
  log.close()
  const kept = linesOf((await readTail(path, 1000, 1 << 20)).bytes)
  expect(kept.length).toBeLessThan(10)
  expect(linesOf((await readAfter(path, `9${position}`, 1 << 20)).bytes)).toEqual(kept)
})

describe('over HTTP', () => {
  const logs = () => {
    const application = async (name: string) => (name === 'mine' ? ({} as never) : undefined)
    return new ApplicationLogs({ application }, { logFile: (name) => join(folder, `${name}.log`) }, clock)
  }
  const get = (target: string) => logs().handle({ target } as ApiCall)

  test('lines come with the position to read on from', async () => {
    const log = logIn(join(folder, 'mine.log'))
    for (const line of ['a', 'b', 'c']) log.write(line)
    const first = await get('/apps/mine/logs?tail=2')
    expect(String(first.body)).toBe('b\nc\n')
    log.write('d')
    log.close()
    expect(String((await get(`/apps/mine/logs?after=${first.headers?.[logPositionHeader]}`)).body)).toBe('d\n')
    expect(String((await get('/apps/mine/logs')).body)).toBe('a\nb\nc\nd\n')
  })

  test.each([
    ['GET', '/apps/mine/logs', true],
    ['GET', '/apps/mine/logs?tail=1', true],
    ['POST', '/apps/mine/logs', false],
    ['GET', '/apps/../logs', true],
    ['GET', '/apps/../../etc/logs', false],
    ['GET', '/apps/%2e%2e%2fmine/logs', false],
    ['GET', '/apps/mine/logs/../../credentials', false],
    ['GET', `/apps/${'a'.repeat(129)}/logs`, false],
  ])('%s %s is its request: %s', (method, target, isIts) => {
    expect(logs().accepts(method, target)).toBe(isIts)
  })

  test.each([
    ['/apps/../logs', 'ResourceNotFoundException'],
    ['/apps/other/logs', 'ResourceNotFoundException'],
    ['/apps/mine/logs?tail=10001', 'InvalidArgumentException'],
    ['/apps/mine/logs?tail=-1', 'InvalidArgumentException'],
    ['/apps/mine/logs?after=../1', 'InvalidArgumentException'],
  ])('%s is refused: %s', async (target, type) => {
    await expect(get(target)).rejects.toMatchObject({ type })
  })
})
