import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { python3WithBoto3 } from './boto3-environment.ts'
import { startMoto } from './moto-server.ts'
import { role, type ServedApplications, serveApplications, waitFor } from './served-applications.ts'
import { pythonEnvironment } from './servers/python-environment.ts'
import { readerKey } from './service-clients-errors.ts'

const AWS_CLI = 'awscli==1.46.3'
const LIMIT_MS = 180_000
const execute = promisify(execFile)

export const needs = ['python3']

/**
 * Managed applications as Python's clients meet them: boto3 and the AWS CLI through the whole life of a real one, with code and
 * exported snapshots in S3 of moto. The AWS SDK for JavaScript has service-clients-javascript.ts, in `npm test`'s first tier.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const moto = await startMoto(log)
  const service = await serveApplications({
    AWS_ENDPOINT_URL_S3: moto.endpoint,
    AWS_ENDPOINT_URL_STS: moto.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  })
  try {
    const python = await python3WithBoto3(log)
    if (python === undefined) throw new Error('python3 is there, but boto3 could not be installed')
    log(`boto3: ${await boto3(service, python, moto.endpoint)}`)
    const programs = await pythonEnvironment('venv-awscli', AWS_CLI, log)
    log(`AWS CLI: ${await new AwsCli(service, join(programs, 'aws')).live()}`)
  } finally {
    await service.stop()
    await moto.stop()
  }
}

async function boto3(service: ServedApplications, python: string, storage: string): Promise<string> {
  const { url, accessKeyId, secretAccessKey, bundle } = service
  const reader = await readerKey(service)
  const rich = await rolesAtAws(service)
  const settings = { url, accessKeyId, secretAccessKey, bundle, storage, bucket: 'millrace', role, rich, reader }
  const script = resolve('test/e2e/service_client')
  const args = ['-B', script, JSON.stringify(settings)]
  const { stdout } = await execute(python, args, { timeout: LIMIT_MS })
  const { calls, classes, operations } = JSON.parse(stdout)
  return `the whole life, ${classes} classes of errors, refusals of ${operations} operations; ${calls} calls`
}

/**
 * Roles with rights at AWS: `node` has the service's own, `assumed` takes on a role there. The one that every service begins
 * with has none.
 */
async function rolesAtAws({ millrace }: ServedApplications): Promise<Record<string, string>> {
  const [atAws, account] = ['arn:aws:iam::123456789012:role/millrace', 'arn:aws:iam::000000000000:role']
  await millrace('access', 'roles', 'create', 'assumed', '--aws', atAws)
  await millrace('access', 'roles', 'create', 'node')
  await millrace('access', 'roles', 'aws', 'node', 'node')
  const listed = await millrace('access', 'roles')
  for (const line of [
    `${account}/assumed  policies: none  AWS: ${atAws}`,
    `${account}/node  policies: none  AWS: node`,
  ]) {
    if (!listed.includes(line)) throw new Error(`not among the roles: ${line}\n${listed}`)
  }
  return { node: `${account}/node`, assumed: `${account}/assumed` }
}

/** The life of an application by `aws kinesisanalyticsv2 …`, each call a process. */
class AwsCli {
  readonly #aws: string
  readonly #env: NodeJS.ProcessEnv
  readonly #bundle: string
  #calls = 0

