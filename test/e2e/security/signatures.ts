import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { canonicalRequest } from '../../../packages/service/src/access/signature-v4.ts'
import { jsonCall, signedHeaders, type TestKey } from '../../../packages/service/src/access/signed-request-fixture.ts'
import type { RawAnswer, SecuredService } from './secured-service.ts'

const list = jsonCall('KinesisAnalytics_20180523.ListApplications')
const wrong = 'InvalidSignatureException'
const unknown = 'UnrecognizedClientException'

/** Requests that nobody signed, or not these. */
export async function forgedRequests(service: SecuredService): Promise<number> {
  const { root, url } = service
  const right = signedHeaders(url, root, list)
  const host = new URL(url).host
  const change = (headers: Record<string, string>) => service.send(list, { ...right, host, ...headers })
  const now = Date.now()
  const attempts: [string, Promise<RawAnswer>, string][] = [
    ['unsigned', service.send(list, { ...list.headers, host }), 'MissingAuthenticationToken'],
    ['of another scheme', change({ authorization: 'Basic cm9vdDpyb290' }), 'IncompleteSignature'],
    ['with nothing in it', change({ authorization: 'AWS4-HMAC-SHA256 ' }), 'IncompleteSignature'],
    ['an unknown key', service.signed({ ...root, accessKeyId: 'MRNOBODY000000000000' }, list), unknown],
    ["a prototype's name as key", service.signed({ ...root, accessKeyId: '__proto__' }, list), unknown],
    ['a wrong secret', service.signed({ ...root, secretAccessKey: 'guess' }, list), wrong],
    ['an empty secret', service.signed({ ...root, secretAccessKey: '' }, list), wrong],
    ['no signature', change({ authorization: right['authorization']!.replace(/Signature=.*/, 'Signature=') }), wrong],
    ['a tampered body', service.send({ ...list, body: '{"Limit":1}' }, { ...right, host }), wrong],
    ['a body more', service.send({ ...list, body: '{} ' }, { ...right, host }), wrong],
    ['a tampered target', change({ 'x-amz-target': 'KinesisAnalytics_20180523.DeleteApplication' }), wrong],
    ['another service', change({ 'x-amz-target': 'Kinesis_20131202.ListStreams' }), wrong],
    ['a tampered host', change({ host: 'example.com' }), wrong],
    ['a tampered date', change({ 'x-amz-date': right['x-amz-date']!.replace(/.Z$/, 'X') }), 'IncompleteSignature'],
    ['another path', service.send({ ...list, path: '/x' }, { ...right, host }), wrong],
    ['another query', service.send({ ...list, path: '/?a=b' }, { ...right, host }), wrong],
    ['another method', service.send({ ...list, method: 'PUT' }, { ...right, host }), wrong],
    ['signed for another service', service.signed(root, { ...list, service: 'kinesis' }), wrong],
    ['signed for another region', service.signed(root, { ...list, region: 'eu-west-1' }), wrong],
    ['signed six minutes ago', service.signed(root, { ...list, signedMs: now - 360_000 }), wrong],
    ['signed six minutes ahead', service.signed(root, { ...list, signedMs: now + 360_000 }), wrong],
    ['signed in another year', service.signed(root, { ...list, signedMs: now - 366 * 86_400_000 }), wrong],
    ['without its target signed', service.send(list, { ...unsignedTarget(service), host }), 'IncompleteSignature'],
    ['a session token nobody made', service.signed({ ...root, sessionToken: 'e30.e30' }, list), unknown],
  ]
  for (const [it, answer, error] of attempts) refused(it, await answer, error)
  return attempts.length + (await replays(service)) + (await presigned(service))
}

/** The same again is taken for five minutes, as at Amazon; afterwards, and as anything else, it isn't. */
async function replays(service: SecuredService): Promise<number> {
  const { root, url } = service
  const host = new URL(url).host
  const old: Record<string, string> = {
    ...signedHeaders(url, root, { ...list, signedMs: Date.now() - 290_000 }),
    host,
  }
  assert.equal((await service.send(list, old)).status, 200, 'within its time')
  assert.equal((await service.send(list, old)).status, 200, 'the same again: a client that tries again')
  const other = { 'x-amz-target': 'KinesisAnalytics_20180523.DescribeApplication' }
  const late = { ...signedHeaders(url, root, { ...list, signedMs: Date.now() - 301_000 }), host }
  refused('replayed with another body', await service.send({ ...list, body: '{"Limit":2}' }, old), wrong)
  refused('replayed for another operation', await service.send(list, { ...old, ...other }), wrong)
  refused('replayed at another host', await service.send(list, { ...old, host: `localhost:${service.port}` }), wrong)
  refused('replayed after its time', await service.send(list, late), wrong)
  const renewed = { ...late, 'x-amz-date': old['x-amz-date'] as string }
  refused('replayed with a newer date', await service.send(list, renewed), wrong)
  return 5
}

