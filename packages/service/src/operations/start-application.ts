import type { RunConfiguration } from '../applications/application-record.ts'
import type { Shapes } from '../model/shapes.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import { existingApplication, type Operation } from './operation.ts'
import { restoreConfiguration } from './restore-configuration.ts'

export const startApplication: Operation<'StartApplication'> = async (input, { lifecycle, ...context }) => {
  const application = await existingApplication({ ...context, lifecycle }, input.ApplicationName)
  const run = runConfiguration(input.RunConfiguration)
  if (application.configuration.code === undefined) {
    throw new ApiError(
      'InvalidApplicationConfigurationException',
      `${application.name} has no code: give it some with UpdateApplication.`,
    )
  }
  const { operation } = await lifecycle.start(application, run)
  return { OperationId: operation.id }
}

/** From the latest snapshot unless told otherwise; without one from the beginning. */
function runConfiguration(requested: Shapes['RunConfiguration'] | undefined): RunConfiguration {
  if ((requested?.SqlRunConfigurations?.length ?? 0) > 0) {
    throw invalidArgument('SqlRunConfigurations are for SQL-1_0 applications only.')
  }
  return {
    allowNonRestoredState: requested?.FlinkRunConfiguration?.AllowNonRestoredState ?? false,
    restoreType: 'RESTORE_FROM_LATEST_SNAPSHOT',
    ...restoreConfiguration(requested?.ApplicationRestoreConfiguration),
  }
}
