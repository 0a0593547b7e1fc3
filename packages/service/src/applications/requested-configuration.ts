import type { Shapes } from '../model/shapes.ts'
import { ApiError } from '../wire/api-error.ts'
import type { ApplicationConfiguration } from './application-record.ts'
import type { CodeStore, GivenCode } from './code/code-store.ts'
import type { CodeOwner } from './code/read-object.ts'
import {
  changedCheckpoints,
  changedMonitoring,
  changedParallelism,
  defaultConfiguration,
  propertiesOf,
} from './configuration.ts'
import { checkServiceProperties } from './service-properties.ts'
import { createdVpcs, updatedVpcs } from './surroundings-options.ts'

/**
 * The configuration of a new application: what was given over the defaults, its code fetched, checked and stored.
 * Errors: those of the code store and of the rules; `UnsupportedOperationException` for parts that aren't offered.
 */
export async function createdConfiguration(
  owner: CodeOwner,
  requested: Shapes['ApplicationConfiguration'] | undefined,
  codeStore: CodeStore,
): Promise<ApplicationConfiguration> {
  if (requested === undefined) return defaultConfiguration
  refuseParts({
    SqlApplicationConfiguration: requested.SqlApplicationConfiguration,
    ZeppelinApplicationConfiguration: requested.ZeppelinApplicationConfiguration,
  })
  refuseOwnKey(requested.ApplicationEncryptionConfiguration?.KeyType)
  const { parallelism, checkpoints, monitoring } = defaultConfiguration
  const flink = requested.FlinkApplicationConfiguration
  const code = requested.ApplicationCodeConfiguration
  const configuration = {
    parallelism: changedParallelism(parallelism, {
      configurationType: flink?.ParallelismConfiguration?.ConfigurationType,
      parallelism: flink?.ParallelismConfiguration?.Parallelism,
      parallelismPerKpu: flink?.ParallelismConfiguration?.ParallelismPerKPU,
      autoScalingEnabled: flink?.ParallelismConfiguration?.AutoScalingEnabled,
    }),
    checkpoints: changedCheckpoints(checkpoints, {
      configurationType: flink?.CheckpointConfiguration?.ConfigurationType,
      enabled: flink?.CheckpointConfiguration?.CheckpointingEnabled,
      intervalMs: flink?.CheckpointConfiguration?.CheckpointInterval,
      minPauseMs: flink?.CheckpointConfiguration?.MinPauseBetweenCheckpoints,
    }),
    monitoring: changedMonitoring(monitoring, {
      configurationType: flink?.MonitoringConfiguration?.ConfigurationType,
      metricsLevel: flink?.MonitoringConfiguration?.MetricsLevel,
      logLevel: flink?.MonitoringConfiguration?.LogLevel,
    }),
    snapshotsEnabled: requested.ApplicationSnapshotConfiguration?.SnapshotsEnabled ?? true,
    snapshotMode: requested.ApplicationSnapshotConfiguration?.SnapshotMode,
    vpcs: createdVpcs(requested.VpcConfigurations ?? []),
    rollbackEnabled: requested.ApplicationSystemRollbackConfiguration?.RollbackEnabled ?? false,
    properties: propertiesOf(requested.EnvironmentProperties?.PropertyGroups ?? []),
    code: undefined,
  }
  checkServiceProperties(configuration)
  // Last: whatever else is wrong is told before code is fetched and stored.
  return code === undefined ? configuration : { ...configuration, code: await codeStore.store(owner, givenCode(code)) }
}

