import { describeMaintenance } from '../applications/describe-application.ts'
import { ApiError } from '../wire/api-error.ts'
import { existingApplication, type Operation } from './operation.ts'

/** Stored and described; this service has no maintenance of its own. Not a version. */
export const updateApplicationMaintenanceConfiguration: Operation<'UpdateApplicationMaintenanceConfiguration'> = async (
  input,
  context,
) => {
  const before = await existingApplication(context, input.ApplicationName)
  if (before.status !== 'READY' && before.status !== 'RUNNING') {
    throw new ApiError('ResourceInUseException', `${before.name} is ${before.status}, neither READY nor RUNNING.`)
  }
  const { ApplicationMaintenanceWindowStartTimeUpdate: maintenanceStart } =
    input.ApplicationMaintenanceConfigurationUpdate
  const { application } = await context.lifecycle.reconfigure(before, { maintenanceStart })
  return {
    ApplicationARN: application.arn,
    ApplicationMaintenanceConfigurationDescription: describeMaintenance(application),
  }
}
