import { createHash } from 'node:crypto'
import type {
  ApplicationConfigurationUpdate,
  ApplicationDetail,
  CheckpointConfiguration,
  EnvironmentProperties,
  ParallelismConfiguration,
} from '@aws-sdk/client-kinesis-analytics-v2'
import type { PropertyGroups } from '@millrace/engine'
import { progress } from './answer.ts'
import { followOperation } from './follow-operation.ts'
import type { ServiceConnection } from './service-connection.ts'

/** Options that say how an application shall run. */
export interface SettingsOptions {
  readonly parallelism?: number
  /** Whether the service may change the parallelism while it runs. */
  readonly autoScaling?: 'on' | 'off'
  /** Milliseconds. */
  readonly checkpointInterval?: number
  /** Whether a failed update goes back to the version before. */
  readonly autoRollback?: 'on' | 'off'
}

/** An application as it shall be, as the API takes it; what is undefined stays as it is at the service. */
export interface ApplicationSettings {
  readonly bundle: Uint8Array | undefined
  readonly properties: EnvironmentProperties | undefined
  readonly parallelism: ParallelismConfiguration | undefined
  readonly checkpoints: CheckpointConfiguration | undefined
  readonly autoRollback: boolean | undefined
}

/** No property groups at all leave those at the service. */
export function settingsOf(
  bundle: Uint8Array | undefined,
  propertyGroups: PropertyGroups,
  { parallelism, autoScaling, checkpointInterval, autoRollback }: SettingsOptions,
): ApplicationSettings {
  const groups = Object.entries(propertyGroups)
  return {
    bundle,
    properties:
      groups.length === 0
        ? undefined
        : { PropertyGroups: groups.map(([PropertyGroupId, PropertyMap]) => ({ PropertyGroupId, PropertyMap })) },
    parallelism:
      parallelism === undefined && autoScaling === undefined
        ? undefined
        : {
            ConfigurationType: 'CUSTOM',
            Parallelism: parallelism,
            AutoScalingEnabled: autoScaling === undefined ? undefined : autoScaling === 'on',
          },
    checkpoints:
      checkpointInterval === undefined
        ? undefined
        : {
            ConfigurationType: 'CUSTOM',
            CheckpointingEnabled: true,
            CheckpointInterval: checkpointInterval,
            MinPauseBetweenCheckpoints: 0,
          },
    autoRollback: autoRollback === undefined ? undefined : autoRollback === 'on',
  }
}

/** A running application is restarted with its state; what is as it was isn't touched. */
export async function updateApplication(
  connection: ServiceConnection,
  name: string,
  settings: ApplicationSettings,
  before: ApplicationDetail,
  allowNonRestoredState: boolean,
): Promise<ApplicationDetail | undefined> {
  const change = changeOf(settings, before)
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
  { bundle, properties, parallelism, checkpoints, autoRollback }: ApplicationSettings,
  { ApplicationConfigurationDescription: before }: ApplicationDetail,
): ApplicationConfigurationUpdate | undefined {
  const flink = before?.FlinkApplicationConfigurationDescription
  const code = before?.ApplicationCodeConfigurationDescription?.CodeContentDescription
  const change: ApplicationConfigurationUpdate = {}
  if (bundle !== undefined && code?.CodeMD5 !== createHash('md5').update(bundle).digest('hex')) {
    change.ApplicationCodeConfigurationUpdate = {
      CodeContentTypeUpdate: 'ZIPFILE',
      CodeContentUpdate: { ZipFileContentUpdate: bundle },
    }
  }
  const groups = before?.EnvironmentPropertyDescriptions?.PropertyGroupDescriptions
  if (properties !== undefined && sorted(properties.PropertyGroups) !== sorted(groups)) {
    change.EnvironmentPropertyUpdates = { PropertyGroups: properties.PropertyGroups }
  }
  const rollbackBefore = before?.ApplicationSystemRollbackConfigurationDescription?.RollbackEnabled ?? false
  if (autoRollback !== undefined && autoRollback !== rollbackBefore) {
    change.ApplicationSystemRollbackConfigurationUpdate = { RollbackEnabledUpdate: autoRollback }
  }
  const parallelismBefore = flink?.ParallelismConfigurationDescription
  const newParallelism =
    (parallelism?.Parallelism ?? parallelismBefore?.Parallelism) === parallelismBefore?.Parallelism &&
    (parallelism?.AutoScalingEnabled ?? parallelismBefore?.AutoScalingEnabled) === parallelismBefore?.AutoScalingEnabled
      ? undefined
      : parallelism
  const newCheckpoints =
    checkpoints?.CheckpointInterval === flink?.CheckpointConfigurationDescription?.CheckpointInterval
      ? undefined
      : checkpoints
  if (newParallelism !== undefined || newCheckpoints !== undefined) {
    change.FlinkApplicationConfigurationUpdate = {
      ParallelismConfigurationUpdate: newParallelism && {
        ConfigurationTypeUpdate: 'CUSTOM',
        ParallelismUpdate: newParallelism.Parallelism,
        AutoScalingEnabledUpdate: newParallelism.AutoScalingEnabled,
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

/** Property groups as text that doesn't depend on the order of ids and keys. */
function sorted(groups: EnvironmentProperties['PropertyGroups']): string {
  const entries = (groups ?? []).map(({ PropertyGroupId = '', PropertyMap = {} }) => {
    return [PropertyGroupId, Object.entries(PropertyMap).sort(([a], [b]) => (a < b ? -1 : 1))] as const
  })
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
