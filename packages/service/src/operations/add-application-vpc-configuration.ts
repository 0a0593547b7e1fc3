import { describeVpc } from '../applications/describe-application.ts'
import { addedVpc, optionId } from '../applications/surroundings-options.ts'
import { checkVersion } from './expected-version.ts'
import { existingApplication, type Operation } from './operation.ts'

/** Described; it has no effect on the network of jobs. */
export const addApplicationVpcConfiguration: Operation<'AddApplicationVpcConfiguration'> = async (input, context) => {
  const before = await existingApplication(context, input.ApplicationName)
  checkVersion(before, input, 'InvalidArgumentException')
  const { configuration, versionId } = before
  const vpcs = addedVpc(configuration.vpcs, input.VpcConfiguration, optionId(versionId + 1))
  const { application, operation } = await context.lifecycle.reconfigure(before, {
    name: 'AddApplicationVpcConfiguration',
    configuration: { ...configuration, vpcs },
  })
  const added = vpcs.at(-1)
  return {
    ApplicationARN: application.arn,
    ApplicationVersionId: application.versionId,
    VpcConfigurationDescription: added && describeVpc(added),
    OperationId: operation.id,
  }
}
