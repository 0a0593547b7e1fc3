import { expect, test } from 'vitest'
import { createLogger, type LogLevels, levelOf } from './logger.ts'
import { loggerLevels } from './logger-levels.ts'

test('a logger with a level of its own keeps to it, the others to that of all, also when they change', () => {
  const lines: string[] = []
  let levels: LogLevels = { level: 'warn', loggers: { window: 'debug', sink: 'error' } }
  const job = createLogger(
    ({ level, message }) => lines.push(`${level} ${message}`),
    (fields) => levelOf(levels, fields),
  )
  const window = job.with({ operator: 'window', subtask: 0 })
  const sink = job.with({ operator: 'sink' })
  const source = job.with({ source: 'window' })
  const say = () => {
    for (const [name, logger] of Object.entries({ job, window, sink, source })) {
      logger.debug(name)
      logger.warn(name)
    }
  }
  say()
  expect(lines.splice(0)).toEqual(['warn job', 'debug window', 'warn window', 'debug source', 'warn source'])
  levels = { level: 'error', loggers: {} }
  const inherited = job.with({ operator: 'toString' })
  inherited.warn('inherited')
  say()
  expect(lines).toEqual([])
})

test('levels are read from properties', () => {
  expect(loggerLevels(undefined)).toEqual({})
  expect(loggerLevels({ 'log.level.my window': 'DEBUG', 'log.level.a.b': 'error', 'scaling.policy': 'x' })).toEqual({
    'my window': 'debug',
    'a.b': 'error',
  })
})

test.each([
  ['log.level.window', 'loud'],
  ['log.level.window', ''],
  ['log.level.', 'debug'],
])('%s=%s is refused', (key, value) => {
  expect(() => loggerLevels({ [key]: value })).toThrow(expect.objectContaining({ code: 'LOG_LEVEL_INVALID' }))
})
