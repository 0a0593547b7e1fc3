import { describeApplication } from '../applications/describe-application.ts'
import { ApiError } from '../wire/api-error.ts'
import { existingApplication, type Operation } from './operation.ts'

export const describeApplicationVersion: Operation<'DescribeApplicationVersion'> = async (input, context) => {
  const { name } = await existingApplication(context, input.ApplicationName)
  const version = await context.store.version(name, input.ApplicationVersionId)
  if (version !== undefined) return { ApplicationVersionDetail: describeApplication(version) }
  throw new ApiError('ResourceNotFoundException', `${name} has no version ${input.ApplicationVersionId}.`)
}
