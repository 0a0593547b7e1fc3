import { invalidArgument } from '../wire/api-error.ts'
import { type Operation, PAGE_SIZE } from './operation.ts'
import { checkedToken } from './page-token.ts'
import { describeLegacy } from './snapshot-description.ts'

/** Newest first. Its model has no error for an application that isn't there but InvalidArgumentException. */
export const listApplicationSnapshots: Operation<'ListApplicationSnapshots'> = async (input, { store }) => {
  const { ApplicationName: name, NextToken, Limit = PAGE_SIZE } = input
  if ((await store.application(name)) === undefined) throw invalidArgument(`There is no application ${name}.`)
  const { items, next } = await store.listSnapshots(name, {}, checkedToken(NextToken), Limit)
  return { SnapshotSummaries: items.map(describeLegacy), NextToken: next }
}
