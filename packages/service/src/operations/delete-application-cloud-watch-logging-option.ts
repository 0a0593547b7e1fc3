import { describeLoggingOptions } from '../applications/describe-application.ts'
import { without } from '../applications/surroundings-options.ts'
import { checkVersion } from './expected-version.ts'
import { existingApplication, type Operation } from './operation.ts'

export const deleteApplicationCloudWatchLoggingOption: Operation<'DeleteApplicationCloudWatchLoggingOption'> = async (
  input,
  context,
) => {
  const before = await existingApplication(context, input.ApplicationName)
  checkVersion(before, input)
  const { application, operation } = await context.lifecycle.reconfigure(before, {
    name: 'DeleteApplicationCloudWatchLoggingOption',
    loggingOptions: without(before.loggingOptions, input.CloudWatchLoggingOptionId),
  })
  return {
    ApplicationARN: application.arn,
    ApplicationVersionId: application.versionId,
    CloudWatchLoggingOptionDescriptions: describeLoggingOptions(application),
    OperationId: operation.id,
  }
}
