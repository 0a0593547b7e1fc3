import { createHash } from 'node:crypto'
import type {
  ApplicationConfigurationUpdate,
  ApplicationDetail,
  CheckpointConfiguration,
  EnvironmentProperties,
  ParallelismConfiguration,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { systemClock } from '@millrace/engine/spi'
import { bundleApplication } from '../application/bundle-application.ts'
import { readProperties } from '../application/properties.ts'
import { answer, progress, withService } from './answer.ts'
import { runConfiguration, summary } from './apps-command.ts'
import { describeApplication, followOperation } from './follow-operation.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'

/** What `millrace deploy` was asked for. */
export interface DeployOptions extends ServiceOptions {
  readonly name: string
  readonly parallelism?: number
  readonly properties?: string
  /** Milliseconds. */
  readonly checkpointInterval?: number
  readonly allowNonRestoredState: boolean
  readonly start: boolean
  readonly runtime: string
  readonly role: string
}

/** What is deployed, as the API takes it; what wasn't given is undefined and stays as it is at the service. */
interface Deployment {
  readonly bundle: Uint8Array
  readonly properties: EnvironmentProperties | undefined
  readonly parallelism: ParallelismConfiguration | undefined
  readonly checkpoints: CheckpointConfiguration | undefined
}

/** Bundles an application, creates or updates it at the service, and follows it until it runs. */
export function deployCommand(application: string, options: DeployOptions): Promise<number> {
  return withService(options, async (connection) => {
    const startedMs = systemClock.monotonicMs()
    const deployment = await prepare(application, options)
    const before = await describeApplication(connection, options.name)
    const deployed =
      before === undefined
        ? await create(connection, deployment, options)
        : await update(connection, deployment, before, options)
    const isRunning = deployed?.ApplicationStatus === 'RUNNING'
    const now = isRunning || !options.start ? deployed : await start(connection, options)
    const durationMs = Math.round(systemClock.monotonicMs() - startedMs)
    const text = `${options.name} is ${now?.ApplicationStatus}, version ${now?.ApplicationVersionId}`
    answer(options.json, now === undefined ? { deleted: true } : { ...summary(now), durationMs }, text)
  })
}

async function prepare(application: string, options: DeployOptions): Promise<Deployment> {
  const bundle = await bundleApplication(application)
  progress(`${application}: bundled, ${Math.ceil(bundle.length / 1024)} KiB`)
  const groups = Object.entries(readProperties(options.properties, application))
  const { parallelism, checkpointInterval } = options
  return {
    bundle,
    properties:
      groups.length === 0
        ? undefined
        : { PropertyGroups: groups.map(([PropertyGroupId, PropertyMap]) => ({ PropertyGroupId, PropertyMap })) },
    parallelism:
      parallelism === undefined
        ? undefined
        : { ConfigurationType: 'CUSTOM', Parallelism: parallelism, AutoScalingEnabled: false },
    checkpoints:
      checkpointInterval === undefined
        ? undefined
        : {
            ConfigurationType: 'CUSTOM',
            CheckpointingEnabled: true,
            CheckpointInterval: checkpointInterval,
            MinPauseBetweenCheckpoints: 0,
          },
  }
}

async function create(
  { client, api }: ServiceConnection,
  { bundle, properties, parallelism, checkpoints }: Deployment,
  { name, runtime, role }: DeployOptions,
): Promise<ApplicationDetail | undefined> {
  const { ApplicationDetail: created } = await client.send(
    new api.CreateApplicationCommand({
      ApplicationName: name,
      RuntimeEnvironment: runtime as (typeof api.RuntimeEnvironment)[keyof typeof api.RuntimeEnvironment],
      ServiceExecutionRole: role,
      ApplicationConfiguration: {
        ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: bundle } },
        EnvironmentProperties: properties,
        FlinkApplicationConfiguration: {
          ParallelismConfiguration: parallelism,
          CheckpointConfiguration: checkpoints,
        },
      },
    }),
  )
  progress(`${name}: created, version ${created?.ApplicationVersionId}`)
  return created
}

