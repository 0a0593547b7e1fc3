import { existingApplication, type Operation, PAGE_SIZE } from './operation.ts'
import { checkedToken } from './page-token.ts'

/** Newest first; each with the status that the application had as long as this was its version. */
export const listApplicationVersions: Operation<'ListApplicationVersions'> = async (input, context) => {
  const { name } = await existingApplication(context, input.ApplicationName)
  const { items, next } = await context.store.listVersions(
    name,
    checkedToken(input.NextToken),
    input.Limit ?? PAGE_SIZE,
  )
  return {
    ApplicationVersionSummaries: items.map(({ versionId, status }) => ({
      ApplicationVersionId: versionId,
      ApplicationStatus: status,
    })),
    NextToken: next,
  }
}
