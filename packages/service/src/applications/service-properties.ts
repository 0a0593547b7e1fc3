import { EngineError, isLoggerLevel, loggerLevels } from '@millrace/engine/spi'
import { scalingSettings, serviceGroup } from '../scaling/scaling-settings.ts'
import { invalidArgument } from '../wire/api-error.ts'
import type { ApplicationConfiguration } from './application-record.ts'

type Properties = ApplicationConfiguration['properties']

const maxKpus = 64
const maxParallelism = 256

/** Checks what property group `millrace` says to the service. Errors: `InvalidArgumentException` naming the key. */
export function checkServiceProperties({ properties, parallelism: given }: ApplicationConfiguration): void {
  const most = Math.min(given.parallelismPerKpu * maxKpus, maxParallelism)
  scalingSettings(properties, { parallelism: given.parallelism, maxParallelism: most })
  try {
    loggerLevels(properties[serviceGroup])
  } catch (error) {
    if (error instanceof EngineError && error.code === 'LOG_LEVEL_INVALID') throw invalidArgument(error.message)
    throw error
  }
}

/** The properties without those that only say what is logged. */
export function withoutLoggerLevels(properties: Properties): Properties {
  const { [serviceGroup]: own, ...others } = properties
  const rest = Object.entries(own ?? {}).filter(([key]) => !isLoggerLevel(key))
  return rest.length === 0 ? others : { ...others, [serviceGroup]: Object.fromEntries(rest) }
}