/** The configuration after an update: what isn't given stays; property groups are replaced as a whole. Errors as above. */
export async function updatedConfiguration(
  owner: CodeOwner,
  before: ApplicationConfiguration,
  update: Shapes['ApplicationConfigurationUpdate'],
  codeStore: CodeStore,
): Promise<ApplicationConfiguration> {
  refuseParts({
    SqlApplicationConfigurationUpdate: update.SqlApplicationConfigurationUpdate,
    ZeppelinApplicationConfigurationUpdate: update.ZeppelinApplicationConfigurationUpdate,
  })
  refuseOwnKey(update.ApplicationEncryptionConfigurationUpdate?.KeyTypeUpdate)
  const flink = update.FlinkApplicationConfigurationUpdate
  const groups = update.EnvironmentPropertyUpdates?.PropertyGroups
  const code = update.ApplicationCodeConfigurationUpdate
  const configuration = {
    parallelism: changedParallelism(before.parallelism, {
      configurationType: flink?.ParallelismConfigurationUpdate?.ConfigurationTypeUpdate,
      parallelism: flink?.ParallelismConfigurationUpdate?.ParallelismUpdate,
      parallelismPerKpu: flink?.ParallelismConfigurationUpdate?.ParallelismPerKPUUpdate,
      autoScalingEnabled: flink?.ParallelismConfigurationUpdate?.AutoScalingEnabledUpdate,
    }),
    checkpoints: changedCheckpoints(before.checkpoints, {
      configurationType: flink?.CheckpointConfigurationUpdate?.ConfigurationTypeUpdate,
      enabled: flink?.CheckpointConfigurationUpdate?.CheckpointingEnabledUpdate,
      intervalMs: flink?.CheckpointConfigurationUpdate?.CheckpointIntervalUpdate,
      minPauseMs: flink?.CheckpointConfigurationUpdate?.MinPauseBetweenCheckpointsUpdate,
    }),
    monitoring: changedMonitoring(before.monitoring, {
      configurationType: flink?.MonitoringConfigurationUpdate?.ConfigurationTypeUpdate,
      metricsLevel: flink?.MonitoringConfigurationUpdate?.MetricsLevelUpdate,
      logLevel: flink?.MonitoringConfigurationUpdate?.LogLevelUpdate,
    }),
    snapshotsEnabled: update.ApplicationSnapshotConfigurationUpdate?.SnapshotsEnabledUpdate ?? before.snapshotsEnabled,
    snapshotMode: update.ApplicationSnapshotConfigurationUpdate?.SnapshotModeUpdate ?? before.snapshotMode,
    vpcs: updatedVpcs(before.vpcs ?? [], update.VpcConfigurationUpdates ?? []),
    rollbackEnabled:
      update.ApplicationSystemRollbackConfigurationUpdate?.RollbackEnabledUpdate ?? before.rollbackEnabled,
    properties: groups === undefined ? before.properties : propertiesOf(groups),
    code: before.code,
  }
  checkServiceProperties(configuration)
  return code === undefined
    ? configuration
    : { ...configuration, code: await codeStore.store(owner, updatedCode(code, before.code)) }
}

function givenCode({ CodeContent, CodeContentType }: Shapes['ApplicationCodeConfiguration']): GivenCode {
  return {
    contentType: CodeContentType,
    zip: CodeContent?.ZipFileContent,
    text: CodeContent?.TextContent,
    s3: CodeContent?.S3ContentLocation,
  }
}

function updatedCode(
  { CodeContentTypeUpdate, CodeContentUpdate }: Shapes['ApplicationCodeConfigurationUpdate'],
  before: ApplicationConfiguration['code'],
): GivenCode {
  return {
    contentType: CodeContentTypeUpdate ?? before?.contentType ?? 'ZIPFILE',
    zip: CodeContentUpdate?.ZipFileContentUpdate,
    text: CodeContentUpdate?.TextContentUpdate,
    s3: updatedLocation(CodeContentUpdate?.S3ContentLocationUpdate, before?.s3),
  }
}

/** A new key in the same bucket may be given alone. An object's version belongs to its key. */
function updatedLocation(
  update: Shapes['S3ContentLocationUpdate'] | undefined,
  before: Shapes['S3ContentLocation'] | undefined,
): Shapes['S3ContentLocation'] | undefined {
  if (update === undefined) return undefined
  const BucketARN = update.BucketARNUpdate ?? before?.BucketARN
  const FileKey = update.FileKeyUpdate ?? before?.FileKey
  if (BucketARN === undefined || FileKey === undefined) {
    throw new ApiError(
      'InvalidArgumentException',
      'S3ContentLocationUpdate must have BucketARNUpdate and FileKeyUpdate.',
    )
  }
  return { BucketARN, FileKey, ObjectVersion: update.ObjectVersionUpdate }
}

function refuseParts(parts: Readonly<Record<string, unknown>>): void {
  const name = Object.keys(parts).find((part) => parts[part] !== undefined)
  if (name !== undefined) throw notOffered(`${name} is not offered here.`)
}

function refuseOwnKey(keyType: string | undefined): void {
  if (keyType === 'CUSTOMER_MANAGED_KEY') throw notOffered('KeyType CUSTOMER_MANAGED_KEY is not offered here.')
}

function notOffered(message: string): ApiError {
  return new ApiError('UnsupportedOperationException', message)
}
