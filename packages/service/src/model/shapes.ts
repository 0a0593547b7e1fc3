/** Made by generate.py of botocore 1.44.8, API version 2018-05-23; see there. */
export interface Operations {
  AddApplicationCloudWatchLoggingOption: {
    input: Shapes['AddApplicationCloudWatchLoggingOptionRequest']
    output: Shapes['AddApplicationCloudWatchLoggingOptionResponse']
  }
  AddApplicationInput: { input: Shapes['AddApplicationInputRequest']; output: Shapes['AddApplicationInputResponse'] }
  AddApplicationInputProcessingConfiguration: {
    input: Shapes['AddApplicationInputProcessingConfigurationRequest']
    output: Shapes['AddApplicationInputProcessingConfigurationResponse']
  }
  AddApplicationOutput: { input: Shapes['AddApplicationOutputRequest']; output: Shapes['AddApplicationOutputResponse'] }
  AddApplicationReferenceDataSource: {
    input: Shapes['AddApplicationReferenceDataSourceRequest']
    output: Shapes['AddApplicationReferenceDataSourceResponse']
  }
  AddApplicationVpcConfiguration: {
    input: Shapes['AddApplicationVpcConfigurationRequest']
    output: Shapes['AddApplicationVpcConfigurationResponse']
  }
  CreateApplication: { input: Shapes['CreateApplicationRequest']; output: Shapes['CreateApplicationResponse'] }
  CreateApplicationPresignedUrl: {
    input: Shapes['CreateApplicationPresignedUrlRequest']
    output: Shapes['CreateApplicationPresignedUrlResponse']
  }
  CreateApplicationSnapshot: {
    input: Shapes['CreateApplicationSnapshotRequest']
    output: Shapes['CreateApplicationSnapshotResponse']
  }
  CreateSnapshot: { input: Shapes['CreateSnapshotRequest']; output: Shapes['CreateSnapshotResponse'] }
  DeleteApplication: { input: Shapes['DeleteApplicationRequest']; output: Shapes['DeleteApplicationResponse'] }
  DeleteApplicationCloudWatchLoggingOption: {
    input: Shapes['DeleteApplicationCloudWatchLoggingOptionRequest']
    output: Shapes['DeleteApplicationCloudWatchLoggingOptionResponse']
  }
  DeleteApplicationInputProcessingConfiguration: {
    input: Shapes['DeleteApplicationInputProcessingConfigurationRequest']
    output: Shapes['DeleteApplicationInputProcessingConfigurationResponse']
  }
  DeleteApplicationOutput: {
    input: Shapes['DeleteApplicationOutputRequest']
    output: Shapes['DeleteApplicationOutputResponse']
  }
  DeleteApplicationReferenceDataSource: {
    input: Shapes['DeleteApplicationReferenceDataSourceRequest']
    output: Shapes['DeleteApplicationReferenceDataSourceResponse']
  }
  DeleteApplicationSnapshot: {
    input: Shapes['DeleteApplicationSnapshotRequest']
    output: Shapes['DeleteApplicationSnapshotResponse']
  }
  DeleteApplicationVpcConfiguration: {
    input: Shapes['DeleteApplicationVpcConfigurationRequest']
    output: Shapes['DeleteApplicationVpcConfigurationResponse']
  }
  DeleteSnapshot: { input: Shapes['DeleteSnapshotRequest']; output: Shapes['DeleteSnapshotResponse'] }
  DescribeApplication: { input: Shapes['DescribeApplicationRequest']; output: Shapes['DescribeApplicationResponse'] }
  DescribeApplicationOperation: {
    input: Shapes['DescribeApplicationOperationRequest']
    output: Shapes['DescribeApplicationOperationResponse']
  }
  DescribeApplicationSnapshot: {
    input: Shapes['DescribeApplicationSnapshotRequest']
    output: Shapes['DescribeApplicationSnapshotResponse']
  }
  DescribeApplicationVersion: {
    input: Shapes['DescribeApplicationVersionRequest']
    output: Shapes['DescribeApplicationVersionResponse']
  }
  DescribeSnapshot: { input: Shapes['DescribeSnapshotRequest']; output: Shapes['DescribeSnapshotResponse'] }
  DescribeSnapshotOperation: {
    input: Shapes['DescribeSnapshotOperationRequest']
    output: Shapes['DescribeSnapshotOperationResponse']
  }
  DiscoverInputSchema: { input: Shapes['DiscoverInputSchemaRequest']; output: Shapes['DiscoverInputSchemaResponse'] }
  ExportSnapshot: { input: Shapes['ExportSnapshotRequest']; output: Shapes['ExportSnapshotResponse'] }
  ImportSnapshot: { input: Shapes['ImportSnapshotRequest']; output: Shapes['ImportSnapshotResponse'] }
  ListApplicationOperations: {
    input: Shapes['ListApplicationOperationsRequest']
    output: Shapes['ListApplicationOperationsResponse']
  }
  ListApplicationSnapshots: {
    input: Shapes['ListApplicationSnapshotsRequest']
    output: Shapes['ListApplicationSnapshotsResponse']
  }
  ListApplicationVersions: {
    input: Shapes['ListApplicationVersionsRequest']
    output: Shapes['ListApplicationVersionsResponse']
  }
  ListApplications: { input: Shapes['ListApplicationsRequest']; output: Shapes['ListApplicationsResponse'] }
  ListSnapshotOperations: {
    input: Shapes['ListSnapshotOperationsRequest']
    output: Shapes['ListSnapshotOperationsResponse']
  }
  ListSnapshots: { input: Shapes['ListSnapshotsRequest']; output: Shapes['ListSnapshotsResponse'] }
  ListTagsForResource: { input: Shapes['ListTagsForResourceRequest']; output: Shapes['ListTagsForResourceResponse'] }
  RollbackApplication: { input: Shapes['RollbackApplicationRequest']; output: Shapes['RollbackApplicationResponse'] }
  StartApplication: { input: Shapes['StartApplicationRequest']; output: Shapes['StartApplicationResponse'] }
  StopApplication: { input: Shapes['StopApplicationRequest']; output: Shapes['StopApplicationResponse'] }
  TagResource: { input: Shapes['TagResourceRequest']; output: Shapes['TagResourceResponse'] }
  UntagResource: { input: Shapes['UntagResourceRequest']; output: Shapes['UntagResourceResponse'] }
  UpdateApplication: { input: Shapes['UpdateApplicationRequest']; output: Shapes['UpdateApplicationResponse'] }
  UpdateApplicationMaintenanceConfiguration: {
    input: Shapes['UpdateApplicationMaintenanceConfigurationRequest']
    output: Shapes['UpdateApplicationMaintenanceConfigurationResponse']
  }
}

