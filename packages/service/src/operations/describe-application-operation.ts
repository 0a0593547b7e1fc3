import type { OperationRecord } from '../applications/application-record.ts'
import { toSeconds } from '../applications/describe-application.ts'
import type { Shapes } from '../model/shapes.ts'
import { ApiError } from '../wire/api-error.ts'
import { existingApplication, type Operation } from './operation.ts'

export const describeApplicationOperation: Operation<'DescribeApplicationOperation'> = async (input, context) => {
  const { name } = await existingApplication(context, input.ApplicationName)
  const operation = await context.store.operation(name, input.OperationId)
  if (operation === undefined) {
    throw new ApiError('ResourceNotFoundException', `${name} has no operation ${input.OperationId}.`)
  }
  return { ApplicationOperationInfoDetails: describe(operation) }
}

function describe(operation: OperationRecord): Shapes['ApplicationOperationInfoDetails'] {
  const { versionFrom, versionTo, error, rollbackOperationId } = operation
  return {
    Operation: operation.name,
    StartTime: toSeconds(operation.startedMs),
    // The model wants one always: while the operation is in progress it's the time of its start.
    EndTime: toSeconds(operation.endedMs ?? operation.startedMs),
    OperationStatus: operation.status,
    ApplicationVersionChangeDetails:
      versionFrom === undefined || versionTo === undefined
        ? undefined
        : { ApplicationVersionUpdatedFrom: versionFrom, ApplicationVersionUpdatedTo: versionTo },
    OperationFailureDetails:
      error === undefined
        ? undefined
        : { RollbackOperationId: rollbackOperationId, ErrorInfo: { ErrorString: error.slice(0, 512) } },
  }
}
