import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, type LogLine } from '@millrace/engine/spi'
import { VirtualTime } from '@millrace/engine/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { JobLog } from './job-log.ts'
import { LogFile } from './log-file.ts'
import { applicationLogger, serviceLogger } from './log-line.ts'
import { OutputLines } from './output-lines.ts'

let folder: string
let told: LogLine[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  told = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const path = () => join(folder, 'logs', 'application.log')
const open = (settings = { maxBytes: 100, kept: 2 }) =>
  new LogFile(
    path(),
    settings,
    createLogger((line) => told.push(line)),
  )
const read = (file: string) => readFileSync(file, 'utf8')

test('lines are in the file when write returns; a full file becomes the first of the kept ones', () => {
  const log = open()
  for (let i = 0; i < 6; i++) log.write(`${i}`.repeat(49))
  expect(read(path())).toBe(`${'4'.repeat(49)}\n${'5'.repeat(49)}\n`)
  expect(read(`${path()}.1`)).toBe(`${'2'.repeat(49)}\n${'3'.repeat(49)}\n`)
  expect(read(`${path()}.2`)).toBe(`${'0'.repeat(49)}\n${'1'.repeat(49)}\n`)
  log.write('x'.repeat(500))
  expect(read(path())).toHaveLength(501)
  expect(existsSync(`${path()}.3`)).toBe(false)
  log.close()
})

test('a log goes on where it was left', () => {
  const first = open()
  first.write('one')
  first.close()
  const second = open()
  second.write('two')
  second.close()
  expect(read(path())).toBe('one\ntwo\n')
})

test('what can not be written is told once and stops nothing', () => {
  const log = new LogFile(
    join(folder, 'file\0name', 'x.log'),
    { maxBytes: 100, kept: 1 },
    createLogger((line) => told.push(line)),
  )
  log.write('one')
  log.write('two')
  expect(told.map(({ message }) => message)).toEqual(['log not written'])
})

test("lines have the fields of Amazon's service, at and above the level, which may change", () => {
  const time = new VirtualTime(0)
  const file = open({ maxBytes: 10_000, kept: 1 })
  const log = new JobLog(file, { applicationArn: 'arn', versionId: 3 }, { level: 'warn', loggers: {} }, time)
  log.write('info', 'job', 'not shown')
  log.write('info', 'stdout', 'always shown')
  log.write('error', 'job', 'failed', { code: 'X', thread: 'thread 1', stack: 'Error: x\n    at run (/app.ts:4:2)' })
  log.setLevels({ level: 'debug', loggers: { job: 'error' } })
  log.write('debug', 'checkpoints', 'shown')
  log.write('warn', 'job', 'not shown either')
  const lines = read(path())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ message, messageType }) => [message, messageType])).toEqual([
    ['always shown', 'INFO'],
    ['failed', 'ERROR'],
    ['shown', 'DEBUG'],
  ])
  expect(lines[1]).toEqual({
    timestamp: '1970-01-01T00:00:00.000Z',
    locationInformation: '/app.ts:4:2',
    logger: 'job',
    message: 'failed',
    threadName: 'thread 1',
    applicationARN: 'arn',
    applicationVersionId: '3',
    messageSchemaVersion: '1',
    messageType: 'ERROR',
    throwableInformation: ['Error: x', '    at run (/app.ts:4:2)'],
    fields: { code: 'X', thread: 'thread 1' },
  })
})

test('output becomes lines, however it comes in; its end is not lost', () => {
  const lines: string[] = []
  const output = new OutputLines((line) => lines.push(line))
  const bytes = Buffer.from('eins\r\nzwölf\nrest')
  for (const byte of bytes) output.push(Uint8Array.of(byte))
  expect(lines).toEqual(['eins', 'zwölf'])
  output.end()
  expect(lines).toEqual(['eins', 'zwölf', 'rest'])
  output.push(Buffer.from('x'.repeat(100_000)))
  output.end()
  expect(lines.slice(3).join('')).toBe('x'.repeat(100_000))
})

test('an application speaks by the names of its operators, never as the service', () => {
  expect(applicationLogger({ operator: 'Window' })).toBe('Window')
  expect(applicationLogger({})).toBe('application')
  expect(applicationLogger({ operator: serviceLogger })).toBe('application')
  expect(applicationLogger({ source: serviceLogger })).toBe('application')
})
