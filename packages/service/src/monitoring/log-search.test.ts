import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LogLevel, silentLogger } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogFile } from '../jobs/log-file.ts'
import { formatLogLine } from '../jobs/log-line.ts'
import type { ApiCall } from '../wire/api-service.ts'
import { ApplicationLogs, logCompleteHeader, logPositionHeader } from './application-logs.ts'
import { type LogFilter, logFilter } from './log-filter.ts'
import { searchLog } from './log-search.ts'

const startMs = Date.parse('2026-03-01T12:00:00Z')
const origin = { applicationArn: 'arn:aws:kinesisanalytics:us-east-1:000000000000:application/a', versionId: 1 }
const limits = { lines: 10_000, maxBytes: 1 << 20, maxScannedBytes: 1 << 30 }

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-search-'))
  path = join(folder, 'a.log')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Written {
  readonly level?: LogLevel
  readonly logger?: string
  readonly message: string
  readonly fields?: Readonly<Record<string, unknown>>
  readonly stack?: string
}

/** One line a second from `startMs` on. */
function write(lines: readonly Written[], maxBytes = 1 << 20): void {
  const log = new LogFile(path, { maxBytes, kept: 50 }, silentLogger)
  for (const [i, { level = 'info', logger = 'job', ...rest }] of lines.entries()) {
    log.write(formatLogLine({ timestampMs: startMs + i * 1000, level, logger, ...rest }, origin))
  }
  log.close()
}

const filterOf = (query: string): LogFilter => logFilter(new URLSearchParams(query), startMs + 100_000)!
const messagesOf = (bytes: Buffer) =>
  bytes
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).message as string)
const search = async (query: string, more = {}) => {
  const { bytes, isComplete } = await searchLog(path, filterOf(query), { ...limits, ...more })
  return { messages: messagesOf(bytes), isComplete }
}

const lines: Written[] = [
  { message: 'job running' },
  { level: 'debug', logger: 'checkpoints', message: 'checkpoint complete', fields: { id: 7, bytes: 12 } },
  { level: 'warn', logger: 'window', message: 'late records', fields: { operator: 'window', count: 3 } },
  {
    level: 'error',
    message: 'refused: "quoted" \\ and\nbroken ünicode ☃',
    stack: 'Error: x\n    at deep (/app.ts:1:2)',
  },
  { message: '(a+)+$ job' },
]

test.each<[string, number[]]>([
  ['search=job', [0, 3, 4]],
  ['search=complete', [1]],
  ['search=%22quoted%22+%5C', [3]],
  ['search=and%0Abroken', [3]],
  ['search=%C3%BCnicode+%E2%98%83', [3]],
  ['search=deep+(/app.ts', [3]],
  ['search=(a%2B)%2B%24', [4]],
  ['search=JOB', []],
  // Names of fields and what lies between them aren't texts of a line.
  ['search=messageType', []],
  ['search=%22,%22', []],
  ['level=WARN', [2, 3]],
  ['level=error', [3]],
  ['field=logger:window', [2]],
  ['field=count:3', [2]],
  ['field=operator:window&field=count:3', [2]],
  ['field=operator:window&field=count:4', []],
  ['field=messageType:DEBUG', [1]],
  ['field=toString:x', []],
  ['since=2026-03-01T12:00:02Z', [2, 3, 4]],
  ['until=2026-03-01T12:00:02Z', [0, 1]],
  ['since=98s', [2, 3, 4]],
  ['since=2026-03-01T12:00:01Z&until=2026-03-01T12:00:04Z&level=warn', [2, 3]],
])('%s', async (query, expected) => {
  write(lines)
  expect(await search(query)).toEqual({ messages: expected.map((i) => lines[i]!.message), isComplete: true })
})

test.each([
  ['level=LOUD', /level must be one of/],
  ['since=yesterday', /since must be a time/],
  ['until=2026-13-45', /until must be a time/],
  ['search=', /search must be a text/],
  [`search=${'a'.repeat(1025)}`, /at most 1024/],
  ['field=logger', /name:value/],
  [Array(9).fill('field=a:b').join('&'), /8 field parameters/],
])('%s is refused', (query, message) => {
  expect(() => filterOf(query)).toThrow(message)
})

test('finds the same as a look at every line, however the log is rotated and chunks fall', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          level: fc.constantFrom<LogLevel>('debug', 'info', 'warn', 'error'),
          message: fc.oneof(fc.constantFrom('needle', 'hay'), fc.string({ unit: 'grapheme', maxLength: 20 })),
          pad: fc.oneof(fc.constant(0), fc.constantFrom(100_000, 300_000)),
        }),
        { maxLength: 25 },
      ),
      fc.integer({ min: 200, max: 600_000 }),
      fc.integer({ min: 0, max: 10 }),
      async (given, rotateBytes, count) => {
        rmSync(folder, { recursive: true, force: true })
        const written = given.map(({ level, message, pad }) => ({ level, message, fields: { pad: 'x'.repeat(pad) } }))
        write(written, rotateBytes)
        const fitting = written.filter(({ level, message }) => level !== 'debug' && message.includes('ee'))
        const { messages, isComplete } = await search('search=ee&level=info', { lines: count, maxBytes: 1 << 30 })
        expect(messages).toEqual(fitting.slice(Math.max(0, fitting.length - count)).map(({ message }) => message))
        expect(isComplete).toBe(fitting.length <= count)
      },
    ),
    { numRuns: 60 },
  ))

test('a search reads no more than it may, and says so', async () => {
  write(Array.from({ length: 5000 }, (_, i) => ({ message: `line ${i}` })))
  const found = await search('search=line', { maxScannedBytes: 300_000 })
  expect(found.isComplete).toBe(false)
  expect(found.messages.length).toBeLessThan(1500)
  expect(found.messages.at(-1)).toBe('line 4999')
  expect((await search('search=line', { maxBytes: 1000 })).messages.length).toBeLessThan(5)
})

test('what is older than asked for is not read', async () => {
  write(Array.from({ length: 10_000 }, (_, i) => ({ message: `line ${i}` })))
  const { messages, isComplete } = await search('since=2026-03-01T14:46:30Z', { maxScannedBytes: 600_000 })
  expect(messages).toEqual(Array.from({ length: 10 }, (_, i) => `line ${9990 + i}`))
  expect(isComplete).toBe(true)
})

test('a log that was never written holds nothing', async () => {
  expect(await search('search=x')).toEqual({ messages: [], isComplete: true })
})

test('over HTTP: what is found, then what follows it', async () => {
  const application = async () => ({}) as never
  const logs = new ApplicationLogs({ application }, { logFile: () => path }, new VirtualTime(startMs + 100_000))
  const get = (query: string) => logs.handle({ target: `/apps/a/logs?${query}` } as ApiCall)
  write(lines)
  const first = await get('level=WARN&limit=1')
  expect(messagesOf(first.body as Buffer)).toEqual([lines[3]!.message])
  expect(first.headers?.[logCompleteHeader]).toBe('false')
  write([{ message: 'quiet' }, { level: 'warn', message: 'loud' }])
  const next = await get(`level=WARN&after=${first.headers?.[logPositionHeader]}`)
  expect(messagesOf(next.body as Buffer)).toEqual(['loud'])
  await expect(get('search=x&limit=10001')).rejects.toMatchObject({ type: 'InvalidArgumentException' })
  const many = await Promise.allSettled(Array.from({ length: 12 }, () => get('search=x')))
  const refused = many.filter(({ status }) => status === 'rejected')
  expect(refused).toMatchObject(Array(4).fill({ reason: { type: 'ThrottlingException', status: 429 } }))
})
