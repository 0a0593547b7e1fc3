import { readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LifecycleSurroundings } from '../applications/applications.ts'
import { ScriptedLifecycle } from '../applications/scripted-lifecycle-fixture.ts'
import { type Endpoint, startEndpoint } from '../endpoint.ts'
import {
  createUser,
  jsonCall,
  manageAccess,
  send,
  sendSigned,
  signedHeaders,
  type TestKey,
  type TestRequest,
} from './signed-request-fixture.ts'

let directory: string
let endpoint: Endpoint
let surroundings: LifecycleSurroundings
let offsetMs = 0
/** Set while no time passes. */
let stillMs: number | undefined
const clock: Clock = {
  now: () => systemClock.now() + offsetMs,
  monotonicMs: () => stillMs ?? systemClock.monotonicMs(),
}
const role = 'arn:aws:iam::000000000000:role/millrace-application'
const applicationArn = (name: string) => `arn:aws:kinesisanalytics:us-east-1:000000000000:application/${name}`
const streamArn = (name: string) => `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`

async function start(): Promise<void> {
  endpoint = await startEndpoint(
    { dataDirectory: directory, requestsPerSecond: 100 },
    {
      clock,
      scheduler: systemScheduler,
      random: systemRandom,
      logger: silentLogger,
      applications: {
        createLifecycle: (given) => {
          surroundings = given
          return new ScriptedLifecycle(given)
        },
      },
    },
  )
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-access-'))
  await start()
  await asRoot(jsonCall('Kinesis_20131202.CreateStream', { StreamName: 'orders', ShardCount: 1 }))
  await asRoot(jsonCall('Kinesis_20131202.CreateStream', { StreamName: 'secrets', ShardCount: 1 }))
  for (const [name, team] of [
    ['red', 'red'],
    ['blue', 'blue'],
  ]) {
    const Tags = [{ Key: 'team', Value: team }]
    await asRoot(createApplication(name!, { Tags }))
  }
})

afterAll(async () => {
  await endpoint.close()
  await rm(directory, { recursive: true })
})

beforeEach(() => {
  offsetMs = 0
  stillMs = undefined
  vi.unstubAllEnvs()
})

const asRoot = (request: TestRequest) => sendSigned(endpoint.url, endpoint.credentials, request)
const as = (key: TestKey, request: TestRequest) => sendSigned(endpoint.url, key, request)
const user = (name: string, statement: object, tags = {}) =>
  createUser(endpoint.url, endpoint.credentials, name, statement, tags)
const allow = (Action: string | string[], Resource: string | string[] = '*', more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
})
const list = jsonCall('KinesisAnalytics_20180523.ListApplications')
const describeApp = (ApplicationName: string) =>
  jsonCall('KinesisAnalytics_20180523.DescribeApplication', { ApplicationName })
const put = (stream: object) => jsonCall('Kinesis_20131202.PutRecord', { ...stream, Data: 'YQ==', PartitionKey: 'k' })

function createApplication(ApplicationName: string, more: object = {}): TestRequest {
  const input = { ApplicationName, RuntimeEnvironment: 'FLINK-1_20', ServiceExecutionRole: role, ...more }
  return jsonCall('KinesisAnalytics_20180523.CreateApplication', input)
}

