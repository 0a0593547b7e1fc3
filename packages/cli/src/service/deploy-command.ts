import type { ApplicationDetail } from '@aws-sdk/client-kinesis-analytics-v2'
import { systemClock } from '@millrace/engine/spi'
import { bundleApplication } from '../application/bundle-application.ts'
import { readProperties } from '../application/properties.ts'
import { answer, progress, withService } from './answer.ts'
import { type ApplicationSettings, type SettingsOptions, settingsOf, updateApplication } from './application-change.ts'
import { startApplication, summary } from './apps-command.ts'
import { describeApplication } from './follow-operation.ts'
import { roleArn } from './role-arn.ts'
import type { ServiceConnection, ServiceOptions } from './service-connection.ts'

/** What `millrace deploy` was asked for. */
export interface DeployOptions extends ServiceOptions, SettingsOptions {
  readonly name: string
  readonly properties?: string
  readonly allowNonRestoredState: boolean
  readonly start: boolean
  readonly runtime: string
  /** A name, or an ARN. */
  readonly role: string
}

/** Bundles an application, creates or updates it at the service, and follows it until it runs. */
export function deployCommand(application: string, options: DeployOptions): Promise<number> {
  return withService(options, async (connection) => {
    const startedMs = systemClock.monotonicMs()
    const settings = await prepare(application, options)
    const before = await describeApplication(connection, options.name)
    const deployed =
      before === undefined
        ? await create(connection, settings, options)
        : await updateApplication(connection, options.name, settings, before, options.allowNonRestoredState)
    const isRunning = deployed?.ApplicationStatus === 'RUNNING'
    const now =
      isRunning || !options.start
        ? deployed
        : await startApplication(connection, options.name, { ...options, skipRestore: false })
    const durationMs = Math.round(systemClock.monotonicMs() - startedMs)
    const text = `${options.name} is ${now?.ApplicationStatus}, version ${now?.ApplicationVersionId}`
    answer(options.json, now === undefined ? { deleted: true } : { ...summary(now), durationMs }, text)
  })
}

async function prepare(application: string, options: DeployOptions): Promise<ApplicationSettings> {
  const bundle = await bundleApplication(application)
  progress(`${application}: bundled, ${Math.ceil(bundle.length / 1024)} KiB`)
  return settingsOf(bundle, readProperties(options.properties, application), options)
}

async function create(
  connection: ServiceConnection,
  { bundle, properties, parallelism, checkpoints, autoRollback }: ApplicationSettings,
  { name, runtime, role }: DeployOptions,
): Promise<ApplicationDetail | undefined> {
  const { client, api } = connection
  const { ApplicationDetail: created } = await client.send(
    new api.CreateApplicationCommand({
      ApplicationName: name,
      RuntimeEnvironment: runtime as (typeof api.RuntimeEnvironment)[keyof typeof api.RuntimeEnvironment],
      ServiceExecutionRole: await roleArn(connection, role),
      ApplicationConfiguration: {
        ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: bundle } },
        EnvironmentProperties: properties,
        ApplicationSystemRollbackConfiguration:
          autoRollback === undefined ? undefined : { RollbackEnabled: autoRollback },
        FlinkApplicationConfiguration: {
          // Who asks for a number and nothing more gets that number.
          ParallelismConfiguration: parallelism && {
            ...parallelism,
            AutoScalingEnabled: parallelism.AutoScalingEnabled ?? false,
          },
          CheckpointConfiguration: checkpoints,
        },
      },
    }),
  )
  progress(`${name}: created, version ${created?.ApplicationVersionId}`)
  return created
}
