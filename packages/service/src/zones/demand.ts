import type { ApplicationStatus } from '../applications/application-record.ts'

/** Statuses in which nothing runs and nothing is under way. */
export const restingStatuses: readonly ApplicationStatus[] = ['READY', 'ROLLED_BACK']

/** Whether some node must attend to the application. */
export function isNeeded(status: ApplicationStatus, operationInProgress: boolean): boolean {
  return operationInProgress || !restingStatuses.includes(status)
}