/** SigV4 in the query. */
async function presigned(service: SecuredService): Promise<number> {
  const headers = { host: new URL(service.url).host }
  const open = (path: string, method = 'GET') => service.send({ method, path }, headers)
  const now = Date.now()
  const url = presignedPath(service, '/apps/red/logs', now)
  assert.equal((await open(url)).status, 200, 'presigned')
  const rewritten = (from: string | RegExp, to: string) => open(url.replace(from, to))
  refused('for another application', await rewritten('/apps/red/', '/apps/blue/'), wrong)
  refused('for another part', await rewritten('/logs?', '/metrics?'), wrong)
  refused('with more in it', await open(`${url}&tail=1`), wrong)
  refused('for longer', await rewritten('X-Amz-Expires=60', 'X-Amz-Expires=3600'), wrong)
  refused('for two times', await open(`${url}&X-Amz-Expires=3600`), 'IncompleteSignature')
  refused('without an end', await rewritten('X-Amz-Expires=60&', ''), 'IncompleteSignature')
  refused('used late', await open(presignedPath(service, '/apps/red/logs', now - 61_000)), wrong)
  refused('used too early', await open(presignedPath(service, '/apps/red/logs', now + 360_000)), wrong)
  const twice = { ...signedHeaders(service.url, service.root, { method: 'GET', path: url }), ...headers }
  refused('signed twice', await service.send({ method: 'GET', path: url }, twice), 'IncompleteSignature')
  const posted = await open(presignedPath(service, '/apps/red/flink/v1/jobs/overview', now), 'POST')
  assert.equal(posted.status, 403, `with POST: ${posted.text}`)
  return 10
}

/** Path and query of a GET that holds for a minute. */
function presignedPath({ url, root }: SecuredService, path: string, signedMs: number): string {
  const date = new Date(signedMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${date.slice(0, 8)}/us-east-1/kinesisanalytics/aws4_request`
  const credential = encodeURIComponent(`${root.accessKeyId}/${scope}`)
  const terms = `X-Amz-Date=${date}&X-Amz-Expires=60&X-Amz-SignedHeaders=host`
  const target = `${path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${credential}&${terms}`
  const request = { method: 'GET', target, headers: { host: new URL(url).host } }
  const canonical = canonicalRequest(request, ['host'], hash(''))
  let key = Buffer.from(`AWS4${root.secretAccessKey}`)
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(canonical)}`
  return `${target}&X-Amz-Signature=${createHmac('sha256', key).update(toSign).digest('hex')}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Keys that were good once. */
export async function endedKeys(service: SecuredService): Promise<number> {
  const key = await service.user('leaver', { Effect: 'Allow', Action: 'kinesisanalytics:*', Resource: '*' })
  const works = async (is: boolean, it: string, used: TestKey = key) => {
    const answer = await service.signed(used, list)
    if (is) assert.equal(answer.status, 200, it)
    else refused(it, answer, unknown)
  }
  const status = (Status: string) =>
    service.must('MillraceAccess.UpdateAccessKey', { AccessKeyId: key.accessKeyId, Status })
  await works(true, 'a new key')
  await status('Inactive')
  await works(false, 'a disabled key')
  await status('Active')
  await works(true, 'a key that is enabled again')
  const { AccessKey } = await service.must<{ AccessKey: { AccessKeyId: string; SecretAccessKey: string } }>(
    'MillraceAccess.CreateAccessKey',
    { UserName: 'leaver' },
  )
  const second = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey }
  service.secret('a second key', second.secretAccessKey)
  await works(true, 'a second key', second)
  await service.must('MillraceAccess.DeleteAccessKey', { AccessKeyId: second.accessKeyId })
  await works(false, 'a deleted key', second)
  const deleted = await service.call(service.root, 'MillraceAccess.DeleteUser', { UserName: 'leaver' })
  if (deleted.status !== 200) {
    // A user with keys or policies is not deleted in passing.
    await service.must('MillraceAccess.DeletePolicy', { UserName: 'leaver', PolicyName: 'test' })
    await service.must('MillraceAccess.DeleteAccessKey', { AccessKeyId: key.accessKeyId })
    await service.must('MillraceAccess.DeleteUser', { UserName: 'leaver' })
  }
  await works(false, "a deleted user's key")
  return 3
}

function unsignedTarget(service: SecuredService): Record<string, string> {
  const { 'x-amz-target': target = '', ...headers } = list.headers ?? {}
  return { ...signedHeaders(service.url, service.root, { ...list, headers }), 'x-amz-target': target }
}

/** That an answer is this refusal. */
export function refused(it: string, { status, error, text }: RawAnswer, expected: string, expectedStatus = 403): void {
  assert.deepEqual([status, error], [expectedStatus, expected], `${it}: ${status} ${text.slice(0, 300)}`)
}
