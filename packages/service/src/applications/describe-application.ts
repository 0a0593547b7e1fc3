import type { Shapes } from '../model/shapes.ts'
import type { ApplicationConfiguration, ApplicationRecord, RunConfiguration, StoredCode } from './application-record.ts'

/** An application as the API describes it. `jobPlan`: JSON of the running job's plan. */
export function describeApplication(application: ApplicationRecord, jobPlan?: string): Shapes['ApplicationDetail'] {
  const { configuration, runConfiguration } = application
  return {
    ...summarizeApplication(application),
    ApplicationDescription: application.description,
    ServiceExecutionRole: application.serviceExecutionRole,
    CreateTimestamp: toSeconds(application.createdMs),
    LastUpdateTimestamp: toSeconds(application.lastUpdatedMs),
    ApplicationConfigurationDescription: describeConfiguration(configuration, runConfiguration, jobPlan),
    ApplicationVersionUpdatedFrom: application.versionUpdatedFrom,
    ConditionalToken: application.conditionalToken,
  }
}

/** An application as lists show it. */
export function summarizeApplication(application: ApplicationRecord): Shapes['ApplicationSummary'] {
  return {
    ApplicationARN: application.arn,
    ApplicationName: application.name,
    RuntimeEnvironment: application.runtimeEnvironment as Shapes['ApplicationSummary']['RuntimeEnvironment'],
    ApplicationStatus: application.status,
    ApplicationVersionId: application.versionId,
    ApplicationMode: application.mode,
  }
}

/** Whole seconds: the clients that lose the fraction send the same time back as those that don't. */
export function toSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000)
}

function describeConfiguration(
  configuration: ApplicationConfiguration,
  run: RunConfiguration | undefined,
  jobPlan: string | undefined,
): Shapes['ApplicationConfigurationDescription'] {
  const { code, parallelism, checkpoints, monitoring, properties } = configuration
  const groups = Object.entries(properties)
  return {
    ApplicationCodeConfigurationDescription: code === undefined ? undefined : describeCode(code),
    RunConfigurationDescription: run === undefined ? undefined : describeRun(run),
    FlinkApplicationConfigurationDescription: {
      CheckpointConfigurationDescription: {
        ConfigurationType: checkpoints.configurationType,
        CheckpointingEnabled: checkpoints.enabled,
        CheckpointInterval: checkpoints.intervalMs,
        MinPauseBetweenCheckpoints: checkpoints.minPauseMs,
      },
      MonitoringConfigurationDescription: {
        ConfigurationType: monitoring.configurationType,
        MetricsLevel: monitoring.metricsLevel,
        LogLevel: monitoring.logLevel,
      },
      ParallelismConfigurationDescription: {
        ConfigurationType: parallelism.configurationType,
        Parallelism: parallelism.parallelism,
        ParallelismPerKPU: parallelism.parallelismPerKpu,
        CurrentParallelism: parallelism.parallelism,
        AutoScalingEnabled: parallelism.autoScalingEnabled,
      },
      JobPlanDescription: jobPlan,
    },
    EnvironmentPropertyDescriptions:
      groups.length === 0
        ? undefined
        : {
            PropertyGroupDescriptions: groups.map(([PropertyGroupId, PropertyMap]) => ({
              PropertyGroupId,
              PropertyMap,
            })),
          },
    ApplicationSnapshotConfigurationDescription: {
      SnapshotsEnabled: configuration.snapshotsEnabled,
      SnapshotMode: 'APPLICATION_SNAPSHOTS_LEGACY',
    },
    ApplicationSystemRollbackConfigurationDescription: { RollbackEnabled: configuration.rollbackEnabled },
    ApplicationEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
  }
}

function describeCode(code: StoredCode): Shapes['ApplicationCodeConfigurationDescription'] {
  return {
    CodeContentType: code.contentType,
    CodeContentDescription: {
      CodeMD5: code.md5,
      CodeSize: code.sizeBytes,
      S3ApplicationCodeLocationDescription: code.s3,
    },
  }
}

function describeRun(run: RunConfiguration): Shapes['RunConfigurationDescription'] {
  return {
    ApplicationRestoreConfigurationDescription: {
      ApplicationRestoreType: run.restoreType,
      SnapshotName: run.snapshotName,
    },
    FlinkRunConfigurationDescription: { AllowNonRestoredState: run.allowNonRestoredState },
  }
}
