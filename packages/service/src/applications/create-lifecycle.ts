import { join } from 'node:path'
import { JobRunner } from '../jobs/job-runner.ts'
import type { LifecycleSurroundings } from './applications.ts'
import type { Lifecycle } from './lifecycle.ts'
import { LifecycleService } from './lifecycle-service.ts'

/** How this machine runs applications. */
export interface ManagedJobs {
  /** The command that runs them: `fileURLToPath(import.meta.resolve('millrace/command'))`. */
  readonly commandFile: string
  readonly cores: number
  /** What their environment has besides the endpoint's address, region and credentials file; goes before these. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Applications whose jobs are processes of this machine and find this endpoint's streams and topics. */
export function createLifecycle(jobs: ManagedJobs, surroundings: LifecycleSurroundings): Lifecycle {
  const { dataDirectory, account, store, clock, scheduler, random, logger, url } = surroundings
  const environment = () => ({
    AWS_REGION: account.region,
    AWS_SHARED_CREDENTIALS_FILE: join(dataDirectory, 'credentials'),
    AWS_ENDPOINT_URL_KINESIS: url(),
    AWS_ENDPOINT_URL_SNS: url(),
    ...jobs.environment,
  })
  const { commandFile, cores } = jobs
  const launcher = new JobRunner({ dataDirectory, commandFile, cores, environment }, { clock, random, logger })
  return new LifecycleService({ store, launcher, clock, scheduler, random, logger })
}
