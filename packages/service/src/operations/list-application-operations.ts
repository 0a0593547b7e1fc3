import type { OperationRecord } from '../applications/application-record.ts'
import { toSeconds } from '../applications/describe-application.ts'
import type { Shapes } from '../model/shapes.ts'
import { existingApplication, type Operation, PAGE_SIZE } from './operation.ts'
import { checkedToken } from './page-token.ts'

/** Newest first. */
export const listApplicationOperations: Operation<'ListApplicationOperations'> = async (input, context) => {
  const { name } = await existingApplication(context, input.ApplicationName)
  const filter = { name: input.Operation, status: input.OperationStatus }
  const { items, next } = await context.store.listOperations(
    name,
    filter,
    checkedToken(input.NextToken),
    input.Limit ?? PAGE_SIZE,
  )
  return { ApplicationOperationInfoList: items.map(summarize), NextToken: next }
}

function summarize(operation: OperationRecord): Shapes['ApplicationOperationInfo'] {
  return {
    Operation: operation.name,
    OperationId: operation.id,
    StartTime: toSeconds(operation.startedMs),
    EndTime: operation.endedMs === undefined ? undefined : toSeconds(operation.endedMs),
    OperationStatus: operation.status,
  }
}