describe('who calls', () => {
  test('the administrator may do everything', async () => {
    expect(await asRoot(list)).toMatchObject({ status: 200, json: { ApplicationSummaries: expect.anything() } })
  })

  test('an unsigned call is refused', async () => {
    const { headers = {} } = list
    expect(await send(endpoint.url, list, headers)).toMatchObject({ status: 403, error: 'MissingAuthenticationToken' })
  })

  test.each([
    { it: 'an unknown key', key: { accessKeyId: 'NOBODY' }, error: 'UnrecognizedClientException' },
    { it: 'a wrong secret', key: { secretAccessKey: 'guess' }, error: 'InvalidSignatureException' },
    { it: 'a session token that is none', key: { sessionToken: 'a.b' }, error: 'UnrecognizedClientException' },
  ])('$it is refused', async ({ key, error }) => {
    expect(await as({ ...endpoint.credentials, ...key }, list)).toMatchObject({ status: 403, error })
  })

  test.each([
    { it: 'for another region', change: { region: 'eu-west-1' } },
    { it: 'for another service', change: { service: 'kinesis' } },
    { it: 'six minutes ago', change: { signedMs: systemClock.now() - 360_000 } },
    { it: 'six minutes ahead', change: { signedMs: systemClock.now() + 360_000 } },
  ])('a call signed $it is refused', async ({ change }) => {
    expect(await asRoot({ ...list, ...change })).toMatchObject({ status: 403, error: 'InvalidSignatureException' })
  })

  test('a signature holds for its own call alone', async () => {
    const headers = signedHeaders(endpoint.url, endpoint.credentials, list)
    const other = describeApp('red').headers!['x-amz-target']!
    const wrong = { status: 403, error: 'InvalidSignatureException' }
    expect(await send(endpoint.url, list, headers)).toMatchObject({ status: 200 })
    expect(await send(endpoint.url, { ...list, body: '{"Limit":1}' }, headers)).toMatchObject(wrong)
    expect(await send(endpoint.url, list, { ...headers, 'x-amz-target': other })).toMatchObject(wrong)
    expect(await send(endpoint.url, { ...list, path: '/other' }, headers)).toMatchObject(wrong)
    offsetMs = 301_000
    expect(await send(endpoint.url, list, headers)).toMatchObject(wrong)
  })

  test('a key that is switched off or deleted opens nothing any more', async () => {
    const key = await user('keys', allow('kinesisanalytics:*'))
    const change = (operation: string, more = {}) =>
      manageAccess(endpoint.url, endpoint.credentials, operation, { AccessKeyId: key.accessKeyId, ...more })
    expect(await as(key, list)).toMatchObject({ status: 200 })
    await change('UpdateAccessKey', { Status: 'Inactive' })
    expect(await as(key, list)).toMatchObject({ status: 403, error: 'UnrecognizedClientException' })
    await change('UpdateAccessKey', { Status: 'Active' })
    expect(await as(key, list)).toMatchObject({ status: 200 })
    await change('DeleteAccessKey')
    expect(await as(key, list)).toMatchObject({ status: 403, error: 'UnrecognizedClientException' })
  })
})

