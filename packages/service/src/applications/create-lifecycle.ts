import { JobRunner } from '../jobs/job-runner.ts'
import type { Isolation } from '../launchers/index.ts'
import type { LifecycleSurroundings } from './applications.ts'
import type { Lifecycle } from './lifecycle.ts'
import { LifecycleService } from './lifecycle-service.ts'

/** How this machine runs applications. */
export interface ManagedJobs {
  /** The command that runs them: `fileURLToPath(import.meta.resolve('millrace/command'))`. */
  readonly commandFile: string
  readonly cores: number
  /** How this machine separates them: `detectIsolation(commandFile)`. */
  readonly isolation: Isolation
  /** Whether they run where they can't be isolated: only for code that is trusted like this process. */
  readonly allowUnisolated?: boolean
  /** Memory of a KPU, MiB; 4096 unless given. */
  readonly kpuMemoryMb?: number
  /** What their environment has besides the endpoint's address, region and credentials file; goes before these. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Applications whose jobs are processes of this machine and find this endpoint's streams and topics. */
export function createLifecycle(jobs: ManagedJobs, surroundings: LifecycleSurroundings): Lifecycle {
  const { dataDirectory, account, store, clock, scheduler, random, logger, url, credentials } = surroundings
  const environment = () => ({
    AWS_REGION: account.region,
    AWS_ENDPOINT_URL_KINESIS: url(),
    AWS_ENDPOINT_URL_SNS: url(),
    ...jobs.environment,
  })
  const { allowUnisolated = false, ...others } = jobs
  const launcher = new JobRunner(
    { ...others, dataDirectory, allowUnisolated, environment, credentials: () => credentials },
    { clock, scheduler, random, logger },
  )
  return new LifecycleService({ store, launcher, clock, scheduler, random, logger })
}
