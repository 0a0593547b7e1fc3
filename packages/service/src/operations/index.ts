import type { Operations } from '../model/shapes.ts'
import { createApplication } from './create-application.ts'
import { createApplicationPresignedUrl } from './create-application-presigned-url.ts'
import { deleteApplication } from './delete-application.ts'
import { describeApplication } from './describe-application.ts'
import { describeApplicationOperation } from './describe-application-operation.ts'
import { listApplicationOperations } from './list-application-operations.ts'
import { listApplications } from './list-applications.ts'
import { listTagsForResource } from './list-tags-for-resource.ts'
import type { Operation } from './operation.ts'
import { startApplication } from './start-application.ts'
import { stopApplication } from './stop-application.ts'
import { tagResource } from './tag-resource.ts'
import { untagResource } from './untag-resource.ts'
import { updateApplication } from './update-application.ts'

/** For an operation of SQL-1_0 applications, which can't be made any more, with the error its model has for that. */
type SqlOnly = 'InvalidRequestException' | 'UnsupportedOperationException'

/** Every operation of the service model: what carries it out, or why nothing does. */
export const applicationOperations: { readonly [N in keyof Operations]: Operation<N> | SqlOnly | 'not offered yet' } = {
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

  AddApplicationCloudWatchLoggingOption: 'not offered yet',
  AddApplicationVpcConfiguration: 'not offered yet',
  CreateApplicationSnapshot: 'not offered yet',
  CreateSnapshot: 'not offered yet',
  DeleteApplicationCloudWatchLoggingOption: 'not offered yet',
  DeleteApplicationSnapshot: 'not offered yet',
  DeleteApplicationVpcConfiguration: 'not offered yet',
  DeleteSnapshot: 'not offered yet',
  DescribeApplicationSnapshot: 'not offered yet',
  DescribeApplicationVersion: 'not offered yet',
  DescribeSnapshot: 'not offered yet',
  DescribeSnapshotOperation: 'not offered yet',
  ExportSnapshot: 'not offered yet',
  ImportSnapshot: 'not offered yet',
  ListApplicationSnapshots: 'not offered yet',
  ListApplicationVersions: 'not offered yet',
  ListSnapshotOperations: 'not offered yet',
  ListSnapshots: 'not offered yet',
  RollbackApplication: 'not offered yet',
  UpdateApplicationMaintenanceConfiguration: 'not offered yet',
}
