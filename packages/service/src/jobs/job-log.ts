import type { Clock, EngineError, LogLevel, LogLevels } from '@millrace/engine/spi'
import type { LogFile } from './log-file.ts'
import { formatLogLine, type LogOrigin } from './log-line.ts'

const severity: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

/** Writes what happens in one job into its application's log. */
export class JobLog {
  readonly #file: LogFile
  readonly #origin: LogOrigin
  readonly #clock: Clock
  #levels: LogLevels

  constructor(file: LogFile, origin: LogOrigin, levels: LogLevels, clock: Clock) {
    this.#file = file
    this.#origin = origin
    this.#levels = levels
    this.#clock = clock
  }

  get levels(): LogLevels {
    return this.#levels
  }

  setLevels(levels: LogLevels): void {
    this.#levels = levels
  }

  /** A field `stack` becomes the line's `throwableInformation`. */
  write(
    level: LogLevel,
    logger: string,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
    timestampMs = this.#clock.now(),
  ): void {
    // What a program prints has no level: it is always kept.
    if (logger !== 'stdout' && severity[level] < severity[this.#levelOf(logger)]) return
    const { stack, ...others } = fields
    const line = { timestampMs, level, logger, message, fields: others }
    this.#file.write(formatLogLine(typeof stack === 'string' ? { ...line, stack } : line, this.#origin))
  }

  #levelOf(logger: string): LogLevel {
    const { level, loggers } = this.#levels
    return Object.hasOwn(loggers, logger) ? loggers[logger]! : level
  }

  failure(logger: string, error: EngineError): void {
    const { code, hint, message, stack } = error
    this.write('error', logger, message, { code, ...(hint === undefined ? {} : { hint }), stack })
  }
}
