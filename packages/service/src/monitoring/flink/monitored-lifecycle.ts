import type { ApplicationRecord } from '../../applications/application-record.ts'
import type { Accepted, Lifecycle } from '../../applications/lifecycle.ts'

/** What the monitoring API needs of the lifecycle. */
export interface MonitoredLifecycle extends Pick<Lifecycle, 'logFile' | 'inspect'> {
  /** `force`: without a snapshot · `drain`: event time is ended first. */
  stop(application: ApplicationRecord, how: { readonly force?: boolean; readonly drain?: boolean }): Promise<Accepted>
  /** Changes the parallelism of a running application. */
  scale?(application: ApplicationRecord, parallelism: number): Promise<Accepted>
}

/** What there is of it. */
export function monitoredLifecycle(lifecycle: Lifecycle): MonitoredLifecycle {
  return {
    logFile: (name) => lifecycle.logFile(name),
    inspect: (name) => lifecycle.inspect?.(name),
    stop: (application, how) => lifecycle.stop(application, how),
    scale: (application, parallelism) => lifecycle.scale(application, parallelism),
  }
}
