import { describeApplication as described } from '../applications/describe-application.ts'
import { existingApplication, type Operation } from './operation.ts'

export const describeApplication: Operation<'DescribeApplication'> = async (input, context) => {
  const application = await existingApplication(context, input.ApplicationName)
  const asksForPlan = input.IncludeAdditionalDetails === true
  const jobPlan = asksForPlan ? await context.lifecycle.jobPlan?.(application.name) : undefined
  return { ApplicationDetail: described(application, jobPlan) }
}
