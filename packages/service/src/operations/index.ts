import type { Operations } from '../model/shapes.ts'
import { addApplicationCloudWatchLoggingOption } from './add-application-cloud-watch-logging-option.ts'
import { addApplicationVpcConfiguration } from './add-application-vpc-configuration.ts'
import { createApplication } from './create-application.ts'
import { createApplicationPresignedUrl } from './create-application-presigned-url.ts'
import { createApplicationSnapshot } from './create-application-snapshot.ts'
import { createSnapshot } from './create-snapshot.ts'
import { deleteApplication } from './delete-application.ts'
import { deleteApplicationCloudWatchLoggingOption } from './delete-application-cloud-watch-logging-option.ts'
import { deleteApplicationSnapshot } from './delete-application-snapshot.ts'
import { deleteApplicationVpcConfiguration } from './delete-application-vpc-configuration.ts'
import { deleteSnapshot } from './delete-snapshot.ts'
import { describeApplication } from './describe-application.ts'
import { describeApplicationOperation } from './describe-application-operation.ts'
import { describeApplicationSnapshot } from './describe-application-snapshot.ts'
import { describeApplicationVersion } from './describe-application-version.ts'
import { describeSnapshot } from './describe-snapshot.ts'
import { describeSnapshotOperation } from './describe-snapshot-operation.ts'
import { exportSnapshot } from './export-snapshot.ts'
import { importSnapshot } from './import-snapshot.ts'
import { listApplicationOperations } from './list-application-operations.ts'
import { listApplicationSnapshots } from './list-application-snapshots.ts'
import { listApplicationVersions } from './list-application-versions.ts'
import { listApplications } from './list-applications.ts'
import { listSnapshotOperations } from './list-snapshot-operations.ts'
import { listSnapshots } from './list-snapshots.ts'
import { listTagsForResource } from './list-tags-for-resource.ts'
import type { Operation } from './operation.ts'
import { rollbackApplication } from './rollback-application.ts'
import { startApplication } from './start-application.ts'
import { stopApplication } from './stop-application.ts'
import { tagResource } from './tag-resource.ts'
import { untagResource } from './untag-resource.ts'
import { updateApplication } from './update-application.ts'
import { updateApplicationMaintenanceConfiguration } from './update-application-maintenance-configuration.ts'

/** For an operation of SQL-1_0 applications, which can't be made any more, with the error its model has for that. */
type SqlOnly = 'InvalidRequestException' | 'UnsupportedOperationException'

/** Every operation of the service model: what carries it out, or why nothing does. */
export const applicationOperations: { readonly [N in keyof Operations]: Operation<N> | SqlOnly } = {
  CreateApplication: createApplication,
  CreateApplicationPresignedUrl: createApplicationPresignedUrl,
  DescribeApplication: describeApplication,
  ListApplications: listApplications,
  StartApplication: startApplication,
  StopApplication: stopApplication,
  UpdateApplication: updateApplication,
  DeleteApplication: deleteApplication,
  ListApplicationOperations: listApplicationOperations,
  DescribeApplicationOperation: describeApplicationOperation,
  ListApplicationVersions: listApplicationVersions,
  DescribeApplicationVersion: describeApplicationVersion,
  RollbackApplication: rollbackApplication,
  CreateApplicationSnapshot: createApplicationSnapshot,
  DescribeApplicationSnapshot: describeApplicationSnapshot,
  ListApplicationSnapshots: listApplicationSnapshots,
  DeleteApplicationSnapshot: deleteApplicationSnapshot,
  CreateSnapshot: createSnapshot,
  DescribeSnapshot: describeSnapshot,
  ListSnapshots: listSnapshots,
  DeleteSnapshot: deleteSnapshot,
  ExportSnapshot: exportSnapshot,
  ImportSnapshot: importSnapshot,
  DescribeSnapshotOperation: describeSnapshotOperation,
  ListSnapshotOperations: listSnapshotOperations,
  AddApplicationCloudWatchLoggingOption: addApplicationCloudWatchLoggingOption,
  DeleteApplicationCloudWatchLoggingOption: deleteApplicationCloudWatchLoggingOption,
  AddApplicationVpcConfiguration: addApplicationVpcConfiguration,
  DeleteApplicationVpcConfiguration: deleteApplicationVpcConfiguration,
  UpdateApplicationMaintenanceConfiguration: updateApplicationMaintenanceConfiguration,
  TagResource: tagResource,
  UntagResource: untagResource,
  ListTagsForResource: listTagsForResource,

  AddApplicationInput: 'InvalidRequestException',
  AddApplicationInputProcessingConfiguration: 'InvalidRequestException',
  AddApplicationOutput: 'InvalidRequestException',
  AddApplicationReferenceDataSource: 'InvalidRequestException',
  DeleteApplicationInputProcessingConfiguration: 'InvalidRequestException',
  DeleteApplicationOutput: 'InvalidRequestException',
  DeleteApplicationReferenceDataSource: 'InvalidRequestException',
  DiscoverInputSchema: 'UnsupportedOperationException',
}
