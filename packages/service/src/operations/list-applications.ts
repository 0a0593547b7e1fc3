import { summarizeApplication } from '../applications/describe-application.ts'
import { type Operation, PAGE_SIZE } from './operation.ts'

/** Pages go by name: the next one's token is the last name of this one. */
export const listApplications: Operation<'ListApplications'> = async ({ Limit, NextToken }, { store }) => {
  const { items, next } = await store.listApplications(NextToken, Limit ?? PAGE_SIZE)
  return { ApplicationSummaries: items.map(summarizeApplication), NextToken: next }
}
