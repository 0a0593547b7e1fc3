import type { Clock, Random } from '@millrace/engine/spi'
import type { ApplicationRecord } from '../../applications/application-record.ts'
import type { Lifecycle } from '../../applications/lifecycle.ts'
import type { JobInspection } from '../../jobs/job-inspection.ts'
import type { ApplicationStore } from '../../storage/application-store.ts'
import type { Triggers } from './triggers.ts'

/** What it needs of the lifecycle. */
export type MonitoredLifecycle = Pick<Lifecycle, 'logFile' | 'inspect' | 'stop' | 'scale'>

/** What the monitoring API works on. */
export interface FlinkContext {
  readonly store: Pick<ApplicationStore, 'application' | 'operation' | 'latestSnapshot'>
  readonly lifecycle: MonitoredLifecycle
  readonly clock: Clock
  readonly random: Random
  readonly triggers: Triggers
}

/** A request below `/apps/{name}/flink`, with its application. */
export interface FlinkRequest {
  readonly context: FlinkContext
  readonly application: ApplicationRecord
  /** Of its newest job; undefined when the service has started none. */
  readonly inspection: JobInspection | undefined
  /** The values of the path's parameters, in order. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly body: Buffer
}

/** What is answered: JSON, or text of its own kind. */
export type FlinkAnswer =
  | { readonly json: unknown; readonly status?: number }
  | {
      readonly text: string | Buffer
      readonly contentType: string
      readonly headers?: Readonly<Record<string, string>>
    }

export type FlinkHandler = (request: FlinkRequest) => Promise<FlinkAnswer>
