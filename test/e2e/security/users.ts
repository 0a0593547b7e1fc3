import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AccessDeniedException, KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis'
import { KinesisAnalyticsV2Client, ListApplicationsCommand } from '@aws-sdk/client-kinesis-analytics-v2'
import { AuthorizationErrorException, ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns'
import type { TestKey } from '../../../packages/service/src/access/signed-request-fixture.ts'
import { type SecuredService, waitFor } from './secured-service.ts'
import { refused } from './signatures.ts'

const api = 'KinesisAnalytics_20180523.'
const account = '000000000000'
const role = `arn:aws:iam::${account}:role/millrace-application`
const denied = 'AccessDeniedException'

/** An application without code, tagged with the team it belongs to. */
export async function createApplication(service: SecuredService, ApplicationName: string, more = {}): Promise<void> {
  const input = { ApplicationName, RuntimeEnvironment: 'FLINK-1_20', ServiceExecutionRole: role, ...more }
  await service.must(`${api}CreateApplication`, input)
}

/** Users who may do something, and want more. */
export async function crossingUsers(service: SecuredService): Promise<number> {
  const team = { StringEquals: { 'aws:ResourceTag/team': `$\{aws:PrincipalTag/team}` } }
  const ann = await service.user(
    'ann',
    [{ Effect: 'Allow', Action: ['kinesisanalytics:*', 'millrace:*'], Resource: '*', Condition: team }],
    { team: 'red' },
  )
  const about = (ApplicationName: string) => ({ ApplicationName })
  assert.equal((await service.call(ann, `${api}DescribeApplication`, about('red'))).status, 200)
  const calls: [string, object][] = [
    ['DescribeApplication', about('blue')],
    ['StartApplication', about('blue')],
    ['StopApplication', { ...about('blue'), Force: true }],
    ['UpdateApplication', { ...about('blue'), CurrentApplicationVersionId: 1 }],
    ['DeleteApplication', { ...about('blue'), CreateTimestamp: 1 }],
    ['CreateApplicationSnapshot', { ...about('blue'), SnapshotName: 'mine' }],
    ['ListApplicationSnapshots', about('blue')],
    ['RollbackApplication', { ...about('blue'), CurrentApplicationVersionId: 1 }],
    ['CreateApplicationPresignedUrl', { ...about('blue'), UrlType: 'FLINK_DASHBOARD_URL' }],
    ['TagResource', { ResourceARN: arnOf('blue'), Tags: [{ Key: 'team', Value: 'red' }] }],
    ['UntagResource', { ResourceARN: arnOf('blue'), TagKeys: ['team'] }],
    ['ListTagsForResource', { ResourceARN: arnOf('blue') }],
    ['DescribeApplication', about('missing')],
  ]
  for (const [name, input] of calls) refused(name, await service.call(ann, `${api}${name}`, input), denied)
  const routes = ['logs', 'metrics', 'flink/', 'flink/v1/jobs/overview', 'flink/v1/config']
  for (const route of routes) {
    const answer = await service.signed(ann, { method: 'GET', path: `/apps/blue/${route}` })
    assert.equal(answer.status, 403, `/apps/blue/${route}: ${answer.text}`)
  }
  for (const target of ['CreateUser', 'ListUsers', 'CreateAccessKey', 'PutPolicy', 'ReadAudit', 'DeleteRole']) {
    const input = { UserName: 'ann', RoleName: 'millrace-application', PolicyName: 'p', PolicyDocument: '{}' }
    refused(target, await service.call(ann, `MillraceAccess.${target}`, input), denied)
  }
  return calls.length + routes.length + 6 + (await policies(service))
}

async function policies(service: SecuredService): Promise<number> {
  const all = { Effect: 'Allow', Action: 'kinesisanalytics:*', Resource: '*' }
  const deny = (Condition: object) => ({ ...all, Effect: 'Deny', Condition })
  const list = (key: TestKey) => service.call(key, `${api}ListApplications`)
  const cases: [string, object[]][] = [
    ['explicit', [all, { ...all, Effect: 'Deny', Action: 'kinesisanalytics:L*' }]],
    ['from-here', [all, deny({ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } })]],
    ['not-from-there', [{ ...all, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }]],
    ['too-late', [{ ...all, Condition: { DateLessThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } } }]],
    ['in-cleartext', [all, deny({ Bool: { 'aws:SecureTransport': 'false' } })]],
  ]
  for (const [name, statements] of cases) {
    refused(name, await list(await service.user(name, statements)), denied)
  }
  // Who says to come from elsewhere is believed nothing.
  const there = await service.user('there', [{ ...all, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }])
  const forwarded = { 'x-forwarded-for': '10.1.2.3', forwarded: 'for=10.1.2.3' }
  const headers = { 'x-amz-target': `${api}ListApplications`, 'content-type': 'application/x-amz-json-1.1' }
  const pretended = await service.signed(there, { headers: { ...headers, ...forwarded }, body: '{}' })
  refused('X-Forwarded-For', pretended, denied)
  const tagged = await service.user('tagged', [
    { ...all, Condition: { StringEquals: { 'aws:RequestTag/team': 'red' } } },
    { Effect: 'Allow', Action: 'iam:PassRole', Resource: role },
  ])
  const create = (key: TestKey, more: object) => {
    const input = { ApplicationName: 'own', RuntimeEnvironment: 'FLINK-1_20', ServiceExecutionRole: role, ...more }
    return service.call(key, `${api}CreateApplication`, input)
  }
  const blue = { Tags: [{ Key: 'team', Value: 'blue' }] }
  refused('another tag', await create(tagged, blue), denied)
  const without = await service.user('without-role', [all])
  refused('a role that is not theirs to pass', await create(without, {}), denied)
  const update = { ApplicationName: 'red', CurrentApplicationVersionId: 1, ServiceExecutionRoleUpdate: role }
  refused('a role by update', await service.call(without, `${api}UpdateApplication`, update), denied)
  return cases.length + 4
}

