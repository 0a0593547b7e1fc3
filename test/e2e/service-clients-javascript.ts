import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AddApplicationCloudWatchLoggingOptionCommand,
  AddApplicationVpcConfigurationCommand,
  type ApplicationRestoreConfiguration,
  CreateApplicationCommand,
  CreateApplicationPresignedUrlCommand,
  CreateApplicationSnapshotCommand,
  DeleteApplicationCloudWatchLoggingOptionCommand,
  DeleteApplicationCommand,
  DeleteApplicationSnapshotCommand,
  DeleteApplicationVpcConfigurationCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  DescribeApplicationSnapshotCommand,
  DescribeApplicationVersionCommand,
  KinesisAnalyticsV2Client,
  ListApplicationOperationsCommand,
  ListApplicationSnapshotsCommand,
  ListApplicationsCommand,
  ListApplicationVersionsCommand,
  ListTagsForResourceCommand,
  RollbackApplicationCommand,
  StartApplicationCommand,
  StopApplicationCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateApplicationCommand,
  UpdateApplicationMaintenanceConfigurationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { role, type ServedApplications, serveApplications, waitFor } from './served-applications.ts'
import { provokeErrors } from './service-clients-errors.ts'

const ApplicationName = 'script'
const CHECKPOINTS = { CheckpointingEnabled: true, CheckpointInterval: 1000, MinPauseBetweenCheckpoints: 0 }