  constructor({ url, accessKeyId, secretAccessKey, bundle }: ServedApplications, aws: string) {
    this.#aws = aws
    this.#bundle = bundle
    this.#env = {
      PATH: process.env['PATH'],
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_KINESIS_ANALYTICS_V2: url,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    }
  }

  async live(): Promise<string> {
    const created = await this.#created()
    await this.#started()
    await this.#snapshots()
    await this.#updated()
    await this.#restored()
    await this.#deleted(created)
    return `the whole life, deleted by the time it printed; ${this.#calls} calls`
  }

  async #created(): Promise<string> {
    const code = `ApplicationCodeConfiguration={CodeContentType=ZIPFILE,CodeContent={ZipFileContent@=fileb://${this.#bundle}}}`
    const { ApplicationDetail } = await this.#of('create-application', [
      ...['--runtime-environment', 'FLINK-1_20', '--service-execution-role', role],
      ...['--tags', 'Key=team,Value=fraud', '--application-configuration', code],
    ])
    const { ApplicationARN, ApplicationStatus, CreateTimestamp } = ApplicationDetail
    deepStrictEqual([ApplicationStatus, Number.isInteger(CreateTimestamp)], ['READY', true])
    const arn = ['--resource-arn', ApplicationARN]
    await this.#call('tag-resource', [...arn, '--tags', 'Key=cost,Value=1'])
    await this.#call('untag-resource', [...arn, '--tag-keys', 'team'])
    deepStrictEqual((await this.#call('list-tags-for-resource', arn)).Tags, [{ Key: 'cost', Value: '1' }])
    return String(CreateTimestamp)
  }

  async #started(): Promise<void> {
    const { OperationId } = await this.#of('start-application')
    await this.#until('RUNNING')
    const operation = await this.#of('describe-application-operation', ['--operation-id', OperationId])
    strictEqual(operation.ApplicationOperationInfoDetails.OperationStatus, 'SUCCESSFUL')
    const { ApplicationSummaries } = await this.#call('list-applications')
    deepStrictEqual(
      ApplicationSummaries.filter((one: Answer) => one['ApplicationStatus'] === 'RUNNING').map(
        (one: Answer) => one['ApplicationName'],
      ),
      ['cli'],
    )
    await rejects(this.#of('start-application'), /\(ResourceInUseException\).*RUNNING/)
    const { AuthorizedUrl } = await this.#of('create-application-presigned-url', ['--url-type', 'FLINK_DASHBOARD_URL'])
    strictEqual((await fetch(AuthorizedUrl)).status, 200)
  }

  async #snapshots(): Promise<void> {
    const named = ['--snapshot-name', 'mine']
    await this.#of('create-application-snapshot', named)
    const described = async () => (await this.#of('describe-application-snapshot', named)).SnapshotDetails
    await waitFor(async () => (await described()).SnapshotStatus === 'READY', 'a snapshot')
    const { SnapshotSummaries } = await this.#of('list-application-snapshots')
    strictEqual(SnapshotSummaries.length, 1)
  }

  async #updated(): Promise<void> {
    const parallel = { ConfigurationTypeUpdate: 'CUSTOM', ParallelismUpdate: 2, AutoScalingEnabledUpdate: false }
    const change = { FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: parallel } }
    const at = (version: number) => ['--current-application-version-id', String(version)]
    const update = (version: number) =>
      this.#of('update-application', [...at(version), '--application-configuration-update', JSON.stringify(change)])
    await rejects(update(7), /\(ConcurrentModificationException\)/)
    strictEqual((await update(1)).ApplicationDetail.ApplicationVersionId, 2)
    await this.#until('RUNNING')
    await this.#of('rollback-application', at(2))
    await this.#until('RUNNING')
    const { ApplicationVersionSummaries } = await this.#of('list-application-versions')
    strictEqual(ApplicationVersionSummaries.length, 3)
    const stream = 'LogStreamARN=arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s'
    const added = await this.#of('add-application-cloud-watch-logging-option', [
      ...at(3),
      ...['--cloud-watch-logging-option', stream],
    ])
    strictEqual(added.ApplicationVersionId, 4)
    const window = 'ApplicationMaintenanceWindowStartTimeUpdate=20:00'
    await this.#of('update-application-maintenance-configuration', [
      '--application-maintenance-configuration-update',
      window,
    ])
    const { ApplicationDetail } = await this.#of('describe-application')
    const { ApplicationMaintenanceConfigurationDescription: maintenance } = ApplicationDetail
    strictEqual(maintenance.ApplicationMaintenanceWindowEndTime, '04:00')
  }

  async #restored(): Promise<void> {
    await this.#of('stop-application')
    await this.#until('READY')
    const restore = { ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT', SnapshotName: 'mine' }
    const run = JSON.stringify({ ApplicationRestoreConfiguration: restore })
    await this.#of('start-application', ['--run-configuration', run])
    await this.#until('RUNNING')
    await this.#of('stop-application', ['--force'])
    await this.#until('READY')
    const named = ['--snapshot-name', 'mine']
    const { SnapshotCreationTimestamp } = (await this.#of('describe-application-snapshot', named)).SnapshotDetails
    const time = ['--snapshot-creation-timestamp', String(SnapshotCreationTimestamp)]
    await this.#of('delete-application-snapshot', [...named, ...time])
  }

  async #deleted(createTimestamp: string): Promise<void> {
    const remove = (time: string) => this.#of('delete-application', ['--create-timestamp', time])
    await rejects(remove('1'), /\(InvalidArgumentException\).*CreateTimestamp/)
    // As it was printed, which is how people do it.
    await remove(createTimestamp)
    const gone = () =>
      this.#of('describe-application').then(
        () => false,
        ({ message }: Error) => message.includes('(ResourceNotFoundException)'),
      )
    await waitFor(gone, 'the end of the application')
  }

  async #until(status: string): Promise<void> {
    const now = async () => (await this.#of('describe-application')).ApplicationDetail.ApplicationStatus
    await waitFor(async () => (await now()) === status, `${status} of cli`)
  }

  #of(command: string, options: readonly string[] = []) {
    return this.#call(command, ['--application-name', 'cli', ...options])
  }

  /** What it prints, parsed. */
  async #call(command: string, options: readonly string[] = []) {
    this.#calls++
    const words = ['kinesisanalyticsv2', command, '--output', 'json', ...options]
    const { stdout } = await execute(this.#aws, words, { env: this.#env, timeout: LIMIT_MS })
    return stdout.trim() === '' ? {} : JSON.parse(stdout)
  }
}

type Answer = Readonly<Record<string, unknown>>
