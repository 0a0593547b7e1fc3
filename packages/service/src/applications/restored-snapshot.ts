import { accountScope, type SnapshotRecord } from '../snapshots/snapshot-record.ts'
import type { SnapshotStore } from '../storage/snapshot-store.ts'
import type { RunConfiguration } from './application-record.ts'

/** The snapshot that RESTORE_FROM_CUSTOM_SNAPSHOT names: one of the application by its name, an enhanced one by its ARN. */
export function customSnapshot(
  store: SnapshotStore,
  applicationName: string,
  run: Partial<RunConfiguration> | undefined,
): Promise<SnapshotRecord | undefined> {
  const { snapshotName, snapshotArn } = run ?? {}
  if (snapshotArn !== undefined) return store.snapshot(accountScope, snapshotNameOf(snapshotArn))
  return store.snapshot(applicationName, snapshotName ?? '')
}

/** `arn:…:snapshot/NAME` → NAME; a name is taken as it is. */
export function snapshotNameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(':snapshot/') < 0 ? 0 : arn.lastIndexOf(':snapshot/') + ':snapshot/'.length)
}
