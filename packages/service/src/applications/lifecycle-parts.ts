import type { Clock, Logger, Random, Scheduler } from '@millrace/engine/spi'
import type { RoleS3 } from '../access/role-s3.ts'
import type { JobLauncher } from '../jobs/job-launcher.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import type { Ownership } from '../zones/ownership.ts'

/** What the lifecycle is built from. */
export interface LifecycleParts {
  readonly store: ApplicationStore
  readonly launcher: JobLauncher
  /** Which applications are this node's. */
  readonly ownership: Ownership
  /** Where snapshots are exported to and imported from. */
  readonly s3?: RoleS3 | undefined
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
}