/** What each client of Amazon's makes of a refusal. */
export async function typedRefusals(service: SecuredService): Promise<void> {
  const credentials = await service.user('nobody', { Effect: 'Deny', Action: '*', Resource: '*' })
  const settings = { endpoint: service.url, region: 'us-east-1', credentials, maxAttempts: 1 }
  const kinesis = new KinesisClient(settings)
  const sns = new SNSClient(settings)
  const applications = new KinesisAnalyticsV2Client(settings)
  await assert.rejects(kinesis.send(new ListStreamsCommand({})), AccessDeniedException)
  await assert.rejects(sns.send(new ListTopicsCommand({})), AuthorizationErrorException)
  await assert.rejects(applications.send(new ListApplicationsCommand({})), { name: denied, $fault: 'client' })
  for (const client of [kinesis, sns, applications]) client.destroy()
}

/** The session that a running application has, while it runs and after. */
export async function applicationSessions(service: SecuredService, application: string): Promise<number> {
  const session = sessionOf(service, application)
  service.secret(`the session's secret of ${application}`, session.secretAccessKey)
  service.secret(`the session's token of ${application}`, session.sessionToken as string)
  const streams = (key: TestKey) => service.call(key, 'Kinesis_20131202.ListStreams')
  assert.equal((await streams(session)).status, 200, 'while it runs')
  const own = await service.call(session, `${api}DescribeApplication`, { ApplicationName: application })
  refused('what its role may not', own, denied)
  const managing = await service.call(session, 'MillraceAccess.ListUsers')
  refused('managing access', managing, denied)
  const { sessionToken: _token, ...half } = session
  const unknown = 'UnrecognizedClientException'
  refused('without its token', await streams(half), unknown)
  refused('with a changed token', await streams({ ...session, sessionToken: `${session.sessionToken}x` }), unknown)
  const secret = { ...session, secretAccessKey: service.root.secretAccessKey }
  refused('with another secret', await streams(secret), 'InvalidSignatureException')
  await service.must(`${api}StopApplication`, { ApplicationName: application, Force: true })
  await waitFor(async () => (await streams(session)).status === 403, 'the end of the session')
  refused('after its process', await streams(session), unknown)
  return 6
}

function sessionOf(service: SecuredService, application: string): TestKey {
  const text = readFileSync(join(service.data, 'apps', application, 'given/credentials'), 'utf8')
  const value = (name: string): string => new RegExp(`${name}\\s*=\\s*(\\S+)`).exec(text)?.[1] ?? ''
  return {
    accessKeyId: value('aws_access_key_id'),
    secretAccessKey: value('aws_secret_access_key'),
    sessionToken: value('aws_session_token'),
  }
}

/** Links to the monitoring pages, and the cookies they give. */
export async function dashboardLinks(service: SecuredService): Promise<number> {
  const input = { ApplicationName: 'red', UrlType: 'FLINK_DASHBOARD_URL', SessionExpirationDurationInSeconds: 1800 }
  const { AuthorizedUrl } = await service.must<{ AuthorizedUrl: string }>(`${api}CreateApplicationPresignedUrl`, input)
  const link = new URL(AuthorizedUrl)
  service.secret('the token of a link', link.searchParams.get('link') as string)
  const host = link.host
  const path = link.pathname + link.search
  const open = (asked: string, method = 'GET') => service.send({ method, path: asked }, { host })
  const isDenied = async (it: string, answer: Promise<{ status: number }>) =>
    assert.equal((await answer).status, 403, it)
  await isDenied('for another application', open(path.replace('/apps/red/', '/apps/blue/')))
  await isDenied('for its logs', open(path.replace('/flink/', '/logs')))
  await isDenied('with POST', open(path, 'POST'))
  await isDenied('with PATCH', open(path, 'PATCH'))
  await isDenied('changed', open(path.replace('link=ey', 'link=eX')))
  await isDenied('cut', open(path.slice(0, -1)))
  const opened = await open(path)
  assert.equal(opened.status, 200)
  const cookie = opened.headers['set-cookie']?.[0]?.split(';')[0] as string
  service.secret("a browser's session", cookie.split('=')[1] as string)
  const browse = (asked: string, method = 'GET', sent = cookie) =>
    service.send({ method, path: asked }, { host, cookie: sent })
  assert.equal((await browse('/apps/red/flink/')).status, 200)
  await isDenied('cookie: of another application', browse('/apps/blue/flink/'))
  await isDenied('cookie: logs', browse('/apps/red/logs'))
  await isDenied('cookie: POST', browse('/apps/red/flink/v1/jobs/x/savepoints', 'POST'))
  await isDenied('cookie: PATCH', browse('/apps/red/flink/v1/jobs/x', 'PATCH'))
  await isDenied('cookie: changed', browse('/apps/red/flink/', 'GET', `${cookie}x`))
  await isDenied('cookie: a link', browse('/apps/red/flink/', 'GET', `millrace-flink=${link.searchParams.get('link')}`))
  return 12
}

function arnOf(name: string): string {
  return `arn:aws:kinesisanalytics:us-east-1:${account}:application/${name}`
}
