import type { ApplicationRecord, ApplicationStatus } from '../applications/application-record.ts'

/** Statuses in which nothing runs and nothing is under way. */
export const restingStatuses: readonly ApplicationStatus[] = ['READY', 'ROLLED_BACK']

/** Whether some node must attend to the application. */
export function isNeeded(status: ApplicationStatus, operationInProgress: boolean): boolean {
  return operationInProgress || !restingStatuses.includes(status)
}

/** KPUs an application has when it runs. Source: Amazon's parallelism / parallelismPerKPU, rounded up. */
export function runsKpus({ configuration }: Pick<ApplicationRecord, 'configuration'>): number {
  const { parallelism, parallelismPerKpu } = configuration.parallelism
  return Math.ceil(parallelism / parallelismPerKpu)
}
