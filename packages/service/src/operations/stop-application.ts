import { existingApplication, type Operation } from './operation.ts'

export const stopApplication: Operation<'StopApplication'> = async (input, context) => {
  const application = await existingApplication(context, input.ApplicationName)
  const { operation } = await context.lifecycle.stop(application, { force: input.Force === true })
  return { OperationId: operation.id }
}