/** The structures of requests and answers. Timestamps are epoch seconds. */
export interface Shapes {
  AddApplicationCloudWatchLoggingOptionRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId?: number | undefined
    readonly CloudWatchLoggingOption: Shapes['CloudWatchLoggingOption']
    readonly ConditionalToken?: string | undefined
  }
  AddApplicationCloudWatchLoggingOptionResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly CloudWatchLoggingOptionDescriptions?: readonly Shapes['CloudWatchLoggingOptionDescription'][] | undefined
    readonly OperationId?: string | undefined
  }
  AddApplicationInputProcessingConfigurationRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
    readonly InputId: string
    readonly InputProcessingConfiguration: Shapes['InputProcessingConfiguration']
  }
  AddApplicationInputProcessingConfigurationResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly InputId?: string | undefined
    readonly InputProcessingConfigurationDescription?: Shapes['InputProcessingConfigurationDescription'] | undefined
  }
  AddApplicationInputRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
    readonly Input: Shapes['Input']
  }
  AddApplicationInputResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly InputDescriptions?: readonly Shapes['InputDescription'][] | undefined
  }
  AddApplicationOutputRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
    readonly Output: Shapes['Output']
  }
  AddApplicationOutputResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly OutputDescriptions?: readonly Shapes['OutputDescription'][] | undefined
  }
  AddApplicationReferenceDataSourceRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
    readonly ReferenceDataSource: Shapes['ReferenceDataSource']
  }
  AddApplicationReferenceDataSourceResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly ReferenceDataSourceDescriptions?: readonly Shapes['ReferenceDataSourceDescription'][] | undefined
  }
  AddApplicationVpcConfigurationRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId?: number | undefined
    readonly VpcConfiguration: Shapes['VpcConfiguration']
    readonly ConditionalToken?: string | undefined
  }
  AddApplicationVpcConfigurationResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly VpcConfigurationDescription?: Shapes['VpcConfigurationDescription'] | undefined
    readonly OperationId?: string | undefined
  }
  ApplicationCodeConfiguration: {
    readonly CodeContent?: Shapes['CodeContent'] | undefined
    readonly CodeContentType: 'PLAINTEXT' | 'ZIPFILE'
  }
  ApplicationCodeConfigurationDescription: {
    readonly CodeContentType: 'PLAINTEXT' | 'ZIPFILE'
    readonly CodeContentDescription?: Shapes['CodeContentDescription'] | undefined
  }
  ApplicationCodeConfigurationUpdate: {
    readonly CodeContentTypeUpdate?: 'PLAINTEXT' | 'ZIPFILE' | undefined
    readonly CodeContentUpdate?: Shapes['CodeContentUpdate'] | undefined
  }
  ApplicationConfiguration: {
    readonly SqlApplicationConfiguration?: Shapes['SqlApplicationConfiguration'] | undefined
    readonly FlinkApplicationConfiguration?: Shapes['FlinkApplicationConfiguration'] | undefined
    readonly EnvironmentProperties?: Shapes['EnvironmentProperties'] | undefined
    readonly ApplicationCodeConfiguration?: Shapes['ApplicationCodeConfiguration'] | undefined
    readonly ApplicationSnapshotConfiguration?: Shapes['ApplicationSnapshotConfiguration'] | undefined
    readonly ApplicationSystemRollbackConfiguration?: Shapes['ApplicationSystemRollbackConfiguration'] | undefined
    readonly VpcConfigurations?: readonly Shapes['VpcConfiguration'][] | undefined
    readonly ZeppelinApplicationConfiguration?: Shapes['ZeppelinApplicationConfiguration'] | undefined
    readonly ApplicationEncryptionConfiguration?: Shapes['ApplicationEncryptionConfiguration'] | undefined
  }
  ApplicationConfigurationDescription: {
    readonly SqlApplicationConfigurationDescription?: Shapes['SqlApplicationConfigurationDescription'] | undefined
    readonly ApplicationCodeConfigurationDescription?: Shapes['ApplicationCodeConfigurationDescription'] | undefined
    readonly RunConfigurationDescription?: Shapes['RunConfigurationDescription'] | undefined
    readonly FlinkApplicationConfigurationDescription?: Shapes['FlinkApplicationConfigurationDescription'] | undefined
    readonly EnvironmentPropertyDescriptions?: Shapes['EnvironmentPropertyDescriptions'] | undefined
    readonly ApplicationSnapshotConfigurationDescription?:
      | Shapes['ApplicationSnapshotConfigurationDescription']
      | undefined
    readonly ApplicationSystemRollbackConfigurationDescription?:
      | Shapes['ApplicationSystemRollbackConfigurationDescription']
      | undefined
    readonly VpcConfigurationDescriptions?: readonly Shapes['VpcConfigurationDescription'][] | undefined
    readonly ZeppelinApplicationConfigurationDescription?:
      | Shapes['ZeppelinApplicationConfigurationDescription']
      | undefined
    readonly ApplicationEncryptionConfigurationDescription?:
      | Shapes['ApplicationEncryptionConfigurationDescription']
      | undefined
  }
  ApplicationConfigurationUpdate: {
    readonly SqlApplicationConfigurationUpdate?: Shapes['SqlApplicationConfigurationUpdate'] | undefined
    readonly ApplicationCodeConfigurationUpdate?: Shapes['ApplicationCodeConfigurationUpdate'] | undefined
    readonly FlinkApplicationConfigurationUpdate?: Shapes['FlinkApplicationConfigurationUpdate'] | undefined
    readonly EnvironmentPropertyUpdates?: Shapes['EnvironmentPropertyUpdates'] | undefined
    readonly ApplicationSnapshotConfigurationUpdate?: Shapes['ApplicationSnapshotConfigurationUpdate'] | undefined
    readonly ApplicationSystemRollbackConfigurationUpdate?:
      | Shapes['ApplicationSystemRollbackConfigurationUpdate']
      | undefined
    readonly VpcConfigurationUpdates?: readonly Shapes['VpcConfigurationUpdate'][] | undefined
    readonly ZeppelinApplicationConfigurationUpdate?: Shapes['ZeppelinApplicationConfigurationUpdate'] | undefined
    readonly ApplicationEncryptionConfigurationUpdate?: Shapes['ApplicationEncryptionConfigurationUpdate'] | undefined
  }
  ApplicationDetail: {
    readonly ApplicationARN: string
    readonly ApplicationDescription?: string | undefined
    readonly ApplicationName: string
    readonly RuntimeEnvironment:
      | 'SQL-1_0'
      | 'FLINK-1_6'
      | 'FLINK-1_8'
      | 'ZEPPELIN-FLINK-1_0'
      | 'FLINK-1_11'
      | 'FLINK-1_13'
      | 'ZEPPELIN-FLINK-2_0'
      | 'FLINK-1_15'
      | 'ZEPPELIN-FLINK-3_0'
      | 'FLINK-1_18'
      | 'FLINK-1_19'
      | 'FLINK-1_20'
      | 'FLINK-2_2'
      | 'FLINK-2_3'
    readonly ServiceExecutionRole?: string | undefined
    readonly ApplicationStatus:
      | 'DELETING'
      | 'STARTING'
      | 'STOPPING'
      | 'READY'
      | 'RUNNING'
      | 'UPDATING'
      | 'AUTOSCALING'
      | 'FORCE_STOPPING'
      | 'ROLLING_BACK'
      | 'MAINTENANCE'
      | 'ROLLED_BACK'
    readonly ApplicationVersionId: number
    readonly CreateTimestamp?: number | undefined
    readonly LastUpdateTimestamp?: number | undefined
    readonly ApplicationConfigurationDescription?: Shapes['ApplicationConfigurationDescription'] | undefined
    readonly CloudWatchLoggingOptionDescriptions?: readonly Shapes['CloudWatchLoggingOptionDescription'][] | undefined
    readonly ApplicationMaintenanceConfigurationDescription?:
      | Shapes['ApplicationMaintenanceConfigurationDescription']
      | undefined
    readonly ApplicationVersionUpdatedFrom?: number | undefined
    readonly ApplicationVersionRolledBackFrom?: number | undefined
    readonly ApplicationVersionCreateTimestamp?: number | undefined
    readonly ConditionalToken?: string | undefined
    readonly ApplicationVersionRolledBackTo?: number | undefined
    readonly ApplicationMode?: 'STREAMING' | 'INTERACTIVE' | undefined
  }
  ApplicationEncryptionConfiguration: {
    readonly KeyId?: string | undefined
    readonly KeyType: 'AWS_OWNED_KEY' | 'CUSTOMER_MANAGED_KEY'
  }
  ApplicationEncryptionConfigurationDescription: {
    readonly KeyId?: string | undefined
    readonly KeyType: 'AWS_OWNED_KEY' | 'CUSTOMER_MANAGED_KEY'
  }
  ApplicationEncryptionConfigurationUpdate: {
    readonly KeyIdUpdate?: string | undefined
    readonly KeyTypeUpdate: 'AWS_OWNED_KEY' | 'CUSTOMER_MANAGED_KEY'
  }
  ApplicationMaintenanceConfigurationDescription: {
    readonly ApplicationMaintenanceWindowStartTime: string
    readonly ApplicationMaintenanceWindowEndTime: string
  }
  ApplicationMaintenanceConfigurationUpdate: {
    readonly ApplicationMaintenanceWindowStartTimeUpdate: string
  }
  ApplicationOperationDescription: {
    readonly ApplicationOperationId?: string | undefined
    readonly ApplicationName?: string | undefined
  }
  ApplicationOperationInfo: {
    readonly Operation?: string | undefined
    readonly OperationId?: string | undefined
    readonly StartTime?: number | undefined
    readonly EndTime?: number | undefined
    readonly OperationStatus?: 'IN_PROGRESS' | 'CANCELLED' | 'SUCCESSFUL' | 'FAILED' | undefined
  }
  ApplicationOperationInfoDetails: {
    readonly Operation: string
    readonly StartTime: number
    readonly EndTime: number
    readonly OperationStatus: 'IN_PROGRESS' | 'CANCELLED' | 'SUCCESSFUL' | 'FAILED'
    readonly ApplicationVersionChangeDetails?: Shapes['ApplicationVersionChangeDetails'] | undefined
    readonly OperationFailureDetails?: Shapes['OperationFailureDetails'] | undefined
  }
  ApplicationRestoreConfiguration: {
    readonly ApplicationRestoreType:
      | 'SKIP_RESTORE_FROM_SNAPSHOT'
      | 'RESTORE_FROM_LATEST_SNAPSHOT'
      | 'RESTORE_FROM_CUSTOM_SNAPSHOT'
    readonly SnapshotName?: string | undefined
    readonly SnapshotArn?: string | undefined
  }
  ApplicationSnapshotConfiguration: {
    readonly SnapshotsEnabled: boolean
    readonly SnapshotMode?: 'APPLICATION_SNAPSHOTS_LEGACY' | 'ENHANCED_SNAPSHOTS' | undefined
  }
  ApplicationSnapshotConfigurationDescription: {
    readonly SnapshotsEnabled: boolean
    readonly SnapshotMode?: 'APPLICATION_SNAPSHOTS_LEGACY' | 'ENHANCED_SNAPSHOTS' | undefined
  }
  ApplicationSnapshotConfigurationUpdate: {
    readonly SnapshotsEnabledUpdate: boolean
    readonly SnapshotModeUpdate?: 'APPLICATION_SNAPSHOTS_LEGACY' | 'ENHANCED_SNAPSHOTS' | undefined
  }
  ApplicationSummary: {
    readonly ApplicationName: string
    readonly ApplicationARN: string
    readonly ApplicationStatus:
      | 'DELETING'
      | 'STARTING'
      | 'STOPPING'
      | 'READY'
      | 'RUNNING'
      | 'UPDATING'
      | 'AUTOSCALING'
      | 'FORCE_STOPPING'
      | 'ROLLING_BACK'
      | 'MAINTENANCE'
      | 'ROLLED_BACK'
    readonly ApplicationVersionId: number
    readonly RuntimeEnvironment:
      | 'SQL-1_0'
      | 'FLINK-1_6'
      | 'FLINK-1_8'
      | 'ZEPPELIN-FLINK-1_0'
      | 'FLINK-1_11'
      | 'FLINK-1_13'
      | 'ZEPPELIN-FLINK-2_0'
      | 'FLINK-1_15'
      | 'ZEPPELIN-FLINK-3_0'
      | 'FLINK-1_18'
      | 'FLINK-1_19'
      | 'FLINK-1_20'
      | 'FLINK-2_2'
      | 'FLINK-2_3'
    readonly ApplicationMode?: 'STREAMING' | 'INTERACTIVE' | undefined
  }
  ApplicationSystemRollbackConfiguration: {
    readonly RollbackEnabled: boolean
  }
  ApplicationSystemRollbackConfigurationDescription: {
    readonly RollbackEnabled: boolean
  }
  ApplicationSystemRollbackConfigurationUpdate: {
    readonly RollbackEnabledUpdate: boolean
  }
  ApplicationVersionChangeDetails: {
    readonly ApplicationVersionUpdatedFrom: number
    readonly ApplicationVersionUpdatedTo: number
  }
  ApplicationVersionSummary: {
    readonly ApplicationVersionId: number
    readonly ApplicationStatus:
      | 'DELETING'
      | 'STARTING'
      | 'STOPPING'
      | 'READY'
      | 'RUNNING'
      | 'UPDATING'
      | 'AUTOSCALING'
      | 'FORCE_STOPPING'
      | 'ROLLING_BACK'
      | 'MAINTENANCE'
      | 'ROLLED_BACK'
  }
  CSVMappingParameters: {
    readonly RecordRowDelimiter: string
    readonly RecordColumnDelimiter: string
  }
  CatalogConfiguration: {
    readonly GlueDataCatalogConfiguration: Shapes['GlueDataCatalogConfiguration']
  }
  CatalogConfigurationDescription: {
    readonly GlueDataCatalogConfigurationDescription: Shapes['GlueDataCatalogConfigurationDescription']
  }
  CatalogConfigurationUpdate: {
    readonly GlueDataCatalogConfigurationUpdate: Shapes['GlueDataCatalogConfigurationUpdate']
  }
  CheckpointConfiguration: {
    readonly ConfigurationType: 'DEFAULT' | 'CUSTOM'
    readonly CheckpointingEnabled?: boolean | undefined
    readonly CheckpointInterval?: number | undefined
    readonly MinPauseBetweenCheckpoints?: number | undefined
  }
  CheckpointConfigurationDescription: {
    readonly ConfigurationType?: 'DEFAULT' | 'CUSTOM' | undefined
    readonly CheckpointingEnabled?: boolean | undefined
    readonly CheckpointInterval?: number | undefined
    readonly MinPauseBetweenCheckpoints?: number | undefined
  }
  CheckpointConfigurationUpdate: {
    readonly ConfigurationTypeUpdate?: 'DEFAULT' | 'CUSTOM' | undefined
    readonly CheckpointingEnabledUpdate?: boolean | undefined
    readonly CheckpointIntervalUpdate?: number | undefined
    readonly MinPauseBetweenCheckpointsUpdate?: number | undefined
  }
  CloudWatchLoggingOption: {
    readonly LogStreamARN: string
  }
  CloudWatchLoggingOptionDescription: {
    readonly CloudWatchLoggingOptionId?: string | undefined
    readonly LogStreamARN: string
    readonly RoleARN?: string | undefined
  }
  CloudWatchLoggingOptionUpdate: {
    readonly CloudWatchLoggingOptionId: string
    readonly LogStreamARNUpdate?: string | undefined
  }
  CodeContent: {
    readonly TextContent?: string | undefined
    readonly ZipFileContent?: Buffer | undefined
    readonly S3ContentLocation?: Shapes['S3ContentLocation'] | undefined
  }
  CodeContentDescription: {
    readonly TextContent?: string | undefined
    readonly CodeMD5?: string | undefined
    readonly CodeSize?: number | undefined
    readonly S3ApplicationCodeLocationDescription?: Shapes['S3ApplicationCodeLocationDescription'] | undefined
  }
  CodeContentUpdate: {
    readonly TextContentUpdate?: string | undefined
    readonly ZipFileContentUpdate?: Buffer | undefined
    readonly S3ContentLocationUpdate?: Shapes['S3ContentLocationUpdate'] | undefined
  }
  CreateApplicationPresignedUrlRequest: {
    readonly ApplicationName: string
    readonly UrlType: 'FLINK_DASHBOARD_URL' | 'ZEPPELIN_UI_URL'
    readonly SessionExpirationDurationInSeconds?: number | undefined
  }
  CreateApplicationPresignedUrlResponse: {
    readonly AuthorizedUrl?: string | undefined
  }
  CreateApplicationRequest: {
    readonly ApplicationName: string
    readonly ApplicationDescription?: string | undefined
    readonly RuntimeEnvironment:
      | 'SQL-1_0'
      | 'FLINK-1_6'
      | 'FLINK-1_8'
      | 'ZEPPELIN-FLINK-1_0'
      | 'FLINK-1_11'
      | 'FLINK-1_13'
      | 'ZEPPELIN-FLINK-2_0'
      | 'FLINK-1_15'
      | 'ZEPPELIN-FLINK-3_0'
      | 'FLINK-1_18'
      | 'FLINK-1_19'
      | 'FLINK-1_20'
      | 'FLINK-2_2'
      | 'FLINK-2_3'
    readonly ServiceExecutionRole: string
    readonly ApplicationConfiguration?: Shapes['ApplicationConfiguration'] | undefined
    readonly CloudWatchLoggingOptions?: readonly Shapes['CloudWatchLoggingOption'][] | undefined
    readonly Tags?: readonly Shapes['Tag'][] | undefined
    readonly ApplicationMode?: 'STREAMING' | 'INTERACTIVE' | undefined
  }
  CreateApplicationResponse: {
    readonly ApplicationDetail: Shapes['ApplicationDetail']
  }
  CreateApplicationSnapshotRequest: {
    readonly ApplicationName: string
    readonly SnapshotName: string
  }
  CreateApplicationSnapshotResponse: Readonly<Record<never, never>>
  CreateSnapshotRequest: {
    readonly ApplicationName: string
    readonly SnapshotName: string
    readonly SnapshotDescription?: string | undefined
    readonly Tags?: readonly Shapes['Tag'][] | undefined
  }
  CreateSnapshotResponse: {
    readonly SnapshotArn: string
    readonly SnapshotStatus: 'CREATING' | 'READY' | 'DELETING' | 'FAILED'
    readonly SnapshotOperationId: string
    readonly SnapshotOperationStatus: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED'
  }
  CustomArtifactConfiguration: {
    readonly ArtifactType: 'UDF' | 'DEPENDENCY_JAR'
    readonly S3ContentLocation?: Shapes['S3ContentLocation'] | undefined
    readonly MavenReference?: Shapes['MavenReference'] | undefined
  }
  CustomArtifactConfigurationDescription: {
    readonly ArtifactType?: 'UDF' | 'DEPENDENCY_JAR' | undefined
    readonly S3ContentLocationDescription?: Shapes['S3ContentLocation'] | undefined
    readonly MavenReferenceDescription?: Shapes['MavenReference'] | undefined
  }
  DeleteApplicationCloudWatchLoggingOptionRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId?: number | undefined
    readonly CloudWatchLoggingOptionId: string
    readonly ConditionalToken?: string | undefined
  }
  DeleteApplicationCloudWatchLoggingOptionResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly CloudWatchLoggingOptionDescriptions?: readonly Shapes['CloudWatchLoggingOptionDescription'][] | undefined
    readonly OperationId?: string | undefined
  }
  DeleteApplicationInputProcessingConfigurationRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
    readonly InputId: string
  }
  DeleteApplicationInputProcessingConfigurationResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
  }
  DeleteApplicationOutputRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
    readonly OutputId: string
  }
  DeleteApplicationOutputResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
  }
  DeleteApplicationReferenceDataSourceRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
    readonly ReferenceId: string
  }
  DeleteApplicationReferenceDataSourceResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
  }
  DeleteApplicationRequest: {
    readonly ApplicationName: string
    readonly CreateTimestamp: number
  }
  DeleteApplicationResponse: Readonly<Record<never, never>>
  DeleteApplicationSnapshotRequest: {
    readonly ApplicationName: string
    readonly SnapshotName: string
    readonly SnapshotCreationTimestamp: number
  }
  DeleteApplicationSnapshotResponse: Readonly<Record<never, never>>
  DeleteApplicationVpcConfigurationRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId?: number | undefined
    readonly VpcConfigurationId: string
    readonly ConditionalToken?: string | undefined
  }
  DeleteApplicationVpcConfigurationResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationVersionId?: number | undefined
    readonly OperationId?: string | undefined
  }
  DeleteSnapshotRequest: {
    readonly SnapshotName: string
    readonly SnapshotCreationTimestamp: number
  }
  DeleteSnapshotResponse: {
    readonly SnapshotArn: string
    readonly SnapshotStatus: 'CREATING' | 'READY' | 'DELETING' | 'FAILED'
    readonly SnapshotOperationId: string
    readonly SnapshotOperationStatus: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED'
  }
  DeployAsApplicationConfiguration: {
    readonly S3ContentLocation: Shapes['S3ContentBaseLocation']
  }
  DeployAsApplicationConfigurationDescription: {
    readonly S3ContentLocationDescription: Shapes['S3ContentBaseLocationDescription']
  }
  DeployAsApplicationConfigurationUpdate: {
    readonly S3ContentLocationUpdate?: Shapes['S3ContentBaseLocationUpdate'] | undefined
  }
  DescribeApplicationOperationRequest: {
    readonly ApplicationName: string
    readonly OperationId: string
  }
  DescribeApplicationOperationResponse: {
    readonly ApplicationOperationInfoDetails?: Shapes['ApplicationOperationInfoDetails'] | undefined
  }
  DescribeApplicationRequest: {
    readonly ApplicationName: string
    readonly IncludeAdditionalDetails?: boolean | undefined
  }
  DescribeApplicationResponse: {
    readonly ApplicationDetail: Shapes['ApplicationDetail']
  }
  DescribeApplicationSnapshotRequest: {
    readonly ApplicationName: string
    readonly SnapshotName: string
  }
  DescribeApplicationSnapshotResponse: {
    readonly SnapshotDetails: Shapes['SnapshotDetails']
  }
  DescribeApplicationVersionRequest: {
    readonly ApplicationName: string
    readonly ApplicationVersionId: number
  }
  DescribeApplicationVersionResponse: {
    readonly ApplicationVersionDetail?: Shapes['ApplicationDetail'] | undefined
  }
  DescribeSnapshotOperationRequest: {
    readonly SnapshotName: string
    readonly SnapshotOperationId: string
  }
  DescribeSnapshotOperationResponse: {
    readonly SnapshotOperationInfoDetails: Shapes['SnapshotOperationInfoDetails']
  }
  DescribeSnapshotRequest: {
    readonly SnapshotName: string
  }
  DescribeSnapshotResponse: {
    readonly SnapshotInfoDetails: Shapes['SnapshotInfoDetails']
  }
  DestinationSchema: {
    readonly RecordFormatType: 'JSON' | 'CSV'
  }
  DiscoverInputSchemaRequest: {
    readonly ResourceARN?: string | undefined
    readonly ServiceExecutionRole: string
    readonly InputStartingPositionConfiguration?: Shapes['InputStartingPositionConfiguration'] | undefined
    readonly S3Configuration?: Shapes['S3Configuration'] | undefined
    readonly InputProcessingConfiguration?: Shapes['InputProcessingConfiguration'] | undefined
  }
  DiscoverInputSchemaResponse: {
    readonly InputSchema?: Shapes['SourceSchema'] | undefined
    readonly ParsedInputRecords?: readonly (readonly string[])[] | undefined
    readonly ProcessedInputRecords?: readonly string[] | undefined
    readonly RawInputRecords?: readonly string[] | undefined
  }
  EncryptionConfigurationDescription: {
    readonly KeyId?: string | undefined
    readonly KeyType: 'AWS_OWNED_KEY' | 'CUSTOMER_MANAGED_KEY'
  }
  EnvironmentProperties: {
    readonly PropertyGroups: readonly Shapes['PropertyGroup'][]
  }
  EnvironmentPropertyDescriptions: {
    readonly PropertyGroupDescriptions?: readonly Shapes['PropertyGroup'][] | undefined
  }
  EnvironmentPropertyUpdates: {
    readonly PropertyGroups: readonly Shapes['PropertyGroup'][]
  }
  ErrorInfo: {
    readonly ErrorString?: string | undefined
  }
  ExportDestinationConfiguration: {
    readonly DestinationType: 'S3'
    readonly ExportRoleArn: string
    readonly DestinationEncryptionConfiguration?: Shapes['SnapshotEncryptionConfiguration'] | undefined
    readonly DestinationS3PrefixLocation: Shapes['S3PrefixLocation']
  }
  ExportSnapshotRequest: {
    readonly SnapshotName: string
    readonly ExportDestinationConfiguration: Shapes['ExportDestinationConfiguration']
  }
  ExportSnapshotResponse: {
    readonly SnapshotOperationId: string
    readonly SnapshotOperationStatus: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED'
  }
  FlinkApplicationConfiguration: {
    readonly CheckpointConfiguration?: Shapes['CheckpointConfiguration'] | undefined
    readonly MonitoringConfiguration?: Shapes['MonitoringConfiguration'] | undefined
    readonly ParallelismConfiguration?: Shapes['ParallelismConfiguration'] | undefined
  }
  FlinkApplicationConfigurationDescription: {
    readonly CheckpointConfigurationDescription?: Shapes['CheckpointConfigurationDescription'] | undefined
    readonly MonitoringConfigurationDescription?: Shapes['MonitoringConfigurationDescription'] | undefined
    readonly ParallelismConfigurationDescription?: Shapes['ParallelismConfigurationDescription'] | undefined
    readonly JobPlanDescription?: string | undefined
  }
  FlinkApplicationConfigurationUpdate: {
    readonly CheckpointConfigurationUpdate?: Shapes['CheckpointConfigurationUpdate'] | undefined
    readonly MonitoringConfigurationUpdate?: Shapes['MonitoringConfigurationUpdate'] | undefined
    readonly ParallelismConfigurationUpdate?: Shapes['ParallelismConfigurationUpdate'] | undefined
  }
  FlinkRunConfiguration: {
    readonly AllowNonRestoredState?: boolean | undefined
  }
  GlueDataCatalogConfiguration: {
    readonly DatabaseARN: string
  }
  GlueDataCatalogConfigurationDescription: {
    readonly DatabaseARN: string
  }
  GlueDataCatalogConfigurationUpdate: {
    readonly DatabaseARNUpdate: string
  }
  ImportSnapshotRequest: {
    readonly SnapshotName: string
    readonly ImportSourceConfiguration: Shapes['ImportSourceConfiguration']
    readonly DestinationEncryptionConfiguration?: Shapes['SnapshotEncryptionConfiguration'] | undefined
    readonly SnapshotDescription?: string | undefined
    readonly SnapshotFormat?: 'CANONICAL' | undefined
    readonly Tags?: readonly Shapes['Tag'][] | undefined
  }
  ImportSnapshotResponse: {
    readonly SnapshotArn: string
    readonly SnapshotStatus: 'CREATING' | 'READY' | 'DELETING' | 'FAILED'
    readonly SnapshotOperationId: string
    readonly SnapshotOperationStatus: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED'
  }
  ImportSourceConfiguration: {
    readonly SourceType: 'S3'
    readonly ImportRoleArn: string
    readonly SourceEncryptionConfiguration?: Shapes['SnapshotEncryptionConfiguration'] | undefined
    readonly SourceS3PrefixLocation: Shapes['S3PrefixLocation']
  }
  Input: {
    readonly NamePrefix: string
    readonly InputProcessingConfiguration?: Shapes['InputProcessingConfiguration'] | undefined
    readonly KinesisStreamsInput?: Shapes['KinesisStreamsInput'] | undefined
    readonly KinesisFirehoseInput?: Shapes['KinesisFirehoseInput'] | undefined
    readonly InputParallelism?: Shapes['InputParallelism'] | undefined
    readonly InputSchema: Shapes['SourceSchema']
  }
  InputDescription: {
    readonly InputId?: string | undefined
    readonly NamePrefix?: string | undefined
    readonly InAppStreamNames?: readonly string[] | undefined
    readonly InputProcessingConfigurationDescription?: Shapes['InputProcessingConfigurationDescription'] | undefined
    readonly KinesisStreamsInputDescription?: Shapes['KinesisStreamsInputDescription'] | undefined
    readonly KinesisFirehoseInputDescription?: Shapes['KinesisFirehoseInputDescription'] | undefined
    readonly InputSchema?: Shapes['SourceSchema'] | undefined
    readonly InputParallelism?: Shapes['InputParallelism'] | undefined
    readonly InputStartingPositionConfiguration?: Shapes['InputStartingPositionConfiguration'] | undefined
  }
  InputLambdaProcessor: {
    readonly ResourceARN: string
  }
  InputLambdaProcessorDescription: {
    readonly ResourceARN: string
    readonly RoleARN?: string | undefined
  }
  InputLambdaProcessorUpdate: {
    readonly ResourceARNUpdate: string
  }
  InputParallelism: {
    readonly Count?: number | undefined
  }
  InputParallelismUpdate: {
    readonly CountUpdate: number
  }
  InputProcessingConfiguration: {
    readonly InputLambdaProcessor: Shapes['InputLambdaProcessor']
  }
  InputProcessingConfigurationDescription: {
    readonly InputLambdaProcessorDescription?: Shapes['InputLambdaProcessorDescription'] | undefined
  }
  InputProcessingConfigurationUpdate: {
    readonly InputLambdaProcessorUpdate: Shapes['InputLambdaProcessorUpdate']
  }
  InputSchemaUpdate: {
    readonly RecordFormatUpdate?: Shapes['RecordFormat'] | undefined
    readonly RecordEncodingUpdate?: string | undefined
    readonly RecordColumnUpdates?: readonly Shapes['RecordColumn'][] | undefined
  }
  InputStartingPositionConfiguration: {
    readonly InputStartingPosition?: 'NOW' | 'TRIM_HORIZON' | 'LAST_STOPPED_POINT' | undefined
  }
  InputUpdate: {
    readonly InputId: string
    readonly NamePrefixUpdate?: string | undefined
    readonly InputProcessingConfigurationUpdate?: Shapes['InputProcessingConfigurationUpdate'] | undefined
    readonly KinesisStreamsInputUpdate?: Shapes['KinesisStreamsInputUpdate'] | undefined
    readonly KinesisFirehoseInputUpdate?: Shapes['KinesisFirehoseInputUpdate'] | undefined
    readonly InputSchemaUpdate?: Shapes['InputSchemaUpdate'] | undefined
    readonly InputParallelismUpdate?: Shapes['InputParallelismUpdate'] | undefined
  }
  JSONMappingParameters: {
    readonly RecordRowPath: string
  }
  KinesisFirehoseInput: {
    readonly ResourceARN: string
  }
  KinesisFirehoseInputDescription: {
    readonly ResourceARN: string
    readonly RoleARN?: string | undefined
  }
  KinesisFirehoseInputUpdate: {
    readonly ResourceARNUpdate: string
  }
  KinesisFirehoseOutput: {
    readonly ResourceARN: string
  }
  KinesisFirehoseOutputDescription: {
    readonly ResourceARN: string
    readonly RoleARN?: string | undefined
  }
  KinesisFirehoseOutputUpdate: {
    readonly ResourceARNUpdate: string
  }
  KinesisStreamsInput: {
    readonly ResourceARN: string
  }
  KinesisStreamsInputDescription: {
    readonly ResourceARN: string
    readonly RoleARN?: string | undefined
  }
  KinesisStreamsInputUpdate: {
    readonly ResourceARNUpdate: string
  }
  KinesisStreamsOutput: {
    readonly ResourceARN: string
  }
  KinesisStreamsOutputDescription: {
    readonly ResourceARN: string
    readonly RoleARN?: string | undefined
  }
  KinesisStreamsOutputUpdate: {
    readonly ResourceARNUpdate: string
  }
  LambdaOutput: {
    readonly ResourceARN: string
  }
  LambdaOutputDescription: {
    readonly ResourceARN: string
    readonly RoleARN?: string | undefined
  }
  LambdaOutputUpdate: {
    readonly ResourceARNUpdate: string
  }
  ListApplicationOperationsRequest: {
    readonly ApplicationName: string
    readonly Limit?: number | undefined
    readonly NextToken?: string | undefined
    readonly Operation?: string | undefined
    readonly OperationStatus?: 'IN_PROGRESS' | 'CANCELLED' | 'SUCCESSFUL' | 'FAILED' | undefined
  }
  ListApplicationOperationsResponse: {
    readonly ApplicationOperationInfoList?: readonly Shapes['ApplicationOperationInfo'][] | undefined
    readonly NextToken?: string | undefined
  }
  ListApplicationSnapshotsRequest: {
    readonly ApplicationName: string
    readonly Limit?: number | undefined
    readonly NextToken?: string | undefined
  }
  ListApplicationSnapshotsResponse: {
    readonly SnapshotSummaries?: readonly Shapes['SnapshotDetails'][] | undefined
    readonly NextToken?: string | undefined
  }
  ListApplicationVersionsRequest: {
    readonly ApplicationName: string
    readonly Limit?: number | undefined
    readonly NextToken?: string | undefined
  }
  ListApplicationVersionsResponse: {
    readonly ApplicationVersionSummaries?: readonly Shapes['ApplicationVersionSummary'][] | undefined
    readonly NextToken?: string | undefined
  }
  ListApplicationsRequest: {
    readonly Limit?: number | undefined
    readonly NextToken?: string | undefined
  }
  ListApplicationsResponse: {
    readonly ApplicationSummaries: readonly Shapes['ApplicationSummary'][]
    readonly NextToken?: string | undefined
  }
  ListSnapshotOperationsRequest: {
    readonly SnapshotName: string
    readonly SnapshotOperation?:
      | 'CreateSnapshot'
      | 'DeleteSnapshot'
      | 'ImportSnapshot'
      | 'ExportSnapshot'
      | 'SystemCreateSnapshot'
      | undefined
    readonly SnapshotOperationStatus?: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED' | undefined
    readonly Limit?: number | undefined
    readonly NextToken?: string | undefined
  }
  ListSnapshotOperationsResponse: {
    readonly SnapshotOperationInfoList: readonly Shapes['SnapshotOperationInfo'][]
    readonly NextToken?: string | undefined
  }
  ListSnapshotsRequest: {
    readonly SourceApplicationName?: string | undefined
    readonly SnapshotInitiator?: 'USER' | 'SYSTEM' | undefined
    readonly SnapshotInitiatorOperation?: 'CreateSnapshot' | 'ImportSnapshot' | 'SystemCreateSnapshot' | undefined
    readonly SnapshotStatus?: 'CREATING' | 'READY' | 'DELETING' | 'FAILED' | undefined
    readonly Limit?: number | undefined
    readonly NextToken?: string | undefined
  }
  ListSnapshotsResponse: {
    readonly SnapshotInfoList: readonly Shapes['SnapshotInfo'][]
    readonly NextToken?: string | undefined
  }
  ListTagsForResourceRequest: {
    readonly ResourceARN: string
  }
  ListTagsForResourceResponse: {
    readonly Tags?: readonly Shapes['Tag'][] | undefined
  }
  MappingParameters: {
    readonly JSONMappingParameters?: Shapes['JSONMappingParameters'] | undefined
    readonly CSVMappingParameters?: Shapes['CSVMappingParameters'] | undefined
  }
  MavenReference: {
    readonly GroupId: string
    readonly ArtifactId: string
    readonly Version: string
  }
  MonitoringConfiguration: {
    readonly ConfigurationType: 'DEFAULT' | 'CUSTOM'
    readonly MetricsLevel?: 'APPLICATION' | 'TASK' | 'OPERATOR' | 'PARALLELISM' | undefined
    readonly LogLevel?: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG' | undefined
  }
  MonitoringConfigurationDescription: {
    readonly ConfigurationType?: 'DEFAULT' | 'CUSTOM' | undefined
    readonly MetricsLevel?: 'APPLICATION' | 'TASK' | 'OPERATOR' | 'PARALLELISM' | undefined
    readonly LogLevel?: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG' | undefined
  }
  MonitoringConfigurationUpdate: {
    readonly ConfigurationTypeUpdate?: 'DEFAULT' | 'CUSTOM' | undefined
    readonly MetricsLevelUpdate?: 'APPLICATION' | 'TASK' | 'OPERATOR' | 'PARALLELISM' | undefined
    readonly LogLevelUpdate?: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG' | undefined
  }
  OperationFailureDetails: {
    readonly RollbackOperationId?: string | undefined
    readonly ErrorInfo?: Shapes['ErrorInfo'] | undefined
  }
  Output: {
    readonly Name: string
    readonly KinesisStreamsOutput?: Shapes['KinesisStreamsOutput'] | undefined
    readonly KinesisFirehoseOutput?: Shapes['KinesisFirehoseOutput'] | undefined
    readonly LambdaOutput?: Shapes['LambdaOutput'] | undefined
    readonly DestinationSchema: Shapes['DestinationSchema']
  }
  OutputDescription: {
    readonly OutputId?: string | undefined
    readonly Name?: string | undefined
    readonly KinesisStreamsOutputDescription?: Shapes['KinesisStreamsOutputDescription'] | undefined
    readonly KinesisFirehoseOutputDescription?: Shapes['KinesisFirehoseOutputDescription'] | undefined
    readonly LambdaOutputDescription?: Shapes['LambdaOutputDescription'] | undefined
    readonly DestinationSchema?: Shapes['DestinationSchema'] | undefined
  }
  OutputUpdate: {
    readonly OutputId: string
    readonly NameUpdate?: string | undefined
    readonly KinesisStreamsOutputUpdate?: Shapes['KinesisStreamsOutputUpdate'] | undefined
    readonly KinesisFirehoseOutputUpdate?: Shapes['KinesisFirehoseOutputUpdate'] | undefined
    readonly LambdaOutputUpdate?: Shapes['LambdaOutputUpdate'] | undefined
    readonly DestinationSchemaUpdate?: Shapes['DestinationSchema'] | undefined
  }
  ParallelismConfiguration: {
    readonly ConfigurationType: 'DEFAULT' | 'CUSTOM'
    readonly Parallelism?: number | undefined
    readonly ParallelismPerKPU?: number | undefined
    readonly AutoScalingEnabled?: boolean | undefined
  }
  ParallelismConfigurationDescription: {
    readonly ConfigurationType?: 'DEFAULT' | 'CUSTOM' | undefined
    readonly Parallelism?: number | undefined
    readonly ParallelismPerKPU?: number | undefined
    readonly CurrentParallelism?: number | undefined
    readonly AutoScalingEnabled?: boolean | undefined
  }
  ParallelismConfigurationUpdate: {
    readonly ConfigurationTypeUpdate?: 'DEFAULT' | 'CUSTOM' | undefined
    readonly ParallelismUpdate?: number | undefined
    readonly ParallelismPerKPUUpdate?: number | undefined
    readonly AutoScalingEnabledUpdate?: boolean | undefined
  }
  PropertyGroup: {
    readonly PropertyGroupId: string
    readonly PropertyMap: Readonly<Record<string, string>>
  }
  RecordColumn: {
    readonly Name: string
    readonly Mapping?: string | undefined
    readonly SqlType: string
  }
  RecordFormat: {
    readonly RecordFormatType: 'JSON' | 'CSV'
    readonly MappingParameters?: Shapes['MappingParameters'] | undefined
  }
  ReferenceDataSource: {
    readonly TableName: string
    readonly S3ReferenceDataSource?: Shapes['S3ReferenceDataSource'] | undefined
    readonly ReferenceSchema: Shapes['SourceSchema']
  }
  ReferenceDataSourceDescription: {
    readonly ReferenceId: string
    readonly TableName: string
    readonly S3ReferenceDataSourceDescription: Shapes['S3ReferenceDataSourceDescription']
    readonly ReferenceSchema?: Shapes['SourceSchema'] | undefined
  }
  ReferenceDataSourceUpdate: {
    readonly ReferenceId: string
    readonly TableNameUpdate?: string | undefined
    readonly S3ReferenceDataSourceUpdate?: Shapes['S3ReferenceDataSourceUpdate'] | undefined
    readonly ReferenceSchemaUpdate?: Shapes['SourceSchema'] | undefined
  }
  RollbackApplicationRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId: number
  }
  RollbackApplicationResponse: {
    readonly ApplicationDetail: Shapes['ApplicationDetail']
    readonly OperationId?: string | undefined
  }
  RunConfiguration: {
    readonly FlinkRunConfiguration?: Shapes['FlinkRunConfiguration'] | undefined
    readonly SqlRunConfigurations?: readonly Shapes['SqlRunConfiguration'][] | undefined
    readonly ApplicationRestoreConfiguration?: Shapes['ApplicationRestoreConfiguration'] | undefined
  }
  RunConfigurationDescription: {
    readonly ApplicationRestoreConfigurationDescription?: Shapes['ApplicationRestoreConfiguration'] | undefined
    readonly FlinkRunConfigurationDescription?: Shapes['FlinkRunConfiguration'] | undefined
  }
  RunConfigurationUpdate: {
    readonly FlinkRunConfiguration?: Shapes['FlinkRunConfiguration'] | undefined
    readonly ApplicationRestoreConfiguration?: Shapes['ApplicationRestoreConfiguration'] | undefined
  }
  S3ApplicationCodeLocationDescription: {
    readonly BucketARN: string
    readonly FileKey: string
    readonly ObjectVersion?: string | undefined
  }
  S3Configuration: {
    readonly BucketARN: string
    readonly FileKey: string
  }
  S3ContentBaseLocation: {
    readonly BucketARN: string
    readonly BasePath?: string | undefined
  }
  S3ContentBaseLocationDescription: {
    readonly BucketARN: string
    readonly BasePath?: string | undefined
  }
  S3ContentBaseLocationUpdate: {
    readonly BucketARNUpdate?: string | undefined
    readonly BasePathUpdate?: string | undefined
  }
  S3ContentLocation: {
    readonly BucketARN: string
    readonly FileKey: string
    readonly ObjectVersion?: string | undefined
  }
  S3ContentLocationUpdate: {
    readonly BucketARNUpdate?: string | undefined
    readonly FileKeyUpdate?: string | undefined
    readonly ObjectVersionUpdate?: string | undefined
  }
  S3PrefixLocation: {
    readonly BucketARN: string
    readonly KeyPrefix: string
  }
  S3ReferenceDataSource: {
    readonly BucketARN?: string | undefined
    readonly FileKey?: string | undefined
  }
  S3ReferenceDataSourceDescription: {
    readonly BucketARN: string
    readonly FileKey: string
    readonly ReferenceRoleARN?: string | undefined
  }
  S3ReferenceDataSourceUpdate: {
    readonly BucketARNUpdate?: string | undefined
    readonly FileKeyUpdate?: string | undefined
  }
  SnapshotDetails: {
    readonly SnapshotName: string
    readonly SnapshotStatus: 'CREATING' | 'READY' | 'DELETING' | 'FAILED'
    readonly ApplicationVersionId: number
    readonly SnapshotCreationTimestamp?: number | undefined
    readonly RuntimeEnvironment?:
      | 'SQL-1_0'
      | 'FLINK-1_6'
      | 'FLINK-1_8'
      | 'ZEPPELIN-FLINK-1_0'
      | 'FLINK-1_11'
      | 'FLINK-1_13'
      | 'ZEPPELIN-FLINK-2_0'
      | 'FLINK-1_15'
      | 'ZEPPELIN-FLINK-3_0'
      | 'FLINK-1_18'
      | 'FLINK-1_19'
      | 'FLINK-1_20'
      | 'FLINK-2_2'
      | 'FLINK-2_3'
      | undefined
    readonly ApplicationEncryptionConfigurationDescription?:
      | Shapes['ApplicationEncryptionConfigurationDescription']
      | undefined
  }
  SnapshotEncryptionConfiguration: {
    readonly KeyId?: string | undefined
    readonly KeyType: 'AWS_OWNED_KEY' | 'CUSTOMER_MANAGED_KEY'
  }
  SnapshotErrorInfo: {
    readonly ErrorCode?: string | undefined
    readonly ErrorString?: string | undefined
  }
  SnapshotInfo: {
    readonly SnapshotName: string
    readonly SnapshotArn: string
    readonly SnapshotStatus: 'CREATING' | 'READY' | 'DELETING' | 'FAILED'
    readonly SnapshotCreationTimestamp: number
    readonly SnapshotInitiator: 'USER' | 'SYSTEM'
    readonly SnapshotInitiatorOperation: 'CreateSnapshot' | 'ImportSnapshot' | 'SystemCreateSnapshot'
    readonly SourceApplicationName?: string | undefined
    readonly SnapshotFormat: 'CANONICAL'
  }
  SnapshotInfoDetails: {
    readonly SnapshotName: string
    readonly SnapshotArn: string
    readonly SnapshotDescription?: string | undefined
    readonly SnapshotStatus: 'CREATING' | 'READY' | 'DELETING' | 'FAILED'
    readonly SnapshotCreationTimestamp: number
    readonly RuntimeEnvironment?:
      | 'SQL-1_0'
      | 'FLINK-1_6'
      | 'FLINK-1_8'
      | 'ZEPPELIN-FLINK-1_0'
      | 'FLINK-1_11'
      | 'FLINK-1_13'
      | 'ZEPPELIN-FLINK-2_0'
      | 'FLINK-1_15'
      | 'ZEPPELIN-FLINK-3_0'
      | 'FLINK-1_18'
      | 'FLINK-1_19'
      | 'FLINK-1_20'
      | 'FLINK-2_2'
      | 'FLINK-2_3'
      | undefined
    readonly SnapshotSizeInBytes?: number | undefined
    readonly SnapshotEncryptionConfigurationDescription?: Shapes['SnapshotEncryptionConfiguration'] | undefined
    readonly SnapshotInitiator: 'USER' | 'SYSTEM'
    readonly SnapshotInitiatorOperation: 'CreateSnapshot' | 'ImportSnapshot' | 'SystemCreateSnapshot'
    readonly SnapshotSourceDescription: Shapes['SnapshotSourceDescription']
    readonly SnapshotFormat: 'CANONICAL'
  }
  SnapshotOperationFailureDetails: {
    readonly ErrorInfo?: Shapes['SnapshotErrorInfo'] | undefined
  }
  SnapshotOperationInfo: {
    readonly SnapshotOperationId: string
    readonly SnapshotOperation:
      | 'CreateSnapshot'
      | 'DeleteSnapshot'
      | 'ImportSnapshot'
      | 'ExportSnapshot'
      | 'SystemCreateSnapshot'
    readonly SnapshotOperationStatus: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED'
    readonly StartTime?: number | undefined
    readonly EndTime?: number | undefined
  }
  SnapshotOperationInfoDetails: {
    readonly SnapshotOperationId: string
    readonly SnapshotOperation:
      | 'CreateSnapshot'
      | 'DeleteSnapshot'
      | 'ImportSnapshot'
      | 'ExportSnapshot'
      | 'SystemCreateSnapshot'
    readonly SnapshotOperationStatus: 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'CANCELLED'
    readonly SnapshotArn: string
    readonly SourceEncryptionConfigurationDescription?: Shapes['EncryptionConfigurationDescription'] | undefined
    readonly DestinationEncryptionConfigurationDescription?: Shapes['EncryptionConfigurationDescription'] | undefined
    readonly SnapshotSourceLocationDescription?: Shapes['SnapshotOperationLocationDescription'] | undefined
    readonly SnapshotDestinationLocationDescription?: Shapes['SnapshotOperationLocationDescription'] | undefined
    readonly ApplicationOperationDescription?: Shapes['ApplicationOperationDescription'] | undefined
    readonly StartTime?: number | undefined
    readonly EndTime?: number | undefined
    readonly SnapshotOperationFailureDetails?: Shapes['SnapshotOperationFailureDetails'] | undefined
  }
  SnapshotOperationLocationDescription: {
    readonly LocationType: 'S3'
    readonly S3PrefixLocation: Shapes['SnapshotOperationS3PrefixLocation']
  }
  SnapshotOperationS3PrefixLocation: {
    readonly BucketARN: string
    readonly KeyPrefix: string
    readonly ExportedPrefix?: string | undefined
  }
  SnapshotSourceDescription: {
    readonly S3PrefixLocation?: Shapes['S3PrefixLocation'] | undefined
    readonly SourceApplicationDescription?: Shapes['SourceApplicationDescription'] | undefined
  }
  SourceApplicationDescription: {
    readonly ApplicationName: string
    readonly ApplicationCreationTimestamp: number
    readonly ApplicationVersionId: number
  }
  SourceSchema: {
    readonly RecordFormat: Shapes['RecordFormat']
    readonly RecordEncoding?: string | undefined
    readonly RecordColumns: readonly Shapes['RecordColumn'][]
  }
  SqlApplicationConfiguration: {
    readonly Inputs?: readonly Shapes['Input'][] | undefined
    readonly Outputs?: readonly Shapes['Output'][] | undefined
    readonly ReferenceDataSources?: readonly Shapes['ReferenceDataSource'][] | undefined
  }
  SqlApplicationConfigurationDescription: {
    readonly InputDescriptions?: readonly Shapes['InputDescription'][] | undefined
    readonly OutputDescriptions?: readonly Shapes['OutputDescription'][] | undefined
    readonly ReferenceDataSourceDescriptions?: readonly Shapes['ReferenceDataSourceDescription'][] | undefined
  }
  SqlApplicationConfigurationUpdate: {
    readonly InputUpdates?: readonly Shapes['InputUpdate'][] | undefined
    readonly OutputUpdates?: readonly Shapes['OutputUpdate'][] | undefined
    readonly ReferenceDataSourceUpdates?: readonly Shapes['ReferenceDataSourceUpdate'][] | undefined
  }
  SqlRunConfiguration: {
    readonly InputId: string
    readonly InputStartingPositionConfiguration: Shapes['InputStartingPositionConfiguration']
  }
  StartApplicationRequest: {
    readonly ApplicationName: string
    readonly RunConfiguration?: Shapes['RunConfiguration'] | undefined
  }
  StartApplicationResponse: {
    readonly OperationId?: string | undefined
  }
  StopApplicationRequest: {
    readonly ApplicationName: string
    readonly Force?: boolean | undefined
  }
  StopApplicationResponse: {
    readonly OperationId?: string | undefined
  }
  Tag: {
    readonly Key: string
    readonly Value?: string | undefined
  }
  TagResourceRequest: {
    readonly ResourceARN: string
    readonly Tags: readonly Shapes['Tag'][]
  }
  TagResourceResponse: Readonly<Record<never, never>>
  UntagResourceRequest: {
    readonly ResourceARN: string
    readonly TagKeys: readonly string[]
  }
  UntagResourceResponse: Readonly<Record<never, never>>
  UpdateApplicationMaintenanceConfigurationRequest: {
    readonly ApplicationName: string
    readonly ApplicationMaintenanceConfigurationUpdate: Shapes['ApplicationMaintenanceConfigurationUpdate']
  }
  UpdateApplicationMaintenanceConfigurationResponse: {
    readonly ApplicationARN?: string | undefined
    readonly ApplicationMaintenanceConfigurationDescription?:
      | Shapes['ApplicationMaintenanceConfigurationDescription']
      | undefined
  }
  UpdateApplicationRequest: {
    readonly ApplicationName: string
    readonly CurrentApplicationVersionId?: number | undefined
    readonly ApplicationConfigurationUpdate?: Shapes['ApplicationConfigurationUpdate'] | undefined
    readonly ServiceExecutionRoleUpdate?: string | undefined
    readonly RunConfigurationUpdate?: Shapes['RunConfigurationUpdate'] | undefined
    readonly CloudWatchLoggingOptionUpdates?: readonly Shapes['CloudWatchLoggingOptionUpdate'][] | undefined
    readonly ConditionalToken?: string | undefined
    readonly RuntimeEnvironmentUpdate?:
      | 'SQL-1_0'
      | 'FLINK-1_6'
      | 'FLINK-1_8'
      | 'ZEPPELIN-FLINK-1_0'
      | 'FLINK-1_11'
      | 'FLINK-1_13'
      | 'ZEPPELIN-FLINK-2_0'
      | 'FLINK-1_15'
      | 'ZEPPELIN-FLINK-3_0'
      | 'FLINK-1_18'
      | 'FLINK-1_19'
      | 'FLINK-1_20'
      | 'FLINK-2_2'
      | 'FLINK-2_3'
      | undefined
  }
  UpdateApplicationResponse: {
    readonly ApplicationDetail: Shapes['ApplicationDetail']
    readonly OperationId?: string | undefined
  }
  VpcConfiguration: {
    readonly SubnetIds: readonly string[]
    readonly SecurityGroupIds: readonly string[]
  }
  VpcConfigurationDescription: {
    readonly VpcConfigurationId: string
    readonly VpcId: string
    readonly SubnetIds: readonly string[]
    readonly SecurityGroupIds: readonly string[]
  }
  VpcConfigurationUpdate: {
    readonly VpcConfigurationId: string
    readonly SubnetIdUpdates?: readonly string[] | undefined
    readonly SecurityGroupIdUpdates?: readonly string[] | undefined
  }
  ZeppelinApplicationConfiguration: {
    readonly MonitoringConfiguration?: Shapes['ZeppelinMonitoringConfiguration'] | undefined
    readonly CatalogConfiguration?: Shapes['CatalogConfiguration'] | undefined
    readonly DeployAsApplicationConfiguration?: Shapes['DeployAsApplicationConfiguration'] | undefined
    readonly CustomArtifactsConfiguration?: readonly Shapes['CustomArtifactConfiguration'][] | undefined
  }
  ZeppelinApplicationConfigurationDescription: {
    readonly MonitoringConfigurationDescription: Shapes['ZeppelinMonitoringConfigurationDescription']
    readonly CatalogConfigurationDescription?: Shapes['CatalogConfigurationDescription'] | undefined
    readonly DeployAsApplicationConfigurationDescription?:
      | Shapes['DeployAsApplicationConfigurationDescription']
      | undefined
    readonly CustomArtifactsConfigurationDescription?:
      | readonly Shapes['CustomArtifactConfigurationDescription'][]
      | undefined
  }
  ZeppelinApplicationConfigurationUpdate: {
    readonly MonitoringConfigurationUpdate?: Shapes['ZeppelinMonitoringConfigurationUpdate'] | undefined
    readonly CatalogConfigurationUpdate?: Shapes['CatalogConfigurationUpdate'] | undefined
    readonly DeployAsApplicationConfigurationUpdate?: Shapes['DeployAsApplicationConfigurationUpdate'] | undefined
    readonly CustomArtifactsConfigurationUpdate?: readonly Shapes['CustomArtifactConfiguration'][] | undefined
  }
  ZeppelinMonitoringConfiguration: {
    readonly LogLevel: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG'
  }
  ZeppelinMonitoringConfigurationDescription: {
    readonly LogLevel?: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG' | undefined
  }
  ZeppelinMonitoringConfigurationUpdate: {
    readonly LogLevelUpdate: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG'
  }
}
