import { invalidArgument } from '../wire/api-error.ts'
import type { ApplicationConfiguration, ApplicationRecord, RunConfiguration } from './application-record.ts'
import { greatestParallelism } from './kpus.ts'

/** An update that doesn't say otherwise doesn't drop state (Amazon resets AllowNonRestoredState). */
export function updatedRun(
  before: RunConfiguration | undefined,
  asked: Partial<RunConfiguration> | undefined,
): RunConfiguration | undefined {
  if (before === undefined && asked === undefined) return undefined
  const { restoreType, allowNonRestoredState = false, ...snapshot } = asked ?? {}
  if (restoreType === undefined) {
    return { restoreType: 'RESTORE_FROM_LATEST_SNAPSHOT', ...before, allowNonRestoredState }
  }
  return { restoreType, allowNonRestoredState, ...snapshot }
}

/** What scaling has brought about stays, unless the update says something else about parallelism. */
export function updatedParallelism(
  { configuration: before, currentParallelism }: ApplicationRecord,
  { parallelism: after }: ApplicationConfiguration,
): number | undefined {
  return JSON.stringify(before.parallelism) === JSON.stringify(after) ? currentParallelism : undefined
}

/** Errors: `InvalidArgumentException`. */
export function checkParallelism({ configuration }: ApplicationRecord, currentParallelism: number): void {
  const most = greatestParallelism(configuration.parallelism)
  if (Number.isInteger(currentParallelism) && currentParallelism >= 1 && currentParallelism <= most) return
  throw invalidArgument(`CurrentParallelism is ${currentParallelism}; it can be from 1 to ${most}.`)
}