/**
 * Managed applications as the AWS SDK for JavaScript meets them: the whole life of a real one, and every class of error that a
 * client can provoke.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const service = await serveApplications()
  const client = new KinesisAnalyticsV2Client({
    endpoint: service.url,
    region: 'us-east-1',
    credentials: service,
    maxAttempts: 1,
  })
  let calls = 0
  client.middlewareStack.add(
    (next) => (args) => {
      calls++
      return next(args)
    },
    { step: 'initialize' },
  )
  const life = new Life(service, client)
  try {
    await life.created()
    await life.surrounded()
    await life.started()
    await life.updated()
    await life.snapshots()
    await life.rolledBack()
    await life.restored()
    log('created, started, updated, snapshots, rolled back, restored: latest, custom and none')
    log(`errors by class: ${await provokeErrors(service, client, ApplicationName)}`)
    await life.presigned()
    await life.deleted()
    log(`a presigned URL opened and expired; stopped by force, deleted; ${calls} calls`)
  } finally {
    client.destroy()
    await service.stop()
  }
}

class Life {
  readonly #service: ServedApplications
  readonly #client: KinesisAnalyticsV2Client

  constructor(service: ServedApplications, client: KinesisAnalyticsV2Client) {
    this.#service = service
    this.#client = client
  }

  async created(): Promise<void> {
    const code = readFileSync(this.#service.bundle)
    const Tags = [{ Key: 'team', Value: 'fraud' }]
    const { ApplicationDetail: created } = await this.#client.send(
      new CreateApplicationCommand({
        ApplicationName,
        RuntimeEnvironment: 'FLINK-1_20',
        ServiceExecutionRole: role,
        ApplicationConfiguration: {
          ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: code } },
          EnvironmentProperties: { PropertyGroups: properties('a') },
        },
        Tags,
      }),
    )
    const described = await this.#describe()
    assert.deepEqual(created, described)
    assert.deepEqual([described.ApplicationStatus, described.ApplicationVersionId], ['READY', 1])
    assert.equal(described.CreateTimestamp?.getMilliseconds(), 0)
    // What Terraform's acceptance test wants to see although nothing of it was given.
    const { ApplicationCodeConfigurationDescription, EnvironmentPropertyDescriptions, ...rest } =
      described.ApplicationConfigurationDescription ?? {}
    assert.deepEqual(rest, {
      FlinkApplicationConfigurationDescription: {
        CheckpointConfigurationDescription: {
          ConfigurationType: 'DEFAULT',
          CheckpointingEnabled: true,
          CheckpointInterval: 60_000,
          MinPauseBetweenCheckpoints: 5_000,
        },
        MonitoringConfigurationDescription: {
          ConfigurationType: 'DEFAULT',
          MetricsLevel: 'APPLICATION',
          LogLevel: 'INFO',
        },
        ParallelismConfigurationDescription: {
          ConfigurationType: 'DEFAULT',
          Parallelism: 1,
          ParallelismPerKPU: 1,
          CurrentParallelism: 1,
          AutoScalingEnabled: true,
        },
      },
      ApplicationSnapshotConfigurationDescription: rest.ApplicationSnapshotConfigurationDescription,
      ApplicationSystemRollbackConfigurationDescription: { RollbackEnabled: false },
      ApplicationEncryptionConfigurationDescription: { KeyType: 'AWS_OWNED_KEY' },
    })
    assert.equal(rest.ApplicationSnapshotConfigurationDescription?.SnapshotsEnabled, true)
    const { CodeContentDescription } = ApplicationCodeConfigurationDescription ?? {}
    assert.equal(CodeContentDescription?.CodeSize, code.length)
    assert.deepEqual(EnvironmentPropertyDescriptions?.PropertyGroupDescriptions, properties('a'))
    await this.#tagged(described.ApplicationARN, Tags)
  }

  async #tagged(ResourceARN: string | undefined, Tags: { Key: string; Value: string }[]): Promise<void> {
    const more = [{ Key: 'cost', Value: '1' }]
    await this.#client.send(new TagResourceCommand({ ResourceARN, Tags: more }))
    const tags = async () => (await this.#client.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags
    assert.deepEqual(await tags(), [...more, ...Tags])
    await this.#client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['team'] }))
    assert.deepEqual(await tags(), more)
  }

  /** What needs no restart. Each but the window of maintenance is a version. */
  async surrounded(): Promise<void> {
    const LogStreamARN = 'arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s'
    const vpc = { SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: ['sg-1'] }
    const { CloudWatchLoggingOptionDescriptions: logs } = await this.#client.send(
      new AddApplicationCloudWatchLoggingOptionCommand({
        ...(await this.#atVersion()),
        CloudWatchLoggingOption: { LogStreamARN },
      }),
    )
    const { VpcConfigurationDescription } = await this.#client.send(
      new AddApplicationVpcConfigurationCommand({ ...(await this.#atVersion()), VpcConfiguration: vpc }),
    )
    await this.#client.send(
      new UpdateApplicationMaintenanceConfigurationCommand({
        ApplicationName,
        ApplicationMaintenanceConfigurationUpdate: { ApplicationMaintenanceWindowStartTimeUpdate: '20:00' },
      }),
    )
    const described = await this.#describe()
    assert.equal(described.ApplicationVersionId, 3)
    assert.deepEqual(described.CloudWatchLoggingOptionDescriptions, logs)
    assert.equal(logs?.[0]?.LogStreamARN, LogStreamARN)
    assert.deepEqual(described.ApplicationConfigurationDescription?.VpcConfigurationDescriptions, [
      { ...VpcConfigurationDescription, ...vpc },
    ])
    assert.deepEqual(described.ApplicationMaintenanceConfigurationDescription, {
      ApplicationMaintenanceWindowStartTime: '20:00',
      ApplicationMaintenanceWindowEndTime: '04:00',
    })
    await this.#client.send(
      new DeleteApplicationCloudWatchLoggingOptionCommand({
        ...(await this.#atVersion()),
        CloudWatchLoggingOptionId: logs?.[0]?.CloudWatchLoggingOptionId,
      }),
    )
    await this.#client.send(
      new DeleteApplicationVpcConfigurationCommand({
        ...(await this.#atVersion()),
        VpcConfigurationId: VpcConfigurationDescription?.VpcConfigurationId,
      }),
    )
    assert.deepEqual((await this.#describe()).CloudWatchLoggingOptionDescriptions, undefined)
  }

  async started(): Promise<void> {
    await this.#start()
    assert.equal((await this.#describe()).ApplicationStatus, 'RUNNING')
    await this.#goesOn('a')
    const { ApplicationSummaries } = await this.#client.send(new ListApplicationsCommand({}))
    assert.deepEqual(
      ApplicationSummaries?.map((one) => [one.ApplicationName, one.ApplicationStatus]),
      [[ApplicationName, 'RUNNING']],
    )
    const plan = new DescribeApplicationCommand({ ApplicationName, IncludeAdditionalDetails: true })
    const { ApplicationDetail } = await this.#client.send(plan)
    const flink = ApplicationDetail?.ApplicationConfigurationDescription?.FlinkApplicationConfigurationDescription
    assert.ok(JSON.parse(flink?.JobPlanDescription ?? '').nodes.length > 0)
  }

  /** By version and by token, while it runs: with its state, and not a tick missing or doubled. */
  async updated(): Promise<void> {
    const { OperationId } = await this.#client.send(
      new UpdateApplicationCommand({
        ...(await this.#atVersion()),
        ApplicationConfigurationUpdate: {
          EnvironmentPropertyUpdates: { PropertyGroups: properties('b') },
          FlinkApplicationConfigurationUpdate: {
            CheckpointConfigurationUpdate: {
              ConfigurationTypeUpdate: 'CUSTOM',
              CheckpointIntervalUpdate: CHECKPOINTS.CheckpointInterval,
              MinPauseBetweenCheckpointsUpdate: CHECKPOINTS.MinPauseBetweenCheckpoints,
            },
          },
        },
      }),
    )
    const updated = await this.#succeeds(OperationId)
    assert.deepEqual(updated.ApplicationVersionChangeDetails, {
      ApplicationVersionUpdatedFrom: 5,
      ApplicationVersionUpdatedTo: 6,
    })
    await this.#goesOn('b')
    const { ConditionalToken } = await this.#describe()
    const byToken = await this.#client.send(
      new UpdateApplicationCommand({
        ApplicationName,
        ConditionalToken,
        ApplicationConfigurationUpdate: { EnvironmentPropertyUpdates: { PropertyGroups: properties('c') } },
      }),
    )
    await this.#succeeds(byToken.OperationId)
    await this.#goesOn('c')
    assertContiguous(this.#ticks())
  }

  async snapshots(): Promise<void> {
    for (const SnapshotName of ['first', 'second']) {
      await this.#client.send(new CreateApplicationSnapshotCommand({ ApplicationName, SnapshotName }))
      await waitFor(async () => (await this.#snapshot(SnapshotName)).SnapshotStatus === 'READY', SnapshotName)
    }
    assert.equal((await this.#snapshot('first')).ApplicationVersionId, 7)
    // Page by page, newest first: those two, and those of the updates.
    const names: (string | undefined)[] = []
    let NextToken: string | undefined
    do {
      const page = await this.#client.send(
        new ListApplicationSnapshotsCommand({ ApplicationName, Limit: 1, NextToken }),
      )
      names.push(...(page.SnapshotSummaries ?? []).map(({ SnapshotName }) => SnapshotName))
      NextToken = page.NextToken
    } while (NextToken !== undefined)
    assert.deepEqual(names.slice(0, 2), ['second', 'first'])
    assert.equal(names.length, 4)
    const { SnapshotCreationTimestamp } = await this.#snapshot('first')
    await this.#client.send(
      new DeleteApplicationSnapshotCommand({ ApplicationName, SnapshotName: 'first', SnapshotCreationTimestamp }),
    )
    const gone = () =>
      this.#snapshot('first').then(
        () => false,
        (error) => error.name === 'ResourceNotFoundException',
      )
    await waitFor(gone, 'the end of a snapshot')
  }

  /** By itself after broken code, and by request. */
  async rolledBack(): Promise<void> {
    const broken = await this.#client.send(
      new UpdateApplicationCommand({
        ...(await this.#atVersion()),
        ApplicationConfigurationUpdate: {
          ApplicationSystemRollbackConfigurationUpdate: { RollbackEnabledUpdate: true },
          EnvironmentPropertyUpdates: { PropertyGroups: properties('d', { broken: 'for the test' }) },
        },
      }),
    )
    const failed = await this.#ended(broken.OperationId)
    const details = failed.OperationFailureDetails
    assert.equal(failed.OperationStatus, 'FAILED')
    assert.match(details?.ErrorInfo?.ErrorString ?? '', /broken on purpose: for the test/)
    const undone = await this.#succeeds(details?.RollbackOperationId)
    assert.equal(undone.Operation, 'RollbackApplication')
    const described = await this.#describe()
    assert.deepEqual(
      [described.ApplicationStatus, described.ApplicationVersionId, described.ApplicationVersionRolledBackTo],
      ['RUNNING', 9, 7],
    )
    await this.#goesOn('c')
    const updated = await this.#client.send(
      new UpdateApplicationCommand({
        ...(await this.#atVersion()),
        ApplicationConfigurationUpdate: { EnvironmentPropertyUpdates: { PropertyGroups: properties('e') } },
      }),
    )
    await this.#succeeds(updated.OperationId)
    await this.#goesOn('e')
    const back = await this.#client.send(new RollbackApplicationCommand(await this.#atVersion()))
    assert.equal(back.ApplicationDetail?.ApplicationStatus, 'ROLLING_BACK')
    await this.#succeeds(back.OperationId)
    await this.#goesOn('c')
    assertContiguous(this.#ticks())
    const { ApplicationVersionSummaries } = await this.#client.send(
      new ListApplicationVersionsCommand({ ApplicationName }),
    )
    assert.deepEqual(
      ApplicationVersionSummaries?.map(({ ApplicationVersionId }) => ApplicationVersionId),
      Array.from({ length: 11 }, (_, i) => 11 - i),
    )
    const command = new DescribeApplicationVersionCommand({ ApplicationName, ApplicationVersionId: 6 })
    const { ApplicationVersionDetail } = await this.#client.send(command)
    const version = ApplicationVersionDetail?.ApplicationConfigurationDescription
    assert.deepEqual(version?.EnvironmentPropertyDescriptions?.PropertyGroupDescriptions, properties('b'))
  }

  /** From the latest snapshot, a chosen one, and none. */
  async restored(): Promise<void> {
    await this.#stop()
    const atStop = this.#ticks().at(-1)?.tick as number
    assert.equal(await this.#firstTick({ ApplicationRestoreType: 'RESTORE_FROM_LATEST_SNAPSHOT' }), atStop + 1)
    await this.#stop()
    const first = await this.#firstTick({
      ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT',
      SnapshotName: 'second',
    })
    assert.ok(first > 0 && first <= atStop, `the snapshot's state goes on at tick ${first}, not after ${atStop}`)
    const run = (await this.#describe()).ApplicationConfigurationDescription?.RunConfigurationDescription
    assert.equal(run?.ApplicationRestoreConfigurationDescription?.SnapshotName, 'second')
    await this.#stop()
    assert.equal(await this.#firstTick({ ApplicationRestoreType: 'SKIP_RESTORE_FROM_SNAPSHOT' }), 0)
    const operations = await this.#client.send(new ListApplicationOperationsCommand({ ApplicationName, Limit: 2 }))
    assert.deepEqual(
      operations.ApplicationOperationInfoList?.map(({ Operation }) => Operation),
      ['StartApplication', 'StopApplication'],
    )
    assert.ok(operations.NextToken !== undefined)
  }

  /** Opens the application's pages for whoever has it, within three minutes, and these alone. */
  async presigned(): Promise<void> {
    const presign = async () => {
      const command = new CreateApplicationPresignedUrlCommand({ ApplicationName, UrlType: 'FLINK_DASHBOARD_URL' })
      return (await this.#client.send(command)).AuthorizedUrl as string
    }
    const url = await presign()
    const opened = await fetch(url)
    const cookie = opened.headers.get('set-cookie')?.split(';')[0] as string
    assert.deepEqual([opened.status, cookie.length > 20], [200, true])
    const page = (path: string, headers: Record<string, string>) =>
      fetch(`${this.#service.url}/apps/${ApplicationName}/flink/${path}`, { headers })
    const jobs = await page('jobs', { cookie })
    assert.deepEqual([jobs.status, ((await jobs.json()) as { jobs: unknown[] }).jobs.length > 0], [200, true])
    assert.equal((await page('jobs', {})).status, 403)
    assert.equal((await fetch(`${url.slice(0, -4)}AAAA`)).status, 403)
    await this.#service.goAhead()
    assert.equal((await fetch(url)).status, 403, 'a URL of more than three minutes ago')
    assert.equal((await page('jobs', { cookie })).status, 200, 'the session it opened goes on')
    assert.equal((await fetch(await presign())).status, 200)
  }

  async deleted(): Promise<void> {
    const { OperationId } = await this.#client.send(new StopApplicationCommand({ ApplicationName, Force: true }))
    await this.#succeeds(OperationId)
    const { CreateTimestamp, ApplicationStatus } = await this.#describe()
    assert.equal(ApplicationStatus, 'READY')
    await this.#client.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }))
    const gone = () =>
      this.#describe().then(
        ({ ApplicationStatus }) => {
          assert.equal(ApplicationStatus, 'DELETING')
          return false
        },
        (error) => error.name === 'ResourceNotFoundException',
      )
    await waitFor(gone, 'the end of the application')
  }

  async #firstTick(ApplicationRestoreConfiguration: ApplicationRestoreConfiguration): Promise<number> {
    const before = this.#ticks().length
    await this.#start(ApplicationRestoreConfiguration)
    await waitFor(() => this.#ticks().length > before, 'ticks')
    return this.#ticks()[before]?.tick as number
  }

  async #start(ApplicationRestoreConfiguration?: ApplicationRestoreConfiguration): Promise<void> {
    const RunConfiguration = ApplicationRestoreConfiguration && { ApplicationRestoreConfiguration }
    const command = new StartApplicationCommand({ ApplicationName, RunConfiguration })
    await this.#succeeds((await this.#client.send(command)).OperationId)
  }

  async #stop(): Promise<void> {
    await this.#succeeds((await this.#client.send(new StopApplicationCommand({ ApplicationName }))).OperationId)
  }

  async #describe() {
    const { ApplicationDetail } = await this.#client.send(new DescribeApplicationCommand({ ApplicationName }))
    assert.ok(ApplicationDetail !== undefined)
    return ApplicationDetail
  }

  async #snapshot(SnapshotName: string) {
    const command = new DescribeApplicationSnapshotCommand({ ApplicationName, SnapshotName })
    const { SnapshotDetails } = await this.#client.send(command)
    assert.ok(SnapshotDetails !== undefined)
    return SnapshotDetails
  }

  async #atVersion() {
    const { ApplicationVersionId: CurrentApplicationVersionId } = await this.#describe()
    return { ApplicationName, CurrentApplicationVersionId }
  }

  async #ended(OperationId: string | undefined) {
    for (;;) {
      const command = new DescribeApplicationOperationCommand({ ApplicationName, OperationId })
      const { ApplicationOperationInfoDetails: operation } = await this.#client.send(command)
      assert.ok(operation !== undefined)
      if (operation.OperationStatus !== 'IN_PROGRESS') return operation
      await sleep(50)
    }
  }

  async #succeeds(OperationId: string | undefined) {
    const operation = await this.#ended(OperationId)
    const cause = operation.OperationFailureDetails?.ErrorInfo?.ErrorString
    assert.equal(operation.OperationStatus, 'SUCCESSFUL', `${operation.Operation}: ${cause}`)
    return operation
  }

  #ticks() {
    return this.#service.ticks(ApplicationName)
  }

  /** Waits for ticks with the prefix of the configuration that runs now. */
  async #goesOn(prefix: string): Promise<void> {
    const before = this.#ticks().length
    await waitFor(
      () => this.#ticks().length > before + 10 && this.#ticks().at(-1)?.prefix === prefix,
      `ticks '${prefix}'`,
    )
  }
}

function properties(prefix: string, more: Record<string, string> = {}) {
  return [{ PropertyGroupId: 'counting', PropertyMap: { prefix: `${prefix} `, ...more } }]
}

function assertContiguous(ticks: readonly { readonly tick: number }[]): void {
  ticks.forEach(({ tick }, index) => {
    assert.equal(tick, index, 'a tick is missing or there twice')
  })
}