describe('what users may do', () => {
  test('nothing, unless a policy allows it', async () => {
    const key = await user('nothing', { Effect: 'Deny', Action: 'sns:*', Resource: '*' })
    expect(await as(key, list)).toMatchObject({
      status: 403,
      error: 'AccessDeniedException',
      json: {
        message:
          'User: arn:aws:iam::000000000000:user/nothing is not authorized to perform: kinesisanalytics:ListApplications ' +
          'on resource: * because no identity-based policy allows the kinesisanalytics:ListApplications action',
      },
    })
    const identity = { Account: '000000000000', Arn: 'arn:aws:iam::000000000000:user/nothing', UserId: 'nothing' }
    expect((await as(key, jsonCall('MillraceAccess.GetCallerIdentity'))).json).toEqual(identity)
    const publish = {
      service: 'sns',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=ListTopics&Version=2010-03-31',
    }
    const refused = await as(key, publish)
    expect(refused).toMatchObject({ status: 403 })
    expect(refused.text).toContain('<Code>AuthorizationError</Code>')
  })

  test('only on what their policies name', async () => {
    const key = await user('orders', allow('kinesis:*', streamArn('orders')))
    expect(await as(key, put({ StreamName: 'orders' }))).toMatchObject({ status: 200 })
    const denied = { status: 403, error: 'AccessDeniedException' }
    expect(await as(key, put({ StreamName: 'secrets' }))).toMatchObject(denied)
    expect(await as(key, put({ StreamARN: streamArn('secrets') }))).toMatchObject(denied)
    expect(await as(key, put({ StreamName: 'orders', StreamARN: streamArn('secrets') }))).toMatchObject(denied)
    expect(await as(key, put({ StreamARN: streamArn('secrets').replace('arn:aws', 'arn:other') }))).toMatchObject(
      denied,
    )
    expect(await as(key, describeApp('red'))).toMatchObject(denied)
    // An iterator of another's stream says which one it is.
    const position = { ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' }
    const iteratorOf = async (StreamName: string) => {
      const answer = await asRoot(jsonCall('Kinesis_20131202.GetShardIterator', { StreamName, ...position }))
      return (answer.json as unknown as { ShardIterator: string }).ShardIterator
    }
    const read = (ShardIterator: string, more = {}) =>
      as(key, jsonCall('Kinesis_20131202.GetRecords', { ShardIterator, ...more }))
    expect(await read(await iteratorOf('orders'))).toMatchObject({ status: 200 })
    expect(await read(await iteratorOf('secrets'))).toMatchObject(denied)
    expect(await read(await iteratorOf('secrets'), { StreamARN: streamArn('orders') })).toMatchObject(denied)
  })

  test('by tags of the application, an explicit denial first', async () => {
    const key = await user(
      'red-team',
      [
        allow('kinesisanalytics:*', '*', {
          Condition: { StringEquals: { 'aws:ResourceTag/team': `$\{aws:PrincipalTag/team}` } },
        }),
        allow('millrace:ReadLogs', applicationArn('*')),
        {
          Effect: 'Deny',
          Action: 'millrace:*',
          Resource: '*',
          Condition: { StringEquals: { 'aws:ResourceTag/team': 'blue' } },
        },
      ],
      { team: 'red' },
    )
    expect(await as(key, describeApp('red'))).toMatchObject({ status: 200 })
    const denied = { status: 403, error: 'AccessDeniedException' }
    expect(await as(key, describeApp('blue'))).toMatchObject(denied)
    const logs = (name: string) => ({ method: 'GET', path: `/apps/${name}/logs` })
    expect(await as(key, logs('red'))).toMatchObject({ status: 200 })
    const refused = await as(key, logs('blue'))
    expect(refused).toMatchObject(denied)
    expect(refused.json['message']).toContain('with an explicit deny')
    expect(await as(key, { method: 'GET', path: '/apps/red/flink/v1/jobs/overview' })).toMatchObject({ status: 403 })
  })

  test.each([
    { it: 'from here', Condition: { IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }, status: 200 },
    { it: 'from elsewhere', Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, status: 403 },
    { it: 'before a date', Condition: { DateLessThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } }, status: 403 },
    { it: 'after a date', Condition: { DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } }, status: 200 },
    { it: 'over TLS', Condition: { Bool: { 'aws:SecureTransport': 'true' } }, status: 403 },
  ])('under conditions: $it $status', async ({ it, Condition, status }) => {
    const key = await user(`if-${it.replaceAll(' ', '-')}`, allow('kinesisanalytics:List*', '*', { Condition }))
    expect(await as(key, list)).toMatchObject({ status })
  })

  test('a role is handed to an application only by who may pass it, and must exist', async () => {
    const passing = { Condition: { StringEquals: { 'iam:PassedToService': 'kinesisanalytics.amazonaws.com' } } }
    const without = await user('without', allow('kinesisanalytics:*'))
    const withRole = await user('with', [allow('kinesisanalytics:*'), allow('iam:PassRole', role, passing)])
    const denied = await as(without, createApplication('passed'))
    expect(denied).toMatchObject({ status: 403, error: 'AccessDeniedException' })
    expect(denied.json['message']).toContain(`perform: iam:PassRole on resource: ${role}`)
    expect(await as(withRole, createApplication('passed'))).toMatchObject({ status: 200 })
    const other = { ServiceExecutionRole: 'arn:aws:iam::000000000000:role/missing' }
    expect(await as(withRole, createApplication('p2', other))).toMatchObject({ error: 'AccessDeniedException' })
    const missing = await asRoot(createApplication('p2', other))
    expect(missing).toMatchObject({ status: 400, error: 'InvalidArgumentException' })
    expect(missing.json['message']).toContain('Please check the role provided or validity of S3 location you provided')
  })

  test('a snapshot of the account is used by who may, and its bucket by a role that may be passed', async () => {
    const store = surroundings.store
    const { createdMs } = (await store.application('red'))!
    const snapshot = (name: string) => ({
      name,
      kind: 'enhanced' as const,
      applicationName: 'red',
      applicationCreatedMs: createdMs,
      applicationVersionId: 1,
      runtimeEnvironment: 'FLINK-1_20',
      status: 'READY' as const,
      createdMs,
      initiator: 'CreateSnapshot' as const,
      folder: `/savepoints/${name}`,
      sizeBytes: 1,
      failure: undefined,
    })
    await store.putSnapshot(undefined, snapshot('ofRed'), [], { team: 'red' })
    await store.putSnapshot(undefined, snapshot('ofBlue'), [], { team: 'blue' })
    const arnOf = (name: string) => `arn:aws:kinesisanalytics:us-east-1:000000000000:snapshot/${name}`
    const ofTeam = { Condition: { StringEquals: { 'aws:ResourceTag/team': 'red' } } }
    const key = await user('red-snapshots', [
      allow('kinesisanalytics:*', [arnOf('*')], ofTeam),
      allow(['kinesisanalytics:StartApplication', 'kinesisanalytics:UpdateApplication'], applicationArn('blue')),
      allow('kinesisanalytics:ImportSnapshot', arnOf('new')),
    ])
    const denied = { status: 403, error: 'AccessDeniedException' }
    const call = (operation: string, input: object) =>
      as(key, jsonCall(`KinesisAnalytics_20180523.${operation}`, input))
    expect(await call('DescribeSnapshot', { SnapshotName: 'ofRed' })).toMatchObject({ status: 200 })
    expect(await call('DescribeSnapshot', { SnapshotName: 'ofBlue' })).toMatchObject(denied)
    const ApplicationName = 'blue'
    const from = (name: string) => ({
      ApplicationRestoreConfiguration: {
        ApplicationRestoreType: 'RESTORE_FROM_CUSTOM_SNAPSHOT',
        SnapshotArn: arnOf(name),
      },
    })
    const start = (name: string) => call('StartApplication', { ApplicationName, RunConfiguration: from(name) })
    expect(await start('ofBlue')).toMatchObject(denied)
    // Allowed, and refused by what it asks for: this application is one of the legacy mode.
    expect(await start('ofRed')).toMatchObject({ status: 400, error: 'InvalidArgumentException' })
    const RunConfigurationUpdate = from('ofBlue')
    expect(await call('UpdateApplication', { ApplicationName, RunConfigurationUpdate })).toMatchObject(denied)
    const prefix = { BucketARN: 'arn:aws:s3:::b', KeyPrefix: 'x' }
    const exported = await call('ExportSnapshot', {
      SnapshotName: 'ofRed',
      ExportDestinationConfiguration: {
        DestinationType: 'S3',
        ExportRoleArn: role,
        DestinationS3PrefixLocation: prefix,
      },
    })
    expect(exported).toMatchObject(denied)
    expect(exported.json['message']).toContain(`perform: iam:PassRole on resource: ${role}`)
    const imported = await call('ImportSnapshot', {
      SnapshotName: 'new',
      ImportSourceConfiguration: { SourceType: 'S3', ImportRoleArn: role, SourceS3PrefixLocation: prefix },
    })
    expect(imported).toMatchObject(denied)
    expect(imported.json['message']).toContain('iam:PassRole')
  })

  test('users are managed by who may', async () => {
    const key = await user('manager', allow('millrace:ManageAccess', 'arn:aws:iam::000000000000:user/team-*'))
    const make = (UserName: string) => as(key, jsonCall('MillraceAccess.CreateUser', { UserName }))
    expect(await make('team-a')).toMatchObject({ status: 200 })
    expect(await make('admin')).toMatchObject({ status: 403, error: 'AccessDeniedException' })
    expect(await as(key, jsonCall('MillraceAccess.ReadAudit'))).toMatchObject({ status: 403 })
    const policy = { UserName: 'team-a', PolicyName: 'p', PolicyDocument: '{"Version":' }
    const refused = await as(key, jsonCall('MillraceAccess.PutPolicy', policy))
    expect(refused).toMatchObject({ status: 400, error: 'MalformedPolicyDocument' })
    expect(refused.json['message']).toContain('line 1, column 12')
    const named = jsonCall('MillraceAccess.CreateUser', { UserName: '../x' })
    expect(await asRoot(named)).toMatchObject({ status: 400, error: 'ValidationException' })
  })

  test('where the rights of a role at AWS come from is said by who manages all, and shown', async () => {
    const call = (operation: string, input: object) => jsonCall(`MillraceAccess.${operation}`, input)
    const RoleName = 'team-orders'
    const Aws = { From: 'role', RoleArn: 'arn:aws:iam::123456789012:role/a/orders', ExternalId: 'e1', Profile: 'p' }
    const some = await user('some-roles', allow('millrace:ManageAccess', 'arn:aws:iam::000000000000:role/team-*'))
    expect(await as(some, call('CreateRole', { RoleName, Aws }))).toMatchObject({ status: 403 })
    expect(await as(some, call('CreateRole', { RoleName }))).toMatchObject({ status: 200 })
    expect(await as(some, call('PutRoleAws', { RoleName, Aws: { From: 'node' } }))).toMatchObject({ status: 403 })
    expect((await asRoot(call('GetRole', { RoleName }))).json['Role']).not.toHaveProperty('Aws')
    const all = await user('all-roles', allow('millrace:ManageAccess'))
    expect((await as(all, call('PutRoleAws', { RoleName, Aws }))).json['Role']).toMatchObject({ Aws })
    expect((await asRoot(call('ListRoles', {}))).json['Roles']).toContainEqual(
      expect.objectContaining({ RoleName, Aws }),
    )
    expect(await as(some, call('PutRoleAws', { RoleName }))).toMatchObject({ status: 200 })
    expect((await asRoot(call('GetRole', { RoleName }))).json['Role']).not.toHaveProperty('Aws')
    expect(await asRoot(call('PutRoleAws', { RoleName: 'none', Aws }))).toMatchObject({ error: 'NoSuchEntity' })
  })

  test.each([
    { it: 'unknown', Aws: { From: 'keys' }, message: /aws\.From/ },
    { it: 'a profile without a name', Aws: { From: 'profile' }, message: /aws\.Profile/ },
    { it: "no role's ARN", Aws: { From: 'role', RoleArn: 'arn:aws:iam::1:user/a' }, message: /aws\.RoleArn/ },
    { it: "the node's with a role", Aws: { From: 'node', RoleArn: 'x' }, message: /Aws\.RoleArn says nothing/ },
    { it: 'text', Aws: 'node', message: /Aws must be a structure/ },
  ])('where the rights of a role at AWS come from is refused when it is $it', async ({ Aws, message }) => {
    const refused = await asRoot(jsonCall('MillraceAccess.CreateRole', { RoleName: 'wrong', Aws }))
    expect(refused).toMatchObject({ status: 400 })
    expect(refused.json['message']).toMatch(message)
  })

  test('too many calls of one user are throttled, others go on', async () => {
    const key = await user('hasty', allow('kinesisanalytics:*'))
    stillMs = systemClock.monotonicMs()
    const answers = await Promise.all(Array.from({ length: 120 }, () => as(key, list)))
    const throttled = answers.filter(({ status }) => status === 400)
    expect(throttled).toHaveLength(20)
    expect(throttled[0]).toMatchObject({ error: 'ThrottlingException' })
    expect(await asRoot(list)).toMatchObject({ status: 200 })
  })
})

