import { EngineError } from '@millrace/engine'
import { allPages } from './all-pages.ts'
import { answer, progress, table, withService } from './answer.ts'
import { sleep } from './follow-operation.ts'
import { roleArn } from './role-arn.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'

const POLL_MS = 250

/** How `millrace snapshots import` and `export` reach the bucket. */
export interface TransferOptions extends ServiceOptions {
  /** Name or ARN of the role in whose name the service reads or writes there. */
  readonly role: string
}

interface SnapshotOperation {
  readonly SnapshotOperation: string
  readonly SnapshotOperationId: string
  readonly SnapshotOperationStatus: string
  readonly StartTime: number
  readonly EndTime?: number
  readonly SnapshotOperationFailureDetails?: { readonly ErrorInfo?: { readonly ErrorString?: string } }
  readonly SnapshotDestinationLocationDescription?: { readonly S3PrefixLocation?: { readonly ExportedPrefix?: string } }
}

/** Makes an enhanced snapshot of a savepoint in a bucket and waits until it is READY. */
export function importSnapshotCommand(snapshot: string, from: string, options: TransferOptions): Promise<number> {
  return withService(options, async (connection) => {
    const location = locationOf(from)
    const ImportSourceConfiguration = {
      SourceType: 'S3',
      ImportRoleArn: await roleArn(connection, options.role),
      SourceS3PrefixLocation: location,
    }
    await carryOut(connection, snapshot, 'ImportSnapshot', { ImportSourceConfiguration })
    answer(options.json, { name: snapshot, status: 'READY' }, `${snapshot} is READY`)
  })
}

/** Copies an enhanced snapshot into a bucket and waits until all of it is there. */
export function exportSnapshotCommand(snapshot: string, to: string, options: TransferOptions): Promise<number> {
  return withService(options, async (connection) => {
    const location = locationOf(to)
    const ExportDestinationConfiguration = {
      DestinationType: 'S3',
      ExportRoleArn: await roleArn(connection, options.role),
      DestinationS3PrefixLocation: location,
    }
    const operation = await carryOut(connection, snapshot, 'ExportSnapshot', { ExportDestinationConfiguration })
    const prefix = operation.SnapshotDestinationLocationDescription?.S3PrefixLocation?.ExportedPrefix ?? ''
    const place = `s3://${location.BucketARN.slice(bucketArn.length)}/${prefix}`
    answer(options.json, { name: snapshot, location: place }, place)
  })
}

/** Lists what was done with an enhanced snapshot, newest first. */
export function snapshotOperationsCommand(snapshot: string, options: ServiceOptions): Promise<number> {
  return withService(options, async (connection) => {
    const operations = await allPages(
      (NextToken) => connection.call('ListSnapshotOperations', { SnapshotName: snapshot, NextToken }),
      (page) => page['SnapshotOperationInfoList'] as readonly SnapshotOperation[],
    )
    const short = operations.map((one) => ({
      id: one.SnapshotOperationId,
      operation: one.SnapshotOperation,
      status: one.SnapshotOperationStatus,
      started: timeOf(one.StartTime),
      ended: one.EndTime === undefined ? undefined : timeOf(one.EndTime),
    }))
    answer(options.json, { operations: short }, table(short.map((one) => [one.started, one.operation, one.status])))
  })
}

/** Errors: `SNAPSHOT_FAILED` with the cause the service gives. */
async function carryOut(
  { call }: ServiceConnection,
  SnapshotName: string,
  operation: 'ImportSnapshot' | 'ExportSnapshot',
  input: object,
): Promise<SnapshotOperation> {
  const { SnapshotOperationId } = await call(operation, { SnapshotName, ...input })
  progress(`${SnapshotName}: ${operation} IN_PROGRESS`)
  for (;;) {
    const answer = await call('DescribeSnapshotOperation', { SnapshotName, SnapshotOperationId })
    const details = answer['SnapshotOperationInfoDetails'] as SnapshotOperation
    if (details.SnapshotOperationStatus === 'SUCCESSFUL') return details
    if (details.SnapshotOperationStatus !== 'IN_PROGRESS') throw failed(SnapshotName, details)
    await sleep(POLL_MS)
  }
}

const bucketArn = 'arn:aws:s3:::'

/** `s3://bucket/prefix` as the API has it. Errors: `LOCATION_INVALID` (invalid). */
function locationOf(text: string) {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(text) ?? []
  if (bucket !== undefined) return { BucketARN: `${bucketArn}${bucket}`, KeyPrefix: prefix }
  throw new EngineError('LOCATION_INVALID', {
    kind: 'invalid',
    message: `'${text}' is not a place on S3.`,
    hint: 'Give one such as s3://bucket/prefix.',
  })
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}

function failed(snapshot: string, operation: SnapshotOperation): EngineError {
  const cause = operation.SnapshotOperationFailureDetails?.ErrorInfo?.ErrorString ?? 'the service gave no cause'
  return new EngineError('SNAPSHOT_FAILED', {
    kind: 'invalid',
    message: `${operation.SnapshotOperation} of ${snapshot} is ${operation.SnapshotOperationStatus}: ${cause}`,
    hint: 'Look whether the role may reach the bucket, and the prefix holds a savepoint.',
    details: { snapshot },
  })
}
