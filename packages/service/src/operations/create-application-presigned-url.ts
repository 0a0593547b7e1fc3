import type { IncomingHttpHeaders } from 'node:http'
import { invalidArgument } from '../wire/api-error.ts'
import { existingApplication, type Operation } from './operation.ts'

/** 12 hours, as at AWS. */
const defaultSessionSeconds = 43_200

/** A URL that opens the application's monitoring pages, where the caller reaches them; it has to be opened within three minutes. */
export const createApplicationPresignedUrl: Operation<'CreateApplicationPresignedUrl'> = async (
  input,
  context,
  headers,
) => {
  const { name } = await existingApplication(context, input.ApplicationName)
  if (input.UrlType !== 'FLINK_DASHBOARD_URL') {
    throw invalidArgument(`UrlType ${input.UrlType} is of Studio notebooks: there are none here.`)
  }
  const seconds = input.SessionExpirationDurationInSeconds ?? defaultSessionSeconds
  return { AuthorizedUrl: context.presignDashboard(name, seconds, hostIn(headers)) }
}

/** A name or an address, with a port or without: nothing that leads elsewhere in a URL. The signature covers it. */
export function hostIn(headers: IncomingHttpHeaders): string | undefined {
  const host = headers.host ?? headers[':authority']
  return typeof host === 'string' && /^([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?$/i.test(host)
    ? host
    : undefined
}
