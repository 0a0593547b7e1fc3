import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { python3WithBoto3 } from './boto3-environment.ts'
import { commandFile } from './millrace-command.ts'
import { pythonEnvironment } from './servers/python-environment.ts'

const AWS_CLI = 'awscli==1.46.3'
const execute = promisify(execFile)

interface Service {
  readonly url: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly process: ChildProcess
}

export const needs = ['python3']

/** Managed applications as Python's clients meet them: boto3 and the AWS CLI through the whole life of a real one. */
export async function run(log: (line: string) => void): Promise<void> {
  await execute(process.execPath, ['scripts/build.mjs'])
  const directory = await mkdtemp(join(tmpdir(), 'millrace-e2e-service-'))
  const bundle = join(directory, 'counting.zip')
  const application = resolve('packages/cli/src/testing/applications/counting.ts')
  await execute(process.execPath, [commandFile, 'build', application, '--output', bundle])
  const service = await startService(join(directory, 'data'))
  try {
    const python = await python3WithBoto3(log)
    if (python === undefined) throw new Error('python3 is there, but boto3 could not be installed')
    await boto3(service, python, bundle)
    log('boto3: create, start, update, stop, tags, delete; ten classes of errors; the statuses that Terraform takes')
    const programs = await pythonEnvironment('venv-awscli', AWS_CLI, log)
    await awsCli(service, join(programs, 'aws'), bundle)
    log('AWS CLI: the same life, and deletion by the time it printed')
  } finally {
    if (service.process.exitCode === null) {
      const exit = once(service.process, 'exit')
      service.process.kill('SIGTERM')
      await exit
    }
    await rm(directory, { recursive: true, force: true })
  }
}

async function startService(dataDirectory: string): Promise<Service> {
  const entry = resolve('packages/service/src/jobs/managed-jobs-fixture.ts')
  const options = ['--conditions=millrace-source', '--import', 'tsx', entry, dataDirectory, commandFile]
  const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the service ended with code ${code} before it was ready`)
  })
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer]
  ended.catch(() => {})
  return { ...JSON.parse(line.toString()), process: child }
}

async function boto3(service: Service, python: string, bundle: string): Promise<void> {
  const { url, accessKeyId, secretAccessKey } = service
  const script = resolve('test/e2e/service_client.py')
  const { stdout } = await execute(python, [script, url, accessKeyId, secretAccessKey, bundle], { timeout: 120_000 })
  const { starting, updating, stopping, ...seen } = JSON.parse(stdout)
  deepStrictEqual(seen, {
    created: ['READY', 1],
    sameAsDescribed: true,
    snapshots: { SnapshotsEnabled: true, SnapshotMode: 'APPLICATION_SNAPSHOTS_LEGACY' },
    codeSize: (await readFile(bundle)).length,
    inUse: ['ResourceInUseException', 400],
    notFound: ['ResourceNotFoundException', 400],
    badName: ['InvalidArgumentException', 400],
    badCode: ['CodeValidationException', 400],
    noSql: ['UnsupportedOperationException', 400],
    tooManyTags: ['TooManyTagsException', 400],
    limit: ['LimitExceededException', 400],
    stale: ['ConcurrentModificationException', 400],
    noVersion: ['InvalidRequestException', 400],
    noCode: ['InvalidApplicationConfigurationException', 400],
    sqlOnly: ['InvalidRequestException', 400],
    listed: [['boto'], ['other']],
    started: 'SUCCESSFUL',
    updated: [2, 'SUCCESSFUL'],
    stopped: 'SUCCESSFUL',
    operations: ['StopApplication', 'UpdateApplication', 'StartApplication', 'CreateApplication'],
    tags: [{ Key: 'cost', Value: '1' }],
    deleting: [],
    gone: true,
  })
  // A poll may come too late to see the state in between; another one would make Terraform fail.
  for (const [statuses, through, last] of [
    [starting, 'STARTING', 'RUNNING'],
    [updating, 'UPDATING', 'RUNNING'],
    [stopping, 'STOPPING', 'READY'],
  ]) {
    ok([through, last].join().endsWith(statuses.join()), `${statuses} on the way to ${last}`)
  }
}

async function awsCli(service: Service, aws: string, bundle: string): Promise<void> {
  const call = cliOf(service, aws)
  const name = ['--application-name', 'cli']
  const code = `ApplicationCodeConfiguration={CodeContentType=ZIPFILE,CodeContent={ZipFileContent@=fileb://${bundle}}}`
  const created = await call(
    'create-application',
    ...name,
    ...['--runtime-environment', 'FLINK-1_20'],
    ...['--service-execution-role', 'arn:aws:iam::000000000000:role/millrace-application'],
    ...['--tags', 'Key=team,Value=fraud'],
    ...['--application-configuration', code],
  )
  const { ApplicationARN: arn, ApplicationStatus, CreateTimestamp } = created.ApplicationDetail
  deepStrictEqual([ApplicationStatus, Number.isInteger(CreateTimestamp)], ['READY', true])
  const status = async () => (await call('describe-application', ...name)).ApplicationDetail.ApplicationStatus
  const until = async (last: string) => {
    for (let attempt = 0; (await status()) !== last; attempt++) ok(attempt < 60, `cli is not ${last}`)
  }
  const { OperationId } = await call('start-application', ...name)
  await until('RUNNING')
  const described = await call('describe-application-operation', ...name, '--operation-id', OperationId)
  strictEqual(described.ApplicationOperationInfoDetails.OperationStatus, 'SUCCESSFUL')
  const { ApplicationSummaries } = await call('list-applications')
  deepStrictEqual(
    ApplicationSummaries.map((one: Record<string, unknown>) => [one['ApplicationName'], one['ApplicationStatus']]),
    [['cli', 'RUNNING']],
  )
  await call('tag-resource', '--resource-arn', arn, '--tags', 'Key=cost,Value=1')
  await call('untag-resource', '--resource-arn', arn, '--tag-keys', 'team')
  deepStrictEqual((await call('list-tags-for-resource', '--resource-arn', arn)).Tags, [{ Key: 'cost', Value: '1' }])
  await call('stop-application', ...name, '--force')
  await until('READY')
  const updated = await call(
    'update-application',
    ...name,
    ...['--current-application-version-id', '1'],
    ...['--runtime-environment-update', 'FLINK-2_2'],
  )
  strictEqual(updated.ApplicationDetail.ApplicationVersionId, 2)
  await until('READY')
  await rejects(
    call('delete-application', ...name, '--create-timestamp', '1'),
    /\(InvalidArgumentException\).*CreateTimestamp/,
  )
  // As it was printed, which is how people do it.
  await call('delete-application', ...name, '--create-timestamp', String(CreateTimestamp))
  for (let attempt = 0; ; attempt++) {
    const left = await call('describe-application', ...name).catch((error: Error) => error.message)
    if (typeof left === 'string') return ok(left.includes('(ResourceNotFoundException)'), left)
    ok(attempt < 60, 'cli is still there')
  }
}

/** Runs `aws kinesisanalyticsv2 …` and answers with what it prints, parsed. */
function cliOf({ url, accessKeyId, secretAccessKey }: Service, aws: string) {
  const env = {
    PATH: process.env['PATH'],
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_KINESIS_ANALYTICS_V2: url,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  }
  return async (...options: string[]) => {
    const { stdout } = await execute(aws, ['kinesisanalyticsv2', '--output', 'json', ...options], {
      env,
      timeout: 60_000,
    })
    return stdout.trim() === '' ? {} : JSON.parse(stdout)
  }
}
