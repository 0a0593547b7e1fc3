import { systemSnapshotPrefix } from '../applications/system-snapshot.ts'
import { accountScope, type SnapshotRecord } from '../snapshots/snapshot-record.ts'
import { invalidArgument } from '../wire/api-error.ts'
import { type ApplicationContext, existingApplication } from './operation.ts'
import { arnOfSnapshot, snapshotNotFound } from './snapshot-description.ts'

/** A legacy snapshot. Errors: `ResourceNotFoundException`, also for the application. */
export async function existingLegacySnapshot(
  context: ApplicationContext,
  applicationName: string,
  name: string,
): Promise<SnapshotRecord> {
  const application = await existingApplication(context, applicationName)
  const snapshot = await context.store.snapshot(application.name, name)
  if (snapshot === undefined) throw snapshotNotFound(`${name} of ${applicationName}`)
  return snapshot
}

/** An enhanced snapshot. Errors: `ResourceNotFoundException`. */
export async function existingSnapshot(context: ApplicationContext, name: string): Promise<SnapshotRecord> {
  const snapshot = await context.store.snapshot(accountScope, name)
  if (snapshot === undefined) throw snapshotNotFound(name)
  return snapshot
}

/** The name of the enhanced snapshot with this ARN; undefined for an ARN of something else or of nothing. */
export async function snapshotOfArn(context: ApplicationContext, arn: string): Promise<string | undefined> {
  const name = arn.slice(arn.lastIndexOf('/') + 1)
  if (arn !== arnOfSnapshot(context, name)) return undefined
  return (await context.store.snapshot(accountScope, name))?.name
}

/** Errors: `InvalidArgumentException` for a name that is the service's own, or that of no folder. */
export function checkSnapshotName(name: string): void {
  if (name.toUpperCase().startsWith(systemSnapshotPrefix)) {
    throw invalidArgument(`Names that begin with ${systemSnapshotPrefix} are reserved for the service's own snapshots.`)
  }
  if (name === '.' || name === '..') throw invalidArgument(`'${name}' can't be the name of a snapshot.`)
}
