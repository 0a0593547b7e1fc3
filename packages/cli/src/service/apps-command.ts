import type {
  ApplicationDetail,
  ApplicationSummary,
  ParallelismConfigurationDescription,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { EngineError } from '@millrace/engine'
import { allPages } from './all-pages.ts'
import { answer, table, withService } from './answer.ts'
import { askApplication } from './application-route.ts'
import { describeApplication, followDeletion, followOperation } from './follow-operation.ts'
import { isolationOf } from './isolation-line.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'
import { SnapshotKind } from './snapshot-kinds.ts'

/** Lists the service's applications. */
export function listCommand(options: ServiceOptions): Promise<number> {
  return withService(options, async ({ client, api }) => {
    const summaries = await allPages(
      (NextToken) => client.send(new api.ListApplicationsCommand({ NextToken })),
      (page) => page.ApplicationSummaries,
    )
    const rows = summaries.map((one) => [one.ApplicationName, one.ApplicationStatus, String(one.ApplicationVersionId)])
    const text = rows.length === 0 ? 'no applications yet: millrace deploy app.ts --name NAME' : table(rows)
    answer(options.json, { applications: summaries.map(summary) }, text)
  })
}

/** Shows one application; with `--json` all that the service describes. */
export function describeCommand(name: string, options: ServiceOptions): Promise<number> {
  return withService(options, async (connection) => {
    const application = await existing(connection, name)
    const isolation = options.json ? undefined : await isolationOf(connection, name)
    answer(options.json, application, table([...description(application), ['isolation', isolation ?? 'not known']]))
  })
}

/** How `millrace apps start` starts. */
export interface StartOptions extends ServiceOptions {
  readonly skipRestore: boolean
  /** The snapshot to begin with, in place of the latest state. */
  readonly snapshot?: string
  readonly allowNonRestoredState: boolean
}

/** Starts an application from its latest state and waits until it runs. */
export function startCommand(name: string, options: StartOptions): Promise<number> {
  return withService(options, async (connection) => {
    tell(options.json, await startApplication(connection, name, options))
  })
}

/** Starts it, by default from its latest state; answers with the application as it is then. */
export async function startApplication(
  connection: ServiceConnection,
  name: string,
  { skipRestore, snapshot, allowNonRestoredState }: Omit<StartOptions, keyof ServiceOptions>,
): Promise<ApplicationDetail | undefined> {
  const latest = {
    ApplicationRestoreType: skipRestore ? 'SKIP_RESTORE_FROM_SNAPSHOT' : 'RESTORE_FROM_LATEST_SNAPSHOT',
  }
  const { OperationId } = await connection.call('StartApplication', {
    ApplicationName: name,
    RunConfiguration: {
      ApplicationRestoreConfiguration:
        snapshot === undefined ? latest : await (await SnapshotKind.of(connection, name)).restoration(snapshot),
      FlinkRunConfiguration: { AllowNonRestoredState: allowNonRestoredState },
    },
  })
  return followOperation(connection, name, OperationId as string)
}

/** How `millrace apps stop` stops: one of both at most. */
export interface StopOptions extends ServiceOptions {
  /** At once, without a snapshot. */
  readonly force: boolean
  /** Ends event time first. */
  readonly drain: boolean
}

/** Stops an application with a snapshot, or at once by force, and waits until it has. */
export function stopCommand(name: string, { force, drain, ...options }: StopOptions): Promise<number> {
  return withService(options, async (connection) => {
    const { client, api } = connection
    const operationId = drain
      ? await drainJob(connection, name)
      : (await client.send(new api.StopApplicationCommand({ ApplicationName: name, Force: force }))).OperationId
    tell(options.json, await followOperation(connection, name, operationId))
  })
}

/** Amazon's API has no word for it; the monitoring API does. Answers with the operation's id. */
async function drainJob(connection: ServiceConnection, name: string): Promise<string> {
  const { ApplicationStatus } = await existing(connection, name)
  const listed = await askApplication(connection, name, '/flink/jobs')
  const { jobs } = (await listed.json()) as { readonly jobs: readonly { readonly id: string }[] }
  const [job] = jobs
  if (ApplicationStatus !== 'RUNNING' || job === undefined) throw notRunning(name, ApplicationStatus)
  const accepted = await askApplication(connection, name, `/flink/jobs/${job.id}/stop`, { drain: true })
  const { 'request-id': id } = (await accepted.json()) as { readonly 'request-id': string }
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Deletes an application with its state and waits until it is gone. A running one needs `--force`. */
export function deleteCommand(name: string, options: ServiceOptions & { readonly force: boolean }): Promise<number> {
  return withService(options, async (connection) => {
    const { client, api } = connection
    const { CreateTimestamp, ApplicationStatus } = await existing(connection, name)
    if (ApplicationStatus !== 'READY' && !options.force) throw stillRuns(name, ApplicationStatus)
    await client.send(new api.DeleteApplicationCommand({ ApplicationName: name, CreateTimestamp }))
    await followDeletion(connection, name)
    answer(options.json, { name, deleted: true }, `${name} is deleted`)
  })
}

/** The short form of an application in answers. */
export function summary({
  ApplicationName: name,
  ApplicationStatus: status,
  ApplicationVersionId: version,
  ApplicationARN: arn,
  RuntimeEnvironment: runtime,
}: ApplicationSummary | ApplicationDetail): Readonly<Record<string, unknown>> {
  return { name, status, version, arn, runtime }
}

/** Answers with the application as it is after an operation. */
export function tell(json: boolean, application: ApplicationDetail | undefined): void {
  if (application === undefined) answer(json, { deleted: true }, 'it was deleted meanwhile')
  else answer(json, summary(application), `${application.ApplicationName} is ${application.ApplicationStatus}`)
}

/** The application as the service describes it. Errors: `ResourceNotFoundException`. */
export async function existing(connection: ServiceConnection, name: string): Promise<ApplicationDetail> {
  const application = await describeApplication(connection, name)
  if (application !== undefined) return application
  throw new EngineError('ResourceNotFoundException', {
    kind: 'invalid',
    message: `There is no application ${name} at ${connection.url}.`,
    hint: 'millrace apps lists what is there.',
  })
}

function stillRuns(name: string, status: string | undefined): EngineError {
  return new EngineError('APPLICATION_RUNNING', {
    kind: 'invalid',
    message: `${name} is ${status}: deleting it ends it without a snapshot.`,
    hint: `Stop it first (millrace apps stop ${name}), or say --force.`,
  })
}

function notRunning(name: string, status: string | undefined): EngineError {
  return new EngineError('APPLICATION_NOT_RUNNING', {
    kind: 'invalid',
    message: `${name} is ${status}: there is no job to drain.`,
    hint: `millrace apps start ${name} starts it.`,
  })
}

function description(application: ApplicationDetail): [string, string][] {
  const { ApplicationConfigurationDescription: configuration } = application
  const flink = configuration?.FlinkApplicationConfigurationDescription
  const code = configuration?.ApplicationCodeConfigurationDescription?.CodeContentDescription
  const groups = configuration?.EnvironmentPropertyDescriptions?.PropertyGroupDescriptions ?? []
  const checkpoints = flink?.CheckpointConfigurationDescription
  return [
    ['name', application.ApplicationName ?? ''],
    ['status', application.ApplicationStatus ?? ''],
    ['version', String(application.ApplicationVersionId)],
    ['arn', application.ApplicationARN ?? ''],
    ['runtime', application.RuntimeEnvironment ?? ''],
    ['created', application.CreateTimestamp?.toISOString() ?? ''],
    ['updated', application.LastUpdateTimestamp?.toISOString() ?? ''],
    ['code', code === undefined ? 'none' : `${code.CodeSize} bytes, md5 ${code.CodeMD5}`],
    ['parallelism', parallelismText(flink?.ParallelismConfigurationDescription ?? {})],
    ['checkpoints', checkpoints?.CheckpointingEnabled ? `every ${checkpoints.CheckpointInterval} ms` : 'off'],
    ['auto-rollback', configuration?.ApplicationSystemRollbackConfigurationDescription?.RollbackEnabled ? 'on' : 'off'],
    ['log level', flink?.MonitoringConfigurationDescription?.LogLevel ?? ''],
    ...groups.map(({ PropertyGroupId, PropertyMap }): [string, string] => [
      `properties ${PropertyGroupId}`,
      Object.keys(PropertyMap ?? {}).join(', '),
    ]),
  ]
}

function parallelismText({
  Parallelism: configured,
  CurrentParallelism: current = configured,
  AutoScalingEnabled,
}: ParallelismConfigurationDescription): string {
  const configuredToo = current === configured ? '' : ` now, ${configured} configured`
  return `${current}${configuredToo}; auto-scaling ${AutoScalingEnabled ? 'on' : 'off'}`
}
