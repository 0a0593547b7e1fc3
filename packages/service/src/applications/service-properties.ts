import { EngineError, isLoggerLevel, loggerLevels } from '@millrace/engine/spi'
import { scalingSettings, serviceGroup } from '../scaling/scaling-settings.ts'
import { invalidArgument } from '../wire/api-error.ts'
import type { ApplicationConfiguration } from './application-record.ts'
import { greatestParallelism } from './kpus.ts'

type Properties = ApplicationConfiguration['properties']

/** Checks what property group `millrace` says to the service. Errors: `InvalidArgumentException` naming the key. */
export function checkServiceProperties({ properties, parallelism: given }: ApplicationConfiguration): void {
  scalingSettings(properties, { parallelism: given.parallelism, maxParallelism: greatestParallelism(given) })
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
