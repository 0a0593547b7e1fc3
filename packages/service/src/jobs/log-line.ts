import { type LogLevel, loggerName } from '@millrace/engine/spi'

/** What stands on every line of a job's log. */
export interface LogOrigin {
  readonly applicationArn: string
  readonly versionId: number
}

/** One line before it is written. */
export interface JobLogLine {
  readonly timestampMs: number
  readonly level: LogLevel
  readonly logger: string
  readonly message: string
  readonly fields?: Readonly<Record<string, unknown>> | undefined
  /** The stack of a failure with those of its causes. */
  readonly stack?: string | undefined
}

/** Of lines by the service itself, which tell how it runs an application. */
export const serviceLogger = 'service'

/** The logger of a line by the application. An operator that is called as the service's logger doesn't speak for that. */
export function applicationLogger(fields: Readonly<Record<string, unknown>>): string {
  const name = loggerName(fields)
  return name === undefined || name === serviceLogger ? 'application' : name
}

const messageTypes: Readonly<Record<LogLevel, string>> = { debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' }
/** What of one line is kept: a program that prints megabytes without a line break doesn't fill the disk's cache. */
const maxMessageCharacters = 32 * 1024

/**
 * A line in the fields of Amazon's service: `locationInformation`, `logger`, `message`, `threadName`, `applicationARN`,
 * `applicationVersionId`, `messageSchemaVersion`, `messageType`, `throwableInformation` for a failure; besides them
 * `timestamp` (ISO 8601, UTC) and `fields`.
 */
export function formatLogLine(line: JobLogLine, { applicationArn, versionId }: LogOrigin): string {
  const { timestampMs, level, logger, message, fields, stack } = line
  return JSON.stringify({
    timestamp: new Date(timestampMs).toISOString(),
    locationInformation: locationOf(stack) ?? logger,
    logger,
    message: message.length > maxMessageCharacters ? `${message.slice(0, maxMessageCharacters)}…` : message,
    threadName: typeof fields?.['thread'] === 'string' ? fields['thread'] : 'main',
    applicationARN: applicationArn,
    applicationVersionId: String(versionId),
    messageSchemaVersion: '1',
    messageType: messageTypes[level],
    ...(stack === undefined ? {} : { throwableInformation: stack.split('\n') }),
    ...(fields === undefined || Object.keys(fields).length === 0 ? {} : { fields }),
  })
}

/** The first place of a stack, as `file:line:column`. */
function locationOf(stack: string | undefined): string | undefined {
  return stack === undefined ? undefined : /^\s+at (?:.*\()?(.+?:\d+:\d+)\)?$/m.exec(stack)?.[1]
}
