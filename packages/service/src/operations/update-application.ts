import type { ApplicationRecord, RunConfiguration } from '../applications/application-record.ts'
import { describeApplication } from '../applications/describe-application.ts'
import { updatedConfiguration } from '../applications/requested-configuration.ts'
import { refuseRuntime } from '../applications/runtime-environment.ts'
import type { Shapes } from '../model/shapes.ts'
import { ApiError } from '../wire/api-error.ts'
import { existingApplication, type Operation, unsupported } from './operation.ts'
import { restoreType } from './restore-configuration.ts'

export const updateApplication: Operation<'UpdateApplication'> = async (input, context) => {
  const before = await existingApplication(context, input.ApplicationName)
  checkVersion(before, input)
  if ((input.CloudWatchLoggingOptionUpdates?.length ?? 0) > 0) {
    throw unsupported('CloudWatchLoggingOptionUpdates are not offered here yet.')
  }
  if (input.RuntimeEnvironmentUpdate !== undefined) refuseRuntime(input.RuntimeEnvironmentUpdate)
  const runConfiguration = updatedRun(before, input.RunConfigurationUpdate)
  const change = input.ApplicationConfigurationUpdate
  const { application, operation } = await context.lifecycle.update(before, {
    configuration:
      change === undefined
        ? before.configuration
        : await updatedConfiguration(before.name, before.configuration, change, context.codeStore),
    runConfiguration,
    runtimeEnvironment: input.RuntimeEnvironmentUpdate,
    serviceExecutionRole: input.ServiceExecutionRoleUpdate,
  })
  return { ApplicationDetail: describeApplication(application), OperationId: operation.id }
}

/** Somebody who has seen an older version doesn't know what the update would change. */
function checkVersion(before: ApplicationRecord, input: Shapes['UpdateApplicationRequest']): void {
  const { CurrentApplicationVersionId: versionId, ConditionalToken: token } = input
  if (versionId === undefined && token === undefined) {
    throw new ApiError('InvalidRequestException', 'CurrentApplicationVersionId or ConditionalToken must be given.')
  }
  const isOther = (versionId ?? before.versionId) !== before.versionId
  if (!isOther && (token ?? before.conditionalToken) === before.conditionalToken) return
  throw new ApiError(
    'ConcurrentModificationException',
    `The application is at version ${before.versionId}, not the one that was given: describe it again.`,
  )
}

/** An update that doesn't allow state to be left out forbids it again; how to restore stays as it was. */
function updatedRun(
  before: ApplicationRecord,
  update: Shapes['RunConfigurationUpdate'] | undefined,
): Partial<RunConfiguration> | undefined {
  if (update === undefined && before.runConfiguration === undefined) return undefined
  const allowNonRestoredState = update?.FlinkRunConfiguration?.AllowNonRestoredState ?? false
  const type = restoreType(update?.ApplicationRestoreConfiguration)
  return { allowNonRestoredState, ...(type === undefined ? {} : { restoreType: type }) }
}
