import { describeApplication } from '../applications/describe-application.ts'
import { checkVersion } from './expected-version.ts'
import { existingApplication, type Operation } from './operation.ts'

/** Back to the version before, with the newest state. */
export const rollbackApplication: Operation<'RollbackApplication'> = async (input, context) => {
  const before = await existingApplication(context, input.ApplicationName)
  checkVersion(before, input)
  const { application, operation } = await context.lifecycle.rollback(before)
  return { ApplicationDetail: describeApplication(application), OperationId: operation.id }
}
