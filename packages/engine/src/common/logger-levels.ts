import { EngineError } from './errors.ts'
import type { LogLevel } from './logger.ts'

const prefix = 'log.level.'
const levels: readonly string[] = ['debug', 'info', 'warn', 'error']

/**
 * Levels of loggers by their names, from the keys `log.level.<logger>` of property group `millrace`; other keys are passed
 * over. Errors: `LOG_LEVEL_INVALID` (invalid).
 */
export function loggerLevels(group: Readonly<Record<string, string>> = {}): Readonly<Record<string, LogLevel>> {
  const entries = Object.entries(group).filter(([key]) => key.startsWith(prefix))
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const level = value.toLowerCase()
      if (key.length > prefix.length && levels.includes(level)) return [key.slice(prefix.length), level as LogLevel]
      throw new EngineError('LOG_LEVEL_INVALID', {
        kind: 'invalid',
        message: `Property group millrace: ${key} is '${value.slice(0, 100)}'; log.level.<logger> must be ${levels.join(', ')}.`,
        details: { key, value },
      })
    }),
  )
}

/** Whether a key of property group `millrace` is the level of a logger. */
export function isLoggerLevel(key: string): boolean {
  return key.startsWith(prefix)
}
