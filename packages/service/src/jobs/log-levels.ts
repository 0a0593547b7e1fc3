import { type LogLevel, type LogLevels, loggerLevels } from '@millrace/engine/spi'
import type { ApplicationConfiguration } from '../applications/application-record.ts'
import { serviceGroup } from '../scaling/scaling-settings.ts'

/** What is logged of an application: LogLevel for all loggers, and what its properties say of some. */
export function logLevelsOf({ monitoring, properties }: ApplicationConfiguration): LogLevels {
  return { level: monitoring.logLevel.toLowerCase() as LogLevel, loggers: loggerLevels(properties[serviceGroup]) }
}
