import type { Shapes } from '../model/shapes.ts'
import {
  type ApplicationRecord,
  parallelismOf,
  type RunConfiguration,
  type StoredCode,
  type VpcConfiguration,
} from './application-record.ts'

/** An application as the API describes it. `jobPlan`: JSON of the running job's plan. */
export function describeApplication(application: ApplicationRecord, jobPlan?: string): Shapes['ApplicationDetail'] {
  return {
    ...summarizeApplication(application),
    ApplicationDescription: application.description,
    ServiceExecutionRole: application.serviceExecutionRole,
    CreateTimestamp: toSeconds(application.createdMs),
    LastUpdateTimestamp: toSeconds(application.lastUpdatedMs),
    ApplicationConfigurationDescription: describeConfiguration(application, jobPlan),
    ApplicationVersionUpdatedFrom: application.versionUpdatedFrom,
    ApplicationVersionRolledBackFrom: application.versionRolledBackFrom,
    ApplicationVersionRolledBackTo: application.versionRolledBackTo,
    ApplicationVersionCreateTimestamp: toSeconds(application.versionCreatedMs ?? application.createdMs),
    ConditionalToken: application.conditionalToken,
    CloudWatchLoggingOptionDescriptions: describeLoggingOptions(application),
    ApplicationMaintenanceConfigurationDescription: describeMaintenance(application),
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
  application: ApplicationRecord,
  jobPlan: string | undefined,
): Shapes['ApplicationConfigurationDescription'] {
  const { configuration, runConfiguration: run } = application
  const { code, parallelism, checkpoints, monitoring, properties, vpcs } = configuration
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
        CurrentParallelism: parallelismOf(application),
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
    VpcConfigurationDescriptions: vpcs?.map(describeVpc),
    ApplicationSnapshotConfigurationDescription: {
      SnapshotsEnabled: configuration.snapshotsEnabled,
      SnapshotMode: configuration.snapshotMode ?? 'APPLICATION_SNAPSHOTS_LEGACY',
    },
    ApplicationSystemRollbackConfigurationDescription: { RollbackEnabled: configuration.rollbackEnabled },
    ApplicationEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
  }
}

/** Undefined when there are none. */
export function describeLoggingOptions({ loggingOptions }: ApplicationRecord) {
  return loggingOptions?.map(({ id, logStreamArn }) => ({ CloudWatchLoggingOptionId: id, LogStreamARN: logStreamArn }))
}

/** Eight hours, as Amazon's; from three in the morning, UTC, unless told otherwise. */
export function describeMaintenance({
  maintenanceStart = '03:00',
}: ApplicationRecord): Shapes['ApplicationMaintenanceConfigurationDescription'] {
  const [hours = '0', minutes = '00'] = maintenanceStart.split(':')
  const endHours = String((Number(hours) + 8) % 24).padStart(2, '0')
  return {
    ApplicationMaintenanceWindowStartTime: maintenanceStart,
    ApplicationMaintenanceWindowEndTime: `${endHours}:${minutes}`,
  }
}

/** The id of the VPC is one that subnets would tell on Amazon's network; there is none here. */
export function describeVpc({
  id,
  subnetIds,
  securityGroupIds,
}: VpcConfiguration): Shapes['VpcConfigurationDescription'] {
  return { VpcConfigurationId: id, VpcId: 'vpc-00000000', SubnetIds: subnetIds, SecurityGroupIds: securityGroupIds }
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
      SnapshotArn: run.snapshotArn,
    },
    FlinkRunConfigurationDescription: { AllowNonRestoredState: run.allowNonRestoredState },
  }
}
