import { invalidArgument } from '../wire/api-error.ts'
import { existingApplication, type Operation } from './operation.ts'

/** 12 hours, as at AWS. */
const defaultSessionSeconds = 43_200

/** A URL that opens the application's monitoring pages; it has to be opened within three minutes. */
export const createApplicationPresignedUrl: Operation<'CreateApplicationPresignedUrl'> = async (input, context) => {
  const { name } = await existingApplication(context, input.ApplicationName)
  if (input.UrlType !== 'FLINK_DASHBOARD_URL') {
    throw invalidArgument(`UrlType ${input.UrlType} is of Studio notebooks: there are none here.`)
  }
  const seconds = input.SessionExpirationDurationInSeconds ?? defaultSessionSeconds
  return { AuthorizedUrl: context.presignDashboard(name, seconds) }
}
