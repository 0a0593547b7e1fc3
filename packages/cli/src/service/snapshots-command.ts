import type { SnapshotDetails } from '@aws-sdk/client-kinesis-analytics-v2'
import { EngineError } from '@millrace/engine'
import { systemClock } from '@millrace/engine/spi'
import { answer, progress, table, withService } from './answer.ts'
import { sleep } from './follow-operation.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'

const POLL_MS = 100
/** A snapshot ends READY or FAILED before. */
const LIMIT_MS = 11 * 60_000

/** Lists an application's snapshots, newest first. */
export function listSnapshotsCommand(name: string, options: ServiceOptions): Promise<number> {
  return withService(options, async ({ client, api }) => {
    const snapshots: SnapshotDetails[] = []
    let NextToken: string | undefined
    do {
      const page = await client.send(new api.ListApplicationSnapshotsCommand({ ApplicationName: name, NextToken }))
      snapshots.push(...(page.SnapshotSummaries ?? []))
      NextToken = page.NextToken
    } while (NextToken !== undefined)
    const rows = snapshots.map((one) => [
      one.SnapshotName,
      one.SnapshotStatus,
      `version ${one.ApplicationVersionId}`,
      one.SnapshotCreationTimestamp?.toISOString(),
    ])
    const text = rows.length === 0 ? `no snapshots yet: millrace snapshots create ${name}` : table(rows)
    answer(options.json, { snapshots: snapshots.map(summary) }, text)
  })
}

/** Takes a snapshot of an application that runs, which goes on, and waits until it is READY. */
export function createSnapshotCommand(
  name: string,
  snapshot: string | undefined,
  options: ServiceOptions,
): Promise<number> {
  return withService(options, async (connection) => {
    const { client, api } = connection
    const SnapshotName = snapshot ?? timeName()
    await client.send(new api.CreateApplicationSnapshotCommand({ ApplicationName: name, SnapshotName }))
    progress(`${SnapshotName}: CREATING`)
    const taken = await follow(connection, name, SnapshotName, ({ SnapshotStatus }) => SnapshotStatus !== 'CREATING')
    if (taken?.SnapshotStatus !== 'READY') throw failed(name, SnapshotName, taken?.SnapshotStatus)
    answer(options.json, summary(taken), `${SnapshotName} is READY`)
  })
}

/** Deletes a snapshot and waits until it is gone. */
export function deleteSnapshotCommand(name: string, snapshot: string, options: ServiceOptions): Promise<number> {
  return withService(options, async (connection) => {
    const { client, api } = connection
    const key = { ApplicationName: name, SnapshotName: snapshot }
    const { SnapshotDetails } = await client.send(new api.DescribeApplicationSnapshotCommand(key))
    const SnapshotCreationTimestamp = SnapshotDetails?.SnapshotCreationTimestamp
    await client.send(new api.DeleteApplicationSnapshotCommand({ ...key, SnapshotCreationTimestamp }))
    await follow(connection, name, snapshot, () => false)
    answer(options.json, { name: snapshot, deleted: true }, `${snapshot} is deleted`)
  })
}

/** Waits until a snapshot is as asked, or gone: undefined. */
async function follow(
  { client, api }: ServiceConnection,
  name: string,
  snapshot: string,
  isSo: (details: SnapshotDetails) => boolean,
): Promise<SnapshotDetails | undefined> {
  const untilMs = systemClock.monotonicMs() + LIMIT_MS
  for (;;) {
    try {
      const command = new api.DescribeApplicationSnapshotCommand({ ApplicationName: name, SnapshotName: snapshot })
      const { SnapshotDetails: details } = await client.send(command)
      if (details !== undefined && isSo(details)) return details
      if (systemClock.monotonicMs() > untilMs) throw failed(name, snapshot, details?.SnapshotStatus)
    } catch (error) {
      if (error instanceof api.ResourceNotFoundException) return undefined
      throw error
    }
    await sleep(POLL_MS)
  }
}

function summary({
  SnapshotName: name,
  SnapshotStatus: status,
  ApplicationVersionId: version,
  SnapshotCreationTimestamp: created,
}: SnapshotDetails): Readonly<Record<string, unknown>> {
  return { name, status, version, created: created?.toISOString() }
}

/** `2026-01-31T12-00-00.000Z`: names have no colons. */
function timeName(): string {
  return new Date(systemClock.now()).toISOString().replace(/:/g, '-')
}

function failed(name: string, snapshot: string, status = 'gone'): EngineError {
  return new EngineError('SNAPSHOT_FAILED', {
    kind: 'invalid',
    message: `Snapshot ${snapshot} of ${name} is ${status}.`,
    hint: `Its application's log tells more: millrace logs ${name}`,
    details: { name, snapshot },
  })
}
