import { createHash, createHmac } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadOrCreateCredentials, parseCredentials } from './credentials-file.ts'
import { rootIdentity } from './principal.ts'
import { canonicalRequest, SignatureVerifier } from './signature-v4.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const nowMs = Date.UTC(2015, 7, 30, 12, 36, 0)

function verifier(now = nowMs, keys = credentials): SignatureVerifier {
  const identity = rootIdentity({ region: 'us-east-1', accountId: '000000000000' }, keys.accessKeyId)
  const holder = { secretAccessKey: keys.secretAccessKey, identity }
  const ring = {
    holderOf: async (id: string, token: string | undefined) =>
      id === keys.accessKeyId && (token === undefined || token === 'token') ? holder : undefined,
  }
  return new SignatureVerifier(ring, 'us-east-1', { now: () => now, monotonicMs: () => now })
}

const get = (headers: IncomingHttpHeaders) => ({ method: 'GET', target: '/', headers })

/** From AWS's published Signature Version 4 test suite: `get-vanilla`, `post-vanilla`, `get-vanilla-query-order-key-case`. */
const published = [
  { method: 'GET', target: '/', signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
  { method: 'POST', target: '/', signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b' },
  {
    method: 'GET',
    target: '/?Param2=value2&Param1=value1',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
]

function publishedHeaders(signature: string, scope = '20150830/us-east-1/service/aws4_request'): IncomingHttpHeaders {
  return {
    host: 'example.amazonaws.com',
    'x-amz-date': '20150830T123600Z',
    authorization:
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, ` + `SignedHeaders=host;x-amz-date, Signature=${signature}`,
  }
}

test.each(published)('the published signature of $method $target is right', async ({ method, target, signature }) => {
  const request = { method, target, headers: publishedHeaders(signature) }
  const claim = await verifier().claim(request, 'service')
  expect(claim.identity.principal).toMatchObject({ kind: 'root', accessKeyId: 'AKIDEXAMPLE' })
  expect(() => verifier().verify(claim, request, Buffer.alloc(0))).not.toThrow()
})

const good = published[1]!

test.each([
  { it: 'another body', change: { body: Buffer.from('x') } },
  { it: 'another path', change: { target: '/other' } },
  { it: 'another method', change: { method: 'GET' } },
  { it: 'another signed header', change: { host: 'evil.example.com' } },
  { it: 'another secret', change: { secretAccessKey: 'guess' } },
])('$it is refused', async ({ change }) => {
  const {
    body = Buffer.alloc(0),
    target = '/',
    method = 'POST',
    host = 'example.amazonaws.com',
  } = change as {
    body?: Buffer
    target?: string
    method?: string
    host?: string
  }
  const keys = { ...credentials, ...('secretAccessKey' in change ? { secretAccessKey: change.secretAccessKey! } : {}) }
  const headers = { ...publishedHeaders(good.signature), host }
  const one = verifier(nowMs, keys)
  const claim = await one.claim({ method, target, headers }, 'service')
  const verify = () => one.verify(claim, { method, target, headers }, body)
  expect(verify).toThrow(expect.objectContaining({ type: 'InvalidSignatureException', status: 403 }))
})

test.each([
  { it: 'no signature', headers: { host: 'h' }, type: 'MissingAuthenticationToken' },
  { it: 'half a signature', headers: { authorization: 'AWS4-HMAC-SHA256 Credential=a' }, type: 'IncompleteSignature' },
  { it: 'another scheme', headers: { authorization: 'Bearer x' }, type: 'IncompleteSignature' },
  {
    it: 'an unknown key',
    headers: {
      ...publishedHeaders(good.signature),
      authorization: publishedHeaders(good.signature).authorization!.replace('AKIDEXAMPLE', 'AKIDOTHER'),
    },
    type: 'UnrecognizedClientException',
  },
  {
    it: 'another region',
    headers: publishedHeaders(good.signature, '20150830/eu-west-1/service/aws4_request'),
    type: 'InvalidSignatureException',
  },
  {
    it: 'another service',
    headers: publishedHeaders(good.signature, '20150830/us-east-1/s3/aws4_request'),
    type: 'InvalidSignatureException',
  },
  {
    it: 'a scope of another day',
    headers: publishedHeaders(good.signature, '20150829/us-east-1/service/aws4_request'),
    type: 'InvalidSignatureException',
  },
])('$it is refused before the body is read', async ({ headers, type }) => {
  await expect(verifier().claim(get(headers), 'service')).rejects.toMatchObject({ type, status: 403 })
})

test.each([
  { minutes: 4.9, isRefused: false },
  { minutes: -4.9, isRefused: false },
  { minutes: 5.1, isRefused: true },
  { minutes: -5.1, isRefused: true },
])('a clock $minutes minutes off: refused $isRefused', async ({ minutes, isRefused }) => {
  const claim = verifier(nowMs + minutes * 60_000).claim(get(publishedHeaders(good.signature)), 'service')
  if (isRefused) await expect(claim).rejects.toMatchObject({ type: 'InvalidSignatureException', status: 403 })
  else await expect(claim).resolves.toMatchObject({ amzDate: '20150830T123600Z' })
})

test.each([
  { header: 'x-amz-target', value: 'Kinesis_20131202.PutRecord' },
  { header: 'x-amz-security-token', value: 'token' },
])('$header must be signed', async ({ header, value }) => {
  const claim = verifier().claim(get({ ...publishedHeaders(good.signature), [header]: value }), 'service')
  await expect(claim).rejects.toMatchObject({ type: 'IncompleteSignature' })
})

/** A URL presigned as the AWS SDK does it. */
function presigned(expires = '60', change: (query: URLSearchParams) => void = () => {}) {
  const scope = '20150830/us-east-1/service/aws4_request'
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `AKIDEXAMPLE/${scope}`,
    'X-Amz-Date': '20150830T123600Z',
    'X-Amz-Expires': expires,
    'X-Amz-SignedHeaders': 'host',
  })
  const headers = { host: 'example.amazonaws.com' }
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const canonical = canonicalRequest({ method: 'GET', target: `/x?${query}`, headers }, ['host'], hash(''))
  let key: Buffer | string = `AWS4${credentials.secretAccessKey}`
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  const toSign = `AWS4-HMAC-SHA256\n20150830T123600Z\n${scope}\n${hash(canonical)}`
  query.set('X-Amz-Signature', createHmac('sha256', key).update(toSign).digest('hex'))
  change(query)
  return { method: 'GET', target: `/x?${query}`, headers }
}

test.each([
  { it: 'a URL within its time', seconds: 59, request: presigned(), isRefused: false },
  { it: 'a URL of an hour', seconds: 3000, request: presigned('3600'), isRefused: false },
  { it: 'a URL after its time', seconds: 61, request: presigned(), isRefused: true },
  { it: 'a URL of the future', seconds: -301, request: presigned(), isRefused: true },
  { it: 'another parameter', seconds: 0, request: presigned('60', (query) => query.set('a', 'b')), isRefused: true },
  { it: 'a longer time', seconds: 0, request: presigned('60', (q) => q.set('X-Amz-Expires', '600')), isRefused: true },
  { it: 'more than a week', seconds: 0, request: presigned('604801'), isRefused: true },
  { it: 'no time', seconds: 0, request: presigned('0'), isRefused: true },
  {
    it: 'a parameter twice',
    seconds: 0,
    request: presigned('60', (q) => q.append('X-Amz-Date', '1')),
    isRefused: true,
  },
])('presigned: $it, refused $isRefused', async ({ seconds, request, isRefused }) => {
  const one = verifier(nowMs + seconds * 1000)
  const verified = one.claim(request, 'service').then((claim) => one.verify(claim, request, Buffer.alloc(0)))
  if (isRefused) await expect(verified).rejects.toMatchObject({ status: 403 })
  else await verified
})

test('a request is signed in one place', async () => {
  const request = presigned()
  const headers = { ...request.headers, ...publishedHeaders(good.signature) }
  await expect(verifier().claim({ ...request, headers }, 'service')).rejects.toMatchObject({
    type: 'IncompleteSignature',
  })
})

test('over HTTP/2 the authority stands for the host, under either name', () => {
  const hash = createHash('sha256').update('').digest('hex')
  const request = { method: 'POST', target: '/', headers: { ':authority': '127.0.0.1:7700' } as IncomingHttpHeaders }
  expect(canonicalRequest(request, ['host'], hash)).toContain('\nhost:127.0.0.1:7700\n')
  expect(canonicalRequest(request, [':authority'], hash)).toContain('\n:authority:127.0.0.1:7700\n')
})

test('keys of other days are not mixed up by the cache', async () => {
  const one = verifier()
  for (let i = 0; i < 3; i++) {
    const claim = await one.claim(get(publishedHeaders(good.signature)), 'service')
    let key: Buffer | string = `AWS4${credentials.secretAccessKey}`
    for (const part of claim.scope.split('/')) key = createHmac('sha256', key).update(part).digest()
    expect(claim.signingKey).toEqual(key)
  }
})

test('the key is made once, readable by its owner alone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-keys-'))
  const inside = join(directory, 'data')
  const [first, second] = await Promise.all([loadOrCreateCredentials(inside), loadOrCreateCredentials(inside)])
  expect(second).toEqual(first)
  expect(await loadOrCreateCredentials(inside)).toEqual(first)
  expect(first.accessKeyId).toMatch(/^[A-Z0-9]{20}$/)
  expect((await stat(inside)).mode & 0o777).toBe(0o700)
  expect((await stat(join(inside, 'credentials'))).mode & 0o777).toBe(0o600)
  expect(parseCredentials(await readFile(join(inside, 'credentials'), 'utf8'))).toEqual(first)
  await writeFile(join(inside, 'credentials'), '[other]\naws_access_key_id = a\naws_secret_access_key = b\n')
  await expect(loadOrCreateCredentials(inside)).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' })
  await rm(directory, { recursive: true })
})
