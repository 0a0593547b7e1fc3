import type { Wanted } from './call-access.ts'
import { type Account, applicationArn } from './principal.ts'

/** What is offered of an application besides Amazon's API: `/apps/NAME/logs`, `/metrics`, `/flink`. */
export interface ApplicationRoute {
  readonly applicationName: string
  readonly part: string
}

const route = /^\/apps\/([a-zA-Z0-9_.-]{1,128})\/([a-z]+)(?:[/?#]|$)/

/** Undefined for everything that isn't below `/apps/NAME/`. */
export function applicationRoute(target: string): ApplicationRoute | undefined {
  const [, applicationName, part] = route.exec(target) ?? []
  return applicationName === undefined || part === undefined ? undefined : { applicationName, part }
}

/** What a request for such a route needs the right to. */
export function wantedOfRoute({ applicationName, part }: ApplicationRoute, method: string, account: Account): Wanted {
  return { action: `millrace:${actionOf(part, method)}`, resource: applicationArn(account, applicationName) }
}

function actionOf(part: string, method: string): string {
  if (method !== 'GET' && method !== 'HEAD') return 'ControlJob'
  if (part === 'logs') return 'ReadLogs'
  return part === 'metrics' ? 'ReadMetrics' : 'ReadMonitoring'
}
