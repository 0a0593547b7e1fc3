import type { ApplicationRecord } from '../../applications/application-record.ts'
import type { Accepted, Lifecycle } from '../../applications/lifecycle.ts'
import { ApiError } from '../../wire/api-error.ts'

/** What the monitoring API needs of the lifecycle. */
export interface MonitoredLifecycle extends Pick<Lifecycle, 'logFile' | 'inspect'> {
  /** `force`: without a snapshot · `drain`: event time is ended first. */
  stop(application: ApplicationRecord, how: { readonly force?: boolean; readonly drain?: boolean }): Promise<Accepted>
  /** Changes the parallelism of a running application. */
  scale?(application: ApplicationRecord, parallelism: number): Promise<Accepted>
}

/** A lifecycle that stops by force or not, and neither drains nor scales. */
export function monitoredLifecycle(lifecycle: Lifecycle): MonitoredLifecycle {
  return {
    logFile: (name) => lifecycle.logFile(name),
    inspect: (name) => lifecycle.inspect?.(name),
    stop(application, { force = false, drain = false }) {
      if (drain) throw new ApiError('UnsupportedOperationException', 'Stopping with drain is not offered here.', 501)
      return lifecycle.stop(application, force)
    },
  }
}
