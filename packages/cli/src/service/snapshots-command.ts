import { EngineError } from '@millrace/engine'
import { systemClock } from '@millrace/engine/spi'
import { answer, progress, table, withService } from './answer.ts'
import { sleep } from './follow-operation.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'
import { type Snapshot, SnapshotKind } from './snapshot-kinds.ts'

const POLL_MS = 100
/** A snapshot ends READY or FAILED before. */
const LIMIT_MS = 11 * 60_000

/** Lists an application's snapshots, or all enhanced ones, newest first. */
export function listSnapshotsCommand(application: string | undefined, options: ServiceOptions): Promise<number> {
  return withService(options, async (connection) => {
    const snapshots = await (await kindOf(connection, application)).list()
    const rows = snapshots.map((one) => [one.SnapshotName, one.SnapshotStatus, originOf(one), createdOf(one)])
    const none = `no snapshots yet: millrace snapshots create ${application ?? 'NAME'}`
    answer(options.json, { snapshots: snapshots.map(summary) }, rows.length === 0 ? none : table(rows))
  })
}

/** Takes a snapshot of an application that runs, which goes on, and waits until it is READY. */
export function createSnapshotCommand(
  application: string,
  snapshot: string | undefined,
  options: ServiceOptions,
): Promise<number> {
  return withService(options, async (connection) => {
    const name = snapshot ?? timeName()
    const kind = await SnapshotKind.of(connection, application)
    await kind.create(name)
    progress(`${name}: CREATING`)
    const taken = await settled(kind, name, 'CREATING')
    if (taken?.SnapshotStatus !== 'READY') throw failed(name, taken?.SnapshotStatus)
    answer(options.json, summary(taken), `${name} is READY`)
  })
}

/** Shows one: with `--json` all that the service describes. */
export function describeSnapshotCommand(
  name: string,
  snapshot: string | undefined,
  options: ServiceOptions,
): Promise<number> {
  return withService(options, async (connection) => {
    const [kind, snapshotName] = await meant(connection, name, snapshot)
    const described = await kind.describe(snapshotName)
    const rows = Object.entries({ kind: kind.kind, ...summary(described) }).map(([key, value]) => [key, String(value)])
    answer(options.json, described, table(rows))
  })
}

/** Deletes a snapshot and waits until it is gone. */
export function deleteSnapshotCommand(
  name: string,
  snapshot: string | undefined,
  options: ServiceOptions,
): Promise<number> {
  return withService(options, async (connection) => {
    const [kind, snapshotName] = await meant(connection, name, snapshot)
    await kind.delete(await kind.describe(snapshotName))
    const left = await settled(kind, snapshotName, 'DELETING')
    if (left !== undefined) throw failed(snapshotName, left.SnapshotStatus)
    answer(options.json, { name: snapshotName, deleted: true }, `${snapshotName} is deleted`)
  })
}

/** `NAME SNAPSHOT` is one of the application's, `SNAPSHOT` alone an enhanced one wherever it is from. */
async function meant(
  connection: ServiceConnection,
  name: string,
  snapshot: string | undefined,
): Promise<readonly [SnapshotKind, string]> {
  if (snapshot === undefined) return [await kindOf(connection, undefined), name]
  return [await kindOf(connection, name), snapshot]
}

async function kindOf(connection: ServiceConnection, application: string | undefined): Promise<SnapshotKind> {
  if (application === undefined) return new SnapshotKind('enhanced', connection)
  return SnapshotKind.of(connection, application)
}

/** The snapshot when it isn't in that state any more; undefined when it is gone. Errors: `SNAPSHOT_FAILED`. */
async function settled(kind: SnapshotKind, name: string, status: string): Promise<Snapshot | undefined> {
  const untilMs = systemClock.monotonicMs() + LIMIT_MS
  for (;;) {
    const snapshot = await kind.find(name)
    if (snapshot?.SnapshotStatus !== status) return snapshot
    if (systemClock.monotonicMs() > untilMs) throw failed(name, status)
    await sleep(POLL_MS)
  }
}

function summary(snapshot: Snapshot): Readonly<Record<string, unknown>> {
  const { SnapshotName: name, SnapshotStatus: status, SnapshotArn: arn } = snapshot
  const source = snapshot.SnapshotSourceDescription?.SourceApplicationDescription
  const version = snapshot.ApplicationVersionId ?? source?.ApplicationVersionId
  const application = snapshot.SourceApplicationName ?? source?.ApplicationName
  return defined({ name, status, version, application, arn, created: createdOf(snapshot) })
}

function defined(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function originOf({ ApplicationVersionId, SourceApplicationName }: Snapshot): string {
  return ApplicationVersionId === undefined ? (SourceApplicationName ?? 'imported') : `version ${ApplicationVersionId}`
}

function createdOf({ SnapshotCreationTimestamp }: Snapshot): string {
  return new Date(SnapshotCreationTimestamp * 1000).toISOString()
}

/** `2026-01-31T12-00-00.000Z`: names have no colons. */
function timeName(): string {
  return new Date(systemClock.now()).toISOString().replace(/:/g, '-')
}

function failed(snapshot: string, status = 'gone'): EngineError {
  return new EngineError('SNAPSHOT_FAILED', {
    kind: 'invalid',
    message: `Snapshot ${snapshot} is ${status}.`,
    hint: 'The log of its application tells more: millrace logs NAME',
    details: { snapshot },
  })
}
