import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as api from '@aws-sdk/client-kinesis-analytics-v2'
import { role, type ServedApplications, serveApplications } from './served-applications.ts'

const POLL_MS = 100
const LIMIT_MS = 60_000
const name = 'terraformed'
const GONE = 'gone'

/** What a waiter of the provider takes: statuses on the way, and those that it waits for. Any other is an error. */
interface Waiter {
  readonly pending: readonly string[]
  readonly target: readonly string[]
}

const waiters = {
  operation: { pending: ['IN_PROGRESS'], target: ['SUCCESSFUL'] },
  started: { pending: ['STARTING'], target: ['RUNNING'] },
  stopped: { pending: ['FORCE_STOPPING', 'STOPPING'], target: ['READY'] },
  updated: { pending: ['UPDATING'], target: ['READY', 'RUNNING'] },
  deleted: { pending: ['DELETING'], target: [GONE] },
  snapshotCreated: { pending: ['CREATING'], target: ['READY'] },
  snapshotDeleted: { pending: ['DELETING'], target: [GONE] },
} satisfies Record<string, Waiter>

/**
 * Terraform's provider replayed: the calls of aws_kinesisanalyticsv2_application and _application_snapshot in their order, with
 * waiters that fail at any status they don't know, every 100 ms, and a state that a second look must not change.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const service = await serveApplications()
  const client = new api.KinesisAnalyticsV2Client({
    endpoint: service.url,
    region: 'us-east-1',
    credentials: service,
    maxAttempts: 1,
  })
  const provider = new Provider(service, client)
  try {
    await provider.createStopped()
    await provider.apply()
    log(
      'created; started, updated while running and while stopped, options added and removed, without a change in a plan',
    )
    await provider.snapshot()
    log('a snapshot created and destroyed')
    await provider.destroy()
    log(`stopped, also by force, and destroyed by a time without its fraction; statuses seen: ${provider.seen()}`)
  } finally {
    client.destroy()
    await service.stop()
  }
}

class Provider {
  readonly #service: ServedApplications
  readonly #client: api.KinesisAnalyticsV2Client
  readonly #seen = new Set<string>()

  constructor(service: ServedApplications, client: api.KinesisAnalyticsV2Client) {
    this.#service = service
    this.#client = client
  }

  seen(): string {
    return [...this.#seen].sort().join(', ')
  }

  /** `start_application` not given. The resource's create timestamp is kept as RFC 3339 without a fraction. */
  async createStopped(): Promise<void> {
    const code = readFileSync(this.#service.bundle)
    await this.#client.send(
      new api.CreateApplicationCommand({
        ApplicationName: name,
        ApplicationDescription: '',
        RuntimeEnvironment: 'FLINK-1_20',
        ServiceExecutionRole: role,
        ApplicationConfiguration: {
          ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: code } },
          ApplicationSnapshotConfiguration: { SnapshotsEnabled: true },
          EnvironmentProperties: { PropertyGroups: properties('a') },
          FlinkApplicationConfiguration: {
            CheckpointConfiguration: { ConfigurationType: 'DEFAULT' },
            MonitoringConfiguration: { ConfigurationType: 'CUSTOM', LogLevel: 'WARN', MetricsLevel: 'TASK' },
            ParallelismConfiguration: {
              ConfigurationType: 'CUSTOM',
              AutoScalingEnabled: false,
              Parallelism: 1,
              ParallelismPerKPU: 1,
            },
          },
        },
      }),
    )
    const { ApplicationConfigurationDescription: configuration, ...application } = await this.#read()
    assert.equal(application.ApplicationStatus, 'READY')
    assert.equal(application.CreateTimestamp?.getTime(), Date.parse(rfc3339(application.CreateTimestamp)))
    // Else a resource without run_configuration has a difference at once.
    assert.equal(configuration?.RunConfigurationDescription, undefined)
    assert.deepEqual(configuration?.FlinkApplicationConfigurationDescription, {
      CheckpointConfigurationDescription: {
        ConfigurationType: 'DEFAULT',
        CheckpointingEnabled: true,
        CheckpointInterval: 60_000,
        MinPauseBetweenCheckpoints: 5_000,
      },
      MonitoringConfigurationDescription: { ConfigurationType: 'CUSTOM', LogLevel: 'WARN', MetricsLevel: 'TASK' },
      ParallelismConfigurationDescription: {
        ConfigurationType: 'CUSTOM',
        AutoScalingEnabled: false,
        CurrentParallelism: 1,
        Parallelism: 1,
        ParallelismPerKPU: 1,
      },
    })
  }

  /** What `terraform apply` does after changes, one after the other; each is followed by a plan. */
  async apply(): Promise<void> {
    await this.#start({ ApplicationRestoreType: 'SKIP_RESTORE_FROM_SNAPSHOT' })
    await this.#planIsEmpty()
    await this.#update({ EnvironmentPropertyUpdates: { PropertyGroups: properties('b') } })
    await this.#planIsEmpty()
    await this.#update({
      FlinkApplicationConfigurationUpdate: {
        ParallelismConfigurationUpdate: { ConfigurationTypeUpdate: 'CUSTOM', ParallelismUpdate: 2 },
      },
    })
    // SKIP_RESTORE must not turn into another type by itself (terraform-provider-aws #43003).
    await this.#update({ ApplicationSnapshotConfigurationUpdate: { SnapshotsEnabledUpdate: true } })
    const run = (await this.#read()).ApplicationConfigurationDescription?.RunConfigurationDescription
    assert.deepEqual(run?.ApplicationRestoreConfigurationDescription, {
      ApplicationRestoreType: 'SKIP_RESTORE_FROM_SNAPSHOT',
    })
    await this.#surroundings()
    await this.#planIsEmpty()
    await this.#stop({})
    await this.#update({ EnvironmentPropertyUpdates: { PropertyGroups: properties('c') } })
    assert.equal((await this.#read()).ApplicationStatus, 'READY', 'an update starts nothing')
    await this.#start({ ApplicationRestoreType: 'RESTORE_FROM_LATEST_SNAPSHOT' })
    await this.#planIsEmpty()
  }

  /** Log streams and VPCs have operations of their own, each with the version that the last one answered. */
  async #surroundings(): Promise<void> {
    const LogStreamARN = 'arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s'
    const logs = await this.#client.send(
      new api.AddApplicationCloudWatchLoggingOptionCommand({
        ApplicationName: name,
        CurrentApplicationVersionId: (await this.#read()).ApplicationVersionId,
        CloudWatchLoggingOption: { LogStreamARN },
      }),
    )
    await this.#done(logs.OperationId, waiters.updated)
    const VpcConfiguration = { SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: ['sg-1'] }
    const vpc = await this.#client.send(
      new api.AddApplicationVpcConfigurationCommand({
        ApplicationName: name,
        CurrentApplicationVersionId: logs.ApplicationVersionId,
        VpcConfiguration,
      }),
    )
    await this.#done(vpc.OperationId, waiters.updated)
    const removed = await this.#client.send(
      new api.DeleteApplicationVpcConfigurationCommand({
        ApplicationName: name,
        CurrentApplicationVersionId: vpc.ApplicationVersionId,
        VpcConfigurationId: vpc.VpcConfigurationDescription?.VpcConfigurationId,
      }),
    )
    await this.#done(removed.OperationId, waiters.updated)
    const { CloudWatchLoggingOptionDescriptions, ApplicationVersionId } = await this.#read()
    assert.equal(CloudWatchLoggingOptionDescriptions?.[0]?.LogStreamARN, LogStreamARN)
    assert.equal(ApplicationVersionId, removed.ApplicationVersionId)
  }

  async snapshot(): Promise<void> {
    const key = { ApplicationName: name, SnapshotName: 'terraformed' }
    const status = async () => {
      const { SnapshotDetails } = await this.#client.send(new api.DescribeApplicationSnapshotCommand(key))
      return SnapshotDetails?.SnapshotStatus as string
    }
    await this.#client.send(new api.CreateApplicationSnapshotCommand(key))
    await this.#wait(status, waiters.snapshotCreated)
    const read = async () => (await this.#client.send(new api.DescribeApplicationSnapshotCommand(key))).SnapshotDetails
    const details = await read()
    assert.deepEqual(await read(), details)
    const SnapshotCreationTimestamp = new Date(rfc3339(details?.SnapshotCreationTimestamp))
    await this.#client.send(new api.DeleteApplicationSnapshotCommand({ ...key, SnapshotCreationTimestamp }))
    await this.#wait(status, waiters.snapshotDeleted)
  }

  async destroy(): Promise<void> {
    await this.#stop({ Force: true })
    await this.#start({ ApplicationRestoreType: 'RESTORE_FROM_LATEST_SNAPSHOT' })
    // Terraform deletes what runs without stopping it.
    const { CreateTimestamp } = await this.#read()
    const command = { ApplicationName: name, CreateTimestamp: new Date(rfc3339(CreateTimestamp)) }
    await this.#client.send(new api.DeleteApplicationCommand(command))
    await this.#wait(() => this.#status(), waiters.deleted)
  }

  async #start(ApplicationRestoreConfiguration: api.ApplicationRestoreConfiguration): Promise<void> {
    const { OperationId } = await this.#client.send(
      new api.StartApplicationCommand({
        ApplicationName: name,
        RunConfiguration: {
          ApplicationRestoreConfiguration,
          FlinkRunConfiguration: { AllowNonRestoredState: false },
        },
      }),
    )
    await this.#done(OperationId, waiters.started)
  }

  async #stop(more: { Force?: boolean }): Promise<void> {
    const { OperationId } = await this.#client.send(new api.StopApplicationCommand({ ApplicationName: name, ...more }))
    await this.#done(OperationId, waiters.stopped)
  }

  async #update(ApplicationConfigurationUpdate: api.ApplicationConfigurationUpdate): Promise<void> {
    const { ApplicationVersionId: version = 0 } = await this.#read()
    const { OperationId } = await this.#client.send(
      new api.UpdateApplicationCommand({
        ApplicationName: name,
        CurrentApplicationVersionId: version,
        ApplicationConfigurationUpdate,
      }),
    )
    await this.#done(OperationId, waiters.updated)
    assert.equal((await this.#read()).ApplicationVersionId, version + 1)
  }

  /**
   * The provider waits for the operation and looks at the status after that; older ones, which know no operations, look at the
   * status alone. Both at once.
   */
  async #done(OperationId: string | undefined, waiter: Waiter): Promise<void> {
    const operation = async () => {
      const command = new api.DescribeApplicationOperationCommand({ ApplicationName: name, OperationId })
      return (await this.#client.send(command)).ApplicationOperationInfoDetails?.OperationStatus as string
    }
    const status = () => this.#status()
    assert.ok(OperationId !== undefined)
    await Promise.all([
      this.#wait(status, waiter),
      this.#wait(operation, waiters.operation).then(() => this.#wait(status, waiter)),
    ])
  }

  async #wait(refresh: () => Promise<string>, { pending, target }: Waiter): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS
    for (;;) {
      const status = await refresh().catch((error) => {
        if (error instanceof api.ResourceNotFoundException) return GONE
        throw error
      })
      this.#seen.add(status)
      if (target.includes(status)) return
      assert.ok(pending.includes(status), `unexpected state '${status}', wanted target '${target}'`)
      assert.ok(performance.now() < untilMs, `timeout while waiting for state to become '${target}'`)
      await sleep(POLL_MS)
    }
  }

  async #status(): Promise<string> {
    return (await this.#read()).ApplicationStatus as string
  }

  async #read(): Promise<api.ApplicationDetail> {
    const { ApplicationDetail } = await this.#client.send(new api.DescribeApplicationCommand({ ApplicationName: name }))
    assert.ok(ApplicationDetail !== undefined)
    return ApplicationDetail
  }

  /** Whatever a plan compares is the same at a second look, when nobody has changed anything. */
  async #planIsEmpty(): Promise<void> {
    const before = await this.#read()
    await sleep(2 * POLL_MS)
    assert.deepEqual(await this.#read(), before)
  }
}

function properties(prefix: string) {
  return [{ PropertyGroupId: 'counting', PropertyMap: { prefix: `${prefix} ` } }]
}

/** As Go's time.RFC3339: no fraction of a second. */
function rfc3339(time: Date | undefined): string {
  return (time as Date).toISOString().replace(/\.\d+Z$/, 'Z')
}