/** A running application is restarted with its state; what is as it was isn't touched. */
async function update(
  connection: ServiceConnection,
  deployment: Deployment,
  before: ApplicationDetail,
  { name, allowNonRestoredState }: DeployOptions,
): Promise<ApplicationDetail | undefined> {
  const change = changeOf(deployment, before)
  if (change === undefined) {
    progress(`${name}: version ${before.ApplicationVersionId} is the same`)
    return before
  }
  const { client, api } = connection
  const { ApplicationDetail: updated, OperationId } = await client.send(
    new api.UpdateApplicationCommand({
      ApplicationName: name,
      CurrentApplicationVersionId: before.ApplicationVersionId,
      ApplicationConfigurationUpdate: change,
      RunConfigurationUpdate: { FlinkRunConfiguration: { AllowNonRestoredState: allowNonRestoredState } },
    }),
  )
  progress(`${name}: updated to version ${updated?.ApplicationVersionId}`)
  return followOperation(connection, name, OperationId)
}

function changeOf(
  { bundle, properties, parallelism, checkpoints }: Deployment,
  { ApplicationConfigurationDescription: before }: ApplicationDetail,
): ApplicationConfigurationUpdate | undefined {
  const flink = before?.FlinkApplicationConfigurationDescription
  const code = before?.ApplicationCodeConfigurationDescription?.CodeContentDescription
  const change: ApplicationConfigurationUpdate = {}
  if (code?.CodeMD5 !== createHash('md5').update(bundle).digest('hex')) {
    change.ApplicationCodeConfigurationUpdate = {
      CodeContentTypeUpdate: 'ZIPFILE',
      CodeContentUpdate: { ZipFileContentUpdate: bundle },
    }
  }
  const groups = before?.EnvironmentPropertyDescriptions?.PropertyGroupDescriptions
  if (properties !== undefined && sorted(properties.PropertyGroups) !== sorted(groups)) {
    change.EnvironmentPropertyUpdates = { PropertyGroups: properties.PropertyGroups }
  }
  const newParallelism =
    parallelism?.Parallelism === flink?.ParallelismConfigurationDescription?.Parallelism ? undefined : parallelism
  const newCheckpoints =
    checkpoints?.CheckpointInterval === flink?.CheckpointConfigurationDescription?.CheckpointInterval
      ? undefined
      : checkpoints
  if (newParallelism !== undefined || newCheckpoints !== undefined) {
    change.FlinkApplicationConfigurationUpdate = {
      ParallelismConfigurationUpdate: newParallelism && {
        ConfigurationTypeUpdate: 'CUSTOM',
        ParallelismUpdate: newParallelism.Parallelism,
        AutoScalingEnabledUpdate: false,
      },
      CheckpointConfigurationUpdate: newCheckpoints && {
        ConfigurationTypeUpdate: 'CUSTOM',
        CheckpointingEnabledUpdate: true,
        CheckpointIntervalUpdate: newCheckpoints.CheckpointInterval,
        MinPauseBetweenCheckpointsUpdate: newCheckpoints.MinPauseBetweenCheckpoints,
      },
    }
  }
  return Object.keys(change).length === 0 ? undefined : change
}

async function start(connection: ServiceConnection, options: DeployOptions): Promise<ApplicationDetail | undefined> {
  const { client, api } = connection
  const { OperationId } = await client.send(
    new api.StartApplicationCommand({
      ApplicationName: options.name,
      RunConfiguration: runConfiguration({ ...options, skipRestore: false }),
    }),
  )
  return followOperation(connection, options.name, OperationId)
}

/** Property groups as text that doesn't depend on the order of ids and keys. */
function sorted(groups: EnvironmentProperties['PropertyGroups']): string {
  const entries = (groups ?? []).map(({ PropertyGroupId = '', PropertyMap = {} }) => {
    return [PropertyGroupId, Object.entries(PropertyMap).sort(([a], [b]) => (a < b ? -1 : 1))] as const
  })
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