type Issued = ReturnType<LifecycleSurroundings['executionCredentials']['issue']>

describe("an application's session of its role", () => {
  const owner = async (name: string, epoch: number) => {
    const application = (await surroundings.store.application(name))!
    await surroundings.store.change(
      name,
      { status: application.status, versionId: application.versionId },
      { status: 'RUNNING', epoch },
      [],
    )
    return { applicationName: name, applicationCreatedMs: application.createdMs, epoch }
  }

  test('may what the role may, until it is revoked', async () => {
    const session = await owner('red', 1)
    const { executionCredentials } = surroundings
    const key = executionCredentials.issue(role, 'red-1', session)
    expect(await as(key, put({ StreamName: 'orders' }))).toMatchObject({ status: 200 })
    expect(await as(key, list)).toMatchObject({ status: 403, error: 'AccessDeniedException' })
    expect(await as({ ...key, sessionToken: `${key.sessionToken}x` }, list)).toMatchObject({ status: 403 })
    const { sessionToken: _left, ...halfKey } = key
    expect(await as(halfKey, put({ StreamName: 'orders' }))).toMatchObject({ error: 'UnrecognizedClientException' })
    await executionCredentials.revoke(session)
    expect(await as(key, put({ StreamName: 'orders' }))).toMatchObject({ error: 'UnrecognizedClientException' })
  })

  test('ends with the next process, and is not that of another', async () => {
    const before = surroundings.executionCredentials.issue(role, 'blue-1', await owner('blue', 1))
    const after = surroundings.executionCredentials.issue(role, 'blue-2', await owner('blue', 2))
    expect(await as(before, put({ StreamName: 'orders' }))).toMatchObject({ error: 'UnrecognizedClientException' })
    expect(await as(after, put({ StreamName: 'orders' }))).toMatchObject({ status: 200 })
    const mixed = { ...after, sessionToken: before.sessionToken }
    expect(await as(mixed, put({ StreamName: 'orders' }))).toMatchObject({ error: 'UnrecognizedClientException' })
  })

  const askForAws = (headers: Record<string, string>) =>
    send(endpoint.url, { method: 'GET', path: '/role-credentials' }, headers)

  const lastAudited = async () => {
    const answer = await manageAccess(endpoint.url, endpoint.credentials, 'ReadAudit', { Tail: 1 })
    return (answer['Entries'] as object[])[0]
  }
  const nodeHasCredentials = () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIANODE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', "the node's")
  }

  test("gets its role's credentials of AWS as in a container, if the role has some", async () => {
    nodeHasCredentials()
    const { awsToken } = surroundings.executionCredentials.issue(role, 'red-3', await owner('red', 3))
    const refused = await askForAws({ authorization: awsToken })
    expect(refused).toMatchObject({ status: 400, json: { Code: 'InvalidArgumentException' } })
    expect(refused.text).toContain('millrace access roles aws millrace-application')
    await manageAccess(endpoint.url, endpoint.credentials, 'PutRoleAws', {
      RoleName: 'millrace-application',
      Aws: { From: 'node' },
    })
    const { status, json, headers } = await askForAws({ authorization: awsToken })
    expect({ status, cached: headers.get('cache-control') }).toEqual({ status: 200, cached: 'no-store' })
    expect(json).toEqual({
      AccessKeyId: 'AKIANODE',
      SecretAccessKey: "the node's",
      Token: '',
      Expiration: new Date(json['Expiration'] ?? '').toISOString(),
    })
    expect(Date.parse(json['Expiration'] ?? '')).toBeGreaterThan(clock.now() + 20 * 60_000)
    expect(await lastAudited()).toMatchObject({
      action: 'millrace:GetRoleCredentials',
      resource: role,
      principal: 'arn:aws:sts::000000000000:assumed-role/millrace-application/red-3',
      status: 200,
    })
  })

  test.each([
    { it: 'nothing', shown: () => ({}), status: 401 },
    { it: 'its session token', shown: (key: Issued) => ({ authorization: key.sessionToken }), status: 403 },
    { it: 'a changed token', shown: (key: Issued) => ({ authorization: `${key.awsToken}x` }), status: 403 },
    {
      it: 'its token from elsewhere',
      shown: (key: Issued) => ({ authorization: key.awsToken, 'x-forwarded-for': '10.0.0.1' }),
      status: 403,
    },
  ])('gets none for $it', async ({ shown, status }) => {
    const key = surroundings.executionCredentials.issue(role, 'blue-3', await owner('blue', 3))
    expect(await askForAws(shown(key))).toMatchObject({ status })
    expect(await lastAudited()).toMatchObject({ action: 'role-credentials:unknown', principal: 'unknown', status })
    const asSession = { ...key, sessionToken: key.awsToken }
    expect(await as(asSession, put({ StreamName: 'orders' }))).toMatchObject({ error: 'UnrecognizedClientException' })
  })

  test('gets none any more when its process is not the newest one', async () => {
    nodeHasCredentials()
    const { awsToken } = surroundings.executionCredentials.issue(role, 'red-5', await owner('red', 5))
    expect(await askForAws({ authorization: awsToken })).toMatchObject({ status: 200 })
    await owner('red', 6)
    stillMs = systemClock.monotonicMs() + 2_000
    expect(await askForAws({ authorization: awsToken })).toMatchObject({ status: 403 })
  })
})

