import type { Clock, Logger, Random, Scheduler } from '@millrace/engine/spi'
import type { JobLauncher } from '../jobs/job-launcher.ts'
import type { ApplicationStore } from '../storage/application-store.ts'

/** What the lifecycle is built from. */
export interface LifecycleParts {
  readonly store: ApplicationStore
  readonly launcher: JobLauncher
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
}
