import type { FileSystems } from '@millrace/engine/host'
import { EngineError, type Logger } from '@millrace/engine/spi'
import { awsSourceHint } from '../access/role-aws-source.ts'
import { roleCredentialsPath } from '../access/role-credentials-service.ts'
import type { JobCredentials } from '../jobs/job-folders.ts'
import type { Job, JobSettings } from '../jobs/job-launcher.ts'
import { JobRunner, type JobRunnerParts, type JobRunnerSettings } from '../jobs/job-runner.ts'
import type { Isolation } from '../launchers/index.ts'
import type { SharedCode } from '../zones/shared-code.ts'
import type { ApplicationRecord } from './application-record.ts'
import type { LifecycleSurroundings } from './applications.ts'
import type { Lifecycle } from './lifecycle.ts'
import { LifecycleService } from './lifecycle-service.ts'
import { sessionName, sessionOwner } from './process-session.ts'

/** How this machine runs applications. */
export interface ManagedJobs {
  /** The command that runs them: `fileURLToPath(import.meta.resolve('millrace/command'))`. */
  readonly commandFile: string
  readonly cores: number
  /** How this machine separates them: `detectIsolation(commandFile)`. */
  readonly isolation: Isolation
  /** Whether they run where they can't be isolated: only for code that is trusted like this process. */
  readonly allowUnisolated?: boolean
  /** Folders of this machine that isolated ones may read and write, too. */
  readonly folders?: readonly string[] | undefined
  /** Memory of a KPU, MiB; 4096 unless given. */
  readonly kpuMemoryMb?: number
  /** Where code is that was stored at another node. */
  readonly sharedCode?: SharedCode | undefined
  /** For checkpoints and savepoints: a folder or an `s3://` URL; each application's own folder unless given. */
  readonly stateRoot?: string | undefined
  /** Those that paths of state may name; this machine's alone unless given. */
  readonly fileSystems?: FileSystems
  /** What their environment has besides the endpoint's address, region and credentials file; goes before these. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Applications whose jobs are processes of this machine and find this endpoint's streams and topics. */
export function createLifecycle(jobs: ManagedJobs, surroundings: LifecycleSurroundings): Lifecycle {
  const { dataDirectory, account, store, ownership, clock, scheduler, random, logger } = surroundings
  const { url, publicUrl, streamsUrl, executionCredentials } = surroundings
  const environment = () => ({
    AWS_REGION: account.region,
    AWS_ENDPOINT_URL_KINESIS: streamsUrl(),
    AWS_ENDPOINT_URL_SNS: streamsUrl(),
    MILLRACE_ENDPOINTS: [url(), publicUrl(), streamsUrl()].filter((one) => one !== undefined).join(' '),
    ...jobs.environment,
  })
  const { allowUnisolated = false, ...others } = jobs
  const credentials = (application: ApplicationRecord, epoch: number): JobCredentials => {
    const role = application.serviceExecutionRole
    const owner = sessionOwner(application, epoch)
    const { awsToken, ...own } = executionCredentials.issue(role, sessionName(application, epoch), owner)
    if (!hasAwsCredentials(application, surroundings)) return own
    return { ...own, aws: { url: `${url()}${roleCredentialsPath}`, token: awsToken } }
  }
  const launcher = new RoleRunner(
    { ...others, dataDirectory, allowUnisolated, environment, credentials },
    { clock, scheduler, random, logger },
    surroundings,
  )
  return new LifecycleService({ store, launcher, ownership, s3: surroundings.s3, clock, scheduler, random, logger })
}

type Roles = Pick<LifecycleSurroundings, 'executionCredentials' | 'roleCredentials'>

function hasAwsCredentials(
  { serviceExecutionRole: role, name }: ApplicationRecord,
  { roleCredentials }: Roles,
): boolean {
  return roleCredentials.of(role, name) !== undefined
}

/** Jobs with the rights of their roles: the credentials that a job was given end with it. */
class RoleRunner extends JobRunner {
  readonly #roles: Roles
  readonly #stateRoot: string | undefined
  readonly #logger: Logger

  constructor(settings: JobRunnerSettings, parts: JobRunnerParts, roles: Roles) {
    super(settings, parts)
    this.#roles = roles
    this.#stateRoot = settings.stateRoot
    this.#logger = parts.logger
  }

  /** Errors (invalid): `STATE_NEEDS_AWS_ROLE`, and as for every job. */
  override async prepare(application: ApplicationRecord): Promise<void> {
    if (this.#stateRoot?.startsWith('s3:') === true && !hasAwsCredentials(application, this.#roles)) {
      const { serviceExecutionRole: role } = application
      throw new EngineError('STATE_NEEDS_AWS_ROLE', {
        kind: 'invalid',
        message: `State is kept in ${this.#stateRoot}, and role ${role} has no credentials for AWS.`,
        hint: awsSourceHint(role),
        details: { role, stateRoot: this.#stateRoot },
      })
    }
    await super.prepare(application)
  }

  override launch(settings: JobSettings): Job {
    const job = super.launch(settings)
    void job.exited.then(() => this.#revoke(settings))
    return job
  }

  async #revoke({ application, epoch }: JobSettings): Promise<void> {
    try {
      await this.#roles.executionCredentials.revoke(sessionOwner(application, epoch))
    } catch (error) {
      const { name } = application
      this.#logger.warn("an ended job's credentials were not revoked", { application: name, reason: String(error) })
    }
  }
}