describe('a presigned dashboard URL', () => {
  const presign = async (ApplicationName: string) => {
    const input = { ApplicationName, UrlType: 'FLINK_DASHBOARD_URL', SessionExpirationDurationInSeconds: 1800 }
    const { json } = await asRoot(jsonCall('KinesisAnalytics_20180523.CreateApplicationPresignedUrl', input))
    return new URL((json as unknown as { AuthorizedUrl: string }).AuthorizedUrl)
  }
  const open = ({ pathname, search }: URL) => send(endpoint.url, { method: 'GET', path: pathname + search }, {})
  const browse = (path: string, cookie: string, method = 'GET') => send(endpoint.url, { method, path }, { cookie })

  test('opens a session of its application, for reading, for its time', async () => {
    const opened = await open(await presign('red'))
    expect(opened.status).toBe(200)
    const set = opened.headers.get('set-cookie')!
    expect(set).toMatch(/^millrace-flink=[^;]+; Path=\/apps\/red\/flink; Max-Age=1800; HttpOnly; SameSite=Strict$/)
    const cookie = set.split(';')[0]!
    expect(await browse('/apps/red/flink/', cookie)).toMatchObject({ status: 200 })
    const denied = { status: 403 }
    expect(await browse('/apps/blue/flink/', cookie)).toMatchObject(denied)
    expect(await browse('/apps/red/logs', cookie)).toMatchObject(denied)
    expect(await browse('/apps/red/flink/jobs/x', cookie, 'PATCH')).toMatchObject(denied)
    expect(await browse('/apps/red/flink/', `${cookie}x`)).toMatchObject(denied)
    offsetMs = 1_801_000
    expect(await browse('/apps/red/flink/', cookie)).toMatchObject(denied)
  })

  test('names the service as its caller does', async () => {
    const url = endpoint.url.replace('127.0.0.1', 'localhost')
    const input = { ApplicationName: 'red', UrlType: 'FLINK_DASHBOARD_URL' }
    const call = jsonCall('KinesisAnalytics_20180523.CreateApplicationPresignedUrl', input)
    const { json } = await sendSigned(url, endpoint.credentials, call)
    expect(json).toEqual({ AuthorizedUrl: expect.stringMatching(new RegExp(`^${url}/apps/red/flink/\\?link=`)) })
  })

  test('has to be opened within three minutes, as it is', async () => {
    const url = await presign('red')
    const other = new URL(url.href.replace('/apps/red/', '/apps/blue/'))
    expect(await open(other)).toMatchObject({ status: 403 })
    const changed = new URL(url.href.replace('link=ey', 'link=eX'))
    expect(await open(changed)).toMatchObject({ status: 403 })
    offsetMs = 181_000
    expect(await open(url)).toMatchObject({ status: 403 })
    // A link is no session, and a session no link.
    expect(await browse('/apps/red/flink/', `millrace-flink=${url.searchParams.get('link')}`)).toMatchObject({
      status: 403,
    })
  })
})

