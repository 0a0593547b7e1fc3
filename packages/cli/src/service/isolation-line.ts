import type { ServiceConnection } from './service-connection.ts'

/** In the order and the encoding that are signed. */
const query = 'field=logger%3Aservice&limit=1&search=isolation%3A%20'
const prefix = 'isolation: '

/**
 * How the newest process of an application is isolated, as the service has written into its log at the start; undefined
 * when it has none yet, or whoever asks may not read its log.
 */
export async function isolationOf(
  connection: Pick<ServiceConnection, 'get'>,
  application: string,
): Promise<string | undefined> {
  const response = await connection.get(`/apps/${application}/logs?${query}`)
  if (!response.ok) return undefined
  const line = (await response.text()).split('\n').findLast((text) => text !== '')
  const message = line === undefined ? undefined : (JSON.parse(line) as { readonly message?: unknown }).message
  return typeof message === 'string' && message.startsWith(prefix) ? message.slice(prefix.length) : undefined
}
