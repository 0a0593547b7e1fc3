export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A constant message plus fields. Never secrets, never record contents, never one line a record. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  /** The same logger with fields that go on every line. */
  with(fields: Record<string, unknown>): Logger
}

export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

const severity: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

/** The level of all loggers, and of those that have one of their own. */
export interface LogLevels {
  readonly level: LogLevel
  readonly loggers: Readonly<Record<string, LogLevel>>
}

/** Who speaks, by the fields of its lines: an operator by its name; undefined: the job. */
export function loggerName(fields: Readonly<Record<string, unknown>>): string | undefined {
  const name = fields['operator'] ?? fields['source']
  return typeof name === 'string' ? name : undefined
}

/** The level of the logger with these fields. */
export function levelOf({ level, loggers }: LogLevels, fields: Readonly<Record<string, unknown>>): LogLevel {
  const name = loggerName(fields)
  return name !== undefined && Object.hasOwn(loggers, name) ? loggers[name]! : level
}

/** Sends each line at or above the level that `threshold` answers at that moment for the logger's fields to `write`. */
export function createLogger(
  write: (line: LogLine) => void,
  threshold: (fields: Readonly<Record<string, unknown>>) => LogLevel = () => 'info',
  fields: Record<string, unknown> = {},
): Logger {
  const at = (level: LogLevel) => (message: string, more?: Record<string, unknown>) => {
    if (severity[level] >= severity[threshold(fields)]) write({ level, message, fields: { ...fields, ...more } })
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (more) => createLogger(write, threshold, { ...fields, ...more }),
  }
}

/** Drops every line: for tests that don't look. */
export const silentLogger: Logger = createLogger(() => {})