describe('what is written down and kept', () => {
  test('every call is in the audit log, without secrets and contents', async () => {
    const key = await user('audited', allow('kinesis:PutRecord', streamArn('orders')))
    await as(key, put({ StreamName: 'orders' }))
    await as(key, put({ StreamName: 'secrets' }))
    await as({ ...key, secretAccessKey: 'guess' }, list)
    const { Entries } = (await manageAccess(endpoint.url, endpoint.credentials, 'ReadAudit', { Tail: 3 })) as {
      Entries: Record<string, unknown>[]
    }
    const principal = 'arn:aws:iam::000000000000:user/audited'
    const { accessKeyId } = key
    expect(Entries).toMatchObject([
      { principal, accessKeyId, action: 'kinesis:PutRecord', resource: streamArn('orders'), status: 200 },
      { principal, resource: streamArn('secrets'), status: 403, errorCode: 'AccessDeniedException' },
      { principal: 'unknown', accessKeyId, status: 403, errorCode: 'InvalidSignatureException' },
    ])
    expect(Entries[0]).toMatchObject({ sourceIp: '127.0.0.1', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    const text = readFileSync(join(directory, 'audit', 'audit.log'), 'utf8')
    expect(text).not.toContain(key.secretAccessKey)
    expect(text).not.toContain('YQ==')
    expect(statSync(join(directory, 'audit', 'audit.log')).mode & 0o777).toBe(0o600)
  })

  test('secrets are encrypted in the store, with a key that only the owner reads', async () => {
    const key = await user('sealed', allow('kinesisanalytics:*'))
    const stored = readFileSync(join(directory, 'access.db')).toString('latin1')
    expect(stored).toContain(key.accessKeyId)
    expect(stored).not.toContain(key.secretAccessKey)
    for (const file of ['access.key', 'access.db', 'credentials', 'monitoring-token']) {
      expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600)
    }
    await endpoint.close()
    await start()
    expect(await as(key, list)).toMatchObject({ status: 200 })
  })

  test('from elsewhere than this machine, health and metrics need the token', async () => {
    const token = readFileSync(join(directory, 'monitoring-token'), 'utf8').trim()
    const forwarded = { 'x-forwarded-for': '10.1.2.3' }
    const get = (path: string, headers: Record<string, string>) => send(endpoint.url, { method: 'GET', path }, headers)
    for (const path of ['/healthz', '/metrics']) {
      expect(await get(path, {})).toMatchObject({ status: 200 })
      expect(await get(path, forwarded)).toMatchObject({ status: 401 })
      expect(await get(path, { ...forwarded, authorization: 'Bearer guess' })).toMatchObject({ status: 401 })
      expect(await get(path, { ...forwarded, authorization: `Bearer ${token}` })).toMatchObject({ status: 200 })
    }
  })
})
