import { without } from '../applications/surroundings-options.ts'
import { checkVersion } from './expected-version.ts'
import { existingApplication, type Operation } from './operation.ts'

export const deleteApplicationVpcConfiguration: Operation<'DeleteApplicationVpcConfiguration'> = async (
  input,
  context,
) => {
  const before = await existingApplication(context, input.ApplicationName)
  checkVersion(before, input, 'InvalidArgumentException')
  const { configuration } = before
  const { application, operation } = await context.lifecycle.reconfigure(before, {
    name: 'DeleteApplicationVpcConfiguration',
    configuration: { ...configuration, vpcs: without(configuration.vpcs, input.VpcConfigurationId) },
  })
  return { ApplicationARN: application.arn, ApplicationVersionId: application.versionId, OperationId: operation.id }
}
