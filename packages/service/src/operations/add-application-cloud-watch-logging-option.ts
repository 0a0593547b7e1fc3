import { describeLoggingOptions } from '../applications/describe-application.ts'
import { addedLoggingOption, optionId } from '../applications/surroundings-options.ts'
import { checkVersion } from './expected-version.ts'
import { existingApplication, type Operation } from './operation.ts'

/** Described; logs are always kept by the service itself. */
export const addApplicationCloudWatchLoggingOption: Operation<'AddApplicationCloudWatchLoggingOption'> = async (
  input,
  context,
) => {
  const before = await existingApplication(context, input.ApplicationName)
  checkVersion(before, input)
  const { application, operation } = await context.lifecycle.reconfigure(before, {
    name: 'AddApplicationCloudWatchLoggingOption',
    loggingOptions: addedLoggingOption(
      before.loggingOptions,
      input.CloudWatchLoggingOption,
      optionId(before.versionId + 1),
    ),
  })
  return {
    ApplicationARN: application.arn,
    ApplicationVersionId: application.versionId,
    CloudWatchLoggingOptionDescriptions: describeLoggingOptions(application),
    OperationId: operation.id,
  }
}
