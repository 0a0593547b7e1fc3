import type { ApplicationDetail } from '@aws-sdk/client-kinesis-analytics-v2'
import { EngineError } from '@millrace/engine'
import { systemClock, systemScheduler } from '@millrace/engine/spi'
import { progress } from './answer.ts'
import type { ServiceConnection } from './service-connection.ts'

const POLL_MS = 100
/** The service ends every operation within ten minutes. */
const LIMIT_MS = 11 * 60_000

/** The application as the service describes it; undefined when there is none of that name. */
export async function describeApplication(
  { client, api }: ServiceConnection,
  name: string,
): Promise<ApplicationDetail | undefined> {
  try {
    return (await client.send(new api.DescribeApplicationCommand({ ApplicationName: name }))).ApplicationDetail
  } catch (error) {
    if (error instanceof api.ResourceNotFoundException) return undefined
    throw error
  }
}

/**
 * Waits for an operation's end, telling each state the application goes through; answers with the application as it is
 * then, or undefined when it is gone. Errors: `OPERATION_FAILED` with the cause the service gives, `OPERATION_CANCELLED`.
 */
export async function followOperation(
  connection: ServiceConnection,
  name: string,
  operationId: string | undefined,
): Promise<ApplicationDetail | undefined> {
  const { client, api } = connection
  const startedMs = systemClock.monotonicMs()
  let shown: string | undefined
  const look = async (): Promise<ApplicationDetail | undefined> => {
    const application = await describeApplication(connection, name)
    const status = application?.ApplicationStatus
    const seconds = ((systemClock.monotonicMs() - startedMs) / 1000).toFixed(1)
    if (status !== undefined && status !== shown) progress(`${name}: ${status} (${seconds} s)`)
    shown = status
    return application
  }
  for (;;) {
    if ((await look()) === undefined) return undefined
    const { ApplicationOperationInfoDetails: operation } = await client.send(
      new api.DescribeApplicationOperationCommand({ ApplicationName: name, OperationId: operationId }),
    )
    if (operation?.OperationStatus === 'SUCCESSFUL') return await look()
    if (operation?.OperationStatus === 'FAILED') {
      const { ErrorInfo, RollbackOperationId } = operation.OperationFailureDetails ?? {}
      const wentBack = RollbackOperationId !== undefined && (await rolledBack(connection, name, RollbackOperationId))
      throw failed(name, operation.Operation, ErrorInfo?.ErrorString, wentBack ? await whereNow(connection, name) : '')
    }
    if (operation?.OperationStatus === 'CANCELLED') throw cancelled(name, operation.Operation)
    if (systemClock.monotonicMs() - startedMs > LIMIT_MS) throw failed(name, operation?.Operation, 'it takes too long')
    await sleep(POLL_MS)
  }
}

/** Waits for the rollback that a failed operation has begun. */
async function rolledBack(connection: ServiceConnection, name: string, operationId: string): Promise<boolean> {
  try {
    await followOperation(connection, name, operationId)
    return true
  } catch (error) {
    if (error instanceof EngineError && error.code === 'OPERATION_FAILED') return false
    throw error
  }
}

async function whereNow(connection: ServiceConnection, name: string): Promise<string> {
  const now = await describeApplication(connection, name)
  return ` It was rolled back and is ${now?.ApplicationStatus}, version ${now?.ApplicationVersionId}.`
}

/** Waits until an application that is being deleted is gone. Errors: `OPERATION_FAILED`. */
export async function followDeletion(connection: ServiceConnection, name: string): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  for (;;) {
    const application = await describeApplication(connection, name)
    if (application === undefined) return
    const isTooLong = systemClock.monotonicMs() - startedMs > LIMIT_MS
    if (application.ApplicationStatus !== 'DELETING' || isTooLong) {
      throw failed(name, 'DeleteApplication', `it is ${application.ApplicationStatus}`)
    }
    await sleep(POLL_MS)
  }
}

/** The process must be held meanwhile. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void systemScheduler.after(ms, resolve))
}

function failed(
  name: string,
  operation = 'The operation',
  cause = 'the service gave no cause',
  after = '',
): EngineError {
  return new EngineError('OPERATION_FAILED', {
    // It was the application, but far away: the stack of this process would tell nothing.
    kind: 'invalid',
    message: `${operation} of ${name} failed: ${cause}${after === '' ? '' : `.${after}`}`,
    hint: `Its log tells more: millrace logs ${name}`,
    details: { name, operation },
  })
}

function cancelled(name: string, operation = 'The operation'): EngineError {
  return new EngineError('OPERATION_CANCELLED', {
    kind: 'invalid',
    message: `${operation} of ${name} was cancelled by a forced stop.`,
    details: { name, operation },
  })
}
