import { toSeconds } from '../applications/describe-application.ts'
import { invalidArgument } from '../wire/api-error.ts'
import { existingApplication, type Operation } from './operation.ts'

/** The time of creation is compared by whole seconds: some clients lose its fraction. */
export const deleteApplication: Operation<'DeleteApplication'> = async (input, context) => {
  const application = await existingApplication(context, input.ApplicationName)
  if (Math.floor(input.CreateTimestamp) !== toSeconds(application.createdMs)) {
    throw invalidArgument(
      `CreateTimestamp is ${input.CreateTimestamp}; that of ${application.name} is ${toSeconds(application.createdMs)}.`,
    )
  }
  await context.lifecycle.delete(application)
  return {}
}
