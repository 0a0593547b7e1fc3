import type { ApplicationRecord, RunConfiguration } from '../applications/application-record.ts'
import { describeApplication } from '../applications/describe-application.ts'
import { updatedConfiguration } from '../applications/requested-configuration.ts'
import { refuseRuntime } from '../applications/runtime-environment.ts'
import { updatedLoggingOptions } from '../applications/surroundings-options.ts'
import type { Shapes } from '../model/shapes.ts'
import { checkVersion } from './expected-version.ts'
import { existingApplication, type Operation } from './operation.ts'
import { restoreConfiguration } from './restore-configuration.ts'
import { updatedMode } from './snapshot-mode.ts'

export const updateApplication: Operation<'UpdateApplication'> = async (input, context) => {
  const before = await existingApplication(context, input.ApplicationName)
  checkVersion(before, input)
  const loggingOptions = updatedLoggingOptions(before.loggingOptions, input.CloudWatchLoggingOptionUpdates ?? [])
  if (input.RuntimeEnvironmentUpdate !== undefined) refuseRuntime(input.RuntimeEnvironmentUpdate)
  const change = input.ApplicationConfigurationUpdate
  const asked = change?.ApplicationSnapshotConfigurationUpdate?.SnapshotModeUpdate
  const mode = updatedMode(before, asked, input.RuntimeEnvironmentUpdate)
  const restore = restoreConfiguration(input.RunConfigurationUpdate?.ApplicationRestoreConfiguration, mode, context)
  const serviceExecutionRole = input.ServiceExecutionRoleUpdate ?? before.serviceExecutionRole
  const owner = { name: before.name, serviceExecutionRole }
  const { application, operation } = await context.lifecycle.update(before, {
    configuration:
      change === undefined
        ? before.configuration
        : await updatedConfiguration(owner, before.configuration, change, context.codeStore),
    runConfiguration: updatedRun(before, input.RunConfigurationUpdate, restore),
    runtimeEnvironment: input.RuntimeEnvironmentUpdate,
    serviceExecutionRole,
    loggingOptions,
  })
  return { ApplicationDetail: describeApplication(application), OperationId: operation.id }
}

/** An update that doesn't allow state to be left out forbids it again; how to restore stays as it was. */
function updatedRun(
  before: ApplicationRecord,
  update: Shapes['RunConfigurationUpdate'] | undefined,
  restore: ReturnType<typeof restoreConfiguration>,
): Partial<RunConfiguration> | undefined {
  if (update === undefined && before.runConfiguration === undefined) return undefined
  const allowNonRestoredState = update?.FlinkRunConfiguration?.AllowNonRestoredState ?? false
  return { allowNonRestoredState, ...restore }
}
