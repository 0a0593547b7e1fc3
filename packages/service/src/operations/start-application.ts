import type { RunConfiguration } from '../applications/application-record.ts'
import type { Shapes } from '../model/shapes.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'
import { type ApplicationContext, existingApplication, type Operation } from './operation.ts'
import { restoreConfiguration } from './restore-configuration.ts'
import { type SnapshotMode, snapshotModeOf } from './snapshot-mode.ts'

export const startApplication: Operation<'StartApplication'> = async (input, context) => {
  const application = await existingApplication(context, input.ApplicationName)
  const run = runConfiguration(input.RunConfiguration, snapshotModeOf(application.configuration), context)
  if (application.configuration.code === undefined) {
    throw new ApiError(
      'InvalidApplicationConfigurationException',
      `${application.name} has no code: give it some with UpdateApplication.`,
    )
  }
  const { operation } = await context.lifecycle.start(application, run)
  return { OperationId: operation.id }
}

/** From the latest snapshot unless told otherwise; without one from the beginning. */
function runConfiguration(
  requested: Shapes['RunConfiguration'] | undefined,
  mode: SnapshotMode,
  context: ApplicationContext,
): RunConfiguration {
  if ((requested?.SqlRunConfigurations?.length ?? 0) > 0) {
    throw invalidArgument('SqlRunConfigurations are for SQL-1_0 applications only.')
  }
  return {
    allowNonRestoredState: requested?.FlinkRunConfiguration?.AllowNonRestoredState ?? false,
    restoreType: 'RESTORE_FROM_LATEST_SNAPSHOT',
    ...restoreConfiguration(requested?.ApplicationRestoreConfiguration, mode, context),
  }
}
