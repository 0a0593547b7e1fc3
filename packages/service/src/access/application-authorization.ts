import { type ApplicationContext, tagOwnerIfAny } from '../operations/operation.ts'
import { invalidArgument } from '../wire/api-error.ts'
import { applicationService } from './access-directory.ts'
import type { CallAccess, Wanted } from './call-access.ts'
import { applicationArn, snapshotArn } from './principal.ts'

/** The members of requests of KinesisAnalyticsV2 that say what a call is about. */
interface AboutMembers {
  readonly ApplicationName?: string
  readonly ResourceARN?: string
  readonly ServiceExecutionRole?: string
  readonly ServiceExecutionRoleUpdate?: string
  readonly SnapshotName?: string
  readonly ImportSourceConfiguration?: { readonly ImportRoleArn: string }
  readonly ExportDestinationConfiguration?: { readonly ExportRoleArn: string }
  readonly RunConfiguration?: AboutRestore
  readonly RunConfigurationUpdate?: AboutRestore
  readonly Tags?: readonly { readonly Key: string; readonly Value?: string | undefined }[]
  readonly TagKeys?: readonly string[]
}

interface AboutRestore {
  readonly ApplicationRestoreConfiguration?: { readonly SnapshotArn?: string | undefined } | undefined
}

/** Terraform tries again when it reads this: a role may have been made just before. */
export const roleRefused =
  'Please check the role provided or validity of S3 location you provided. ' +
  'We are unable to assume the service execution role or it does not exist: '

/**
 * Asks whether the caller may do an operation of KinesisAnalyticsV2: action `kinesisanalytics:OPERATION` on the ARN of the
 * application (also for making a snapshot of it) or of the snapshot. Who hands a role to an application, an import or an
 * export needs `iam:PassRole` on that, too; who gives an application the state of an enhanced snapshot has to be one who
 * may describe this.
 * Errors: `AccessDeniedException` (403), `InvalidArgumentException` for a role that isn't there.
 */
export async function authorizeOperation(
  name: string,
  input: AboutMembers,
  access: CallAccess,
  context: ApplicationContext,
): Promise<void> {
  const resource = resourceOf(input, context)
  const requestTags = Object.fromEntries((input.Tags ?? []).map(({ Key, Value }) => [Key, Value ?? '']))
  const wanted: Wanted = {
    action: `kinesisanalytics:${name}`,
    resource,
    requestTags,
    tagKeys: input.TagKeys,
    resourceTags: access.asksForResourceTags ? await tagsOf(resource, context) : undefined,
  }
  access.authorize(wanted)
  for (const role of rolesOf(input)) passRole(role, access, context)
  const restored = restoredFrom(input)
  if (restored === undefined) return
  const action = 'kinesisanalytics:DescribeSnapshot'
  const resourceTags = access.asksForResourceTags ? await tagsOf(restored, context) : undefined
  access.authorize({ action, resource: restored, resourceTags })
}

function rolesOf(input: AboutMembers): readonly string[] {
  return [
    input.ServiceExecutionRole,
    input.ServiceExecutionRoleUpdate,
    input.ImportSourceConfiguration?.ImportRoleArn,
    input.ExportDestinationConfiguration?.ExportRoleArn,
  ].filter((role) => role !== undefined)
}

function restoredFrom({ RunConfiguration, RunConfigurationUpdate }: AboutMembers): string | undefined {
  return (RunConfiguration ?? RunConfigurationUpdate)?.ApplicationRestoreConfiguration?.SnapshotArn
}

function passRole(role: string, access: CallAccess, { roles }: ApplicationContext): void {
  access.authorize({ action: 'iam:PassRole', resource: role, passedToService: applicationService })
  const record = roles.roleOfArn(role)
  if (record === undefined) throw invalidArgument(`${roleRefused}${role}`)
  if (record.trustedServices.includes(applicationService)) return
  throw invalidArgument(`${roleRefused}${role} (it doesn't trust ${applicationService})`)
}

/** Lists, and what belongs to no application, have no resource. */
function resourceOf(
  { ApplicationName, ResourceARN, SnapshotName }: AboutMembers,
  { account }: ApplicationContext,
): string {
  if (ResourceARN !== undefined) return ResourceARN
  if (ApplicationName !== undefined) return applicationArn(account, ApplicationName)
  return SnapshotName === undefined ? '*' : snapshotArn(account, SnapshotName)
}

async function tagsOf(resource: string, context: ApplicationContext): Promise<Readonly<Record<string, string>>> {
  const owner = await tagOwnerIfAny(context, resource)
  return owner === undefined ? {} : context.store.tags(owner)
}
