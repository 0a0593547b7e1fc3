import type { ApplicationConfiguration, ApplicationRecord } from '../applications/application-record.ts'
import { invalidArgument } from '../wire/api-error.ts'

/** Which snapshots an application has: its own, or those of the account. */
export type SnapshotMode = NonNullable<ApplicationConfiguration['snapshotMode']>

/** Legacy unless it was told otherwise. */
export function snapshotModeOf({ snapshotMode }: ApplicationConfiguration): SnapshotMode {
  return snapshotMode ?? 'APPLICATION_SNAPSHOTS_LEGACY'
}

/**
 * Enhanced snapshots are for Flink 1.20 and later. Errors: `InvalidArgumentException`.
 * Source: Amazon's developer guide, "Set up enhanced snapshots".
 */
export function checkNewMode(asked: SnapshotMode | undefined, runtime: string): void {
  if (asked !== 'ENHANCED_SNAPSHOTS' || isEnhancedRuntime(runtime)) return
  throw invalidArgument(`SnapshotMode ENHANCED_SNAPSHOTS needs FLINK-1_20 or later; RuntimeEnvironment is ${runtime}.`)
}

/**
 * Nothing but a rollback leads back from enhanced snapshots, and none to a runtime without them. It's the runtime before
 * the update that counts: to get both takes two updates. The answer is the mode after it. Errors: `InvalidArgumentException`.
 * Source: Amazon's developer guide, "Upgrade an existing application to enhanced snapshots".
 */
export function updatedMode(
  { configuration, runtimeEnvironment }: ApplicationRecord,
  asked: SnapshotMode | undefined,
  runtimeUpdate: string | undefined,
): SnapshotMode {
  const before = snapshotModeOf(configuration)
  const after = asked ?? before
  if (before === 'ENHANCED_SNAPSHOTS' && after !== before) {
    throw invalidArgument(`SnapshotMode can't be ${after} any more: the application has enhanced snapshots.`)
  }
  checkNewMode(after, runtimeEnvironment)
  if (runtimeUpdate !== undefined) checkNewMode(after, runtimeUpdate)
  return after
}

function isEnhancedRuntime(runtime: string): boolean {
  const [, major, minor] = /^FLINK-(\d+)_(\d+)$/.exec(runtime) ?? []
  return Number(major) > 1 || Number(minor) >= 20
}
