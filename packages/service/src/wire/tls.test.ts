import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectHttp2, constants } from 'node:http2'
import { request } from 'node:https'
import { connect as connectNet } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createUser,
  jsonCall,
  signedHeaders,
  type TestKey,
  type TestRequest,
} from '../access/signed-request-fixture.ts'
import { type Endpoint, startEndpoint } from '../endpoint.ts'
import { selfSignedCertificate } from '../notifications/certificate.ts'

let directory: string
let endpoint: Endpoint
/** Allowed over TLS alone. */
let onlySecure: TestKey
const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
const list = jsonCall('Kinesis_20131202.ListStreams')

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
  newCertificate()
  const data = join(directory, 'data')
  const plain = await startEndpoint({ dataDirectory: data }, parts)
  onlySecure = await createUser(plain.url, plain.credentials, 'secure', {
    Effect: 'Allow',
    Action: 'kinesis:ListStreams',
    Resource: '*',
    Condition: { Bool: { 'aws:SecureTransport': 'true' }, IpAddress: { 'aws:SourceIp': '127.0.0.1' } },
  })
  await plain.close()
  const tls = { certificateFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem') }
  const deadlines = { headersMs: 300, bodyIdleMs: 1000, bodyTotalMs: 2000, answerStallMs: 2000, keepAliveMs: 5000 }
  endpoint = await startEndpoint({ dataDirectory: data, tls, deadlines, maxConnections: 8 }, parts)
})

afterAll(async () => {
  await endpoint.close()
  await rm(directory, { recursive: true })
})

/** Writes another one; its SHA-256 fingerprint. */
function newCertificate(): string {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const certificate = selfSignedCertificate(privateKey, publicKey, systemClock.now())
  writeFileSync(join(directory, 'cert.pem'), certificate)
  writeFileSync(join(directory, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return new X509Certificate(certificate).fingerprint256
}

function overHttp1(key: TestKey, call: TestRequest): Promise<number | undefined> {
  const headers = signedHeaders(endpoint.url, key, call)
  return new Promise((resolve, reject) => {
    const sent = request(
      endpoint.url,
      { method: 'POST', headers, rejectUnauthorized: false, agent: false },
      (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode))
      },
    )
    sent.on('error', reject).end(call.body)
  })
}

function overHttp2(key: TestKey, call: TestRequest): Promise<number> {
  const { authorization, ...headers } = signedHeaders(endpoint.url, key, call)
  const session = connectHttp2(endpoint.url, { rejectUnauthorized: false })
  return new Promise<number>((resolve, reject) => {
    session.on('error', reject)
    const stream = session.request({ ...headers, authorization, [constants.HTTP2_HEADER_METHOD]: 'POST' })
    stream.on('response', ({ ':status': status }) => resolve(status!)).on('error', reject)
    stream.resume().end(call.body)
  }).finally(() => session.close())
}

function handshake(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: endpoint.port, rejectUnauthorized: false }, () => resolve(socket))
    socket.on('error', reject)
  })
}

test('HTTP/1.1 and HTTP/2 are served over TLS, and policies see that they are', async () => {
  expect(endpoint.url).toMatch(/^https:/)
  expect(await overHttp1(endpoint.credentials, list)).toBe(200)
  expect(await overHttp2(endpoint.credentials, list)).toBe(200)
  expect(await overHttp1(onlySecure, list)).toBe(200)
  expect(await overHttp2(onlySecure, list)).toBe(200)
  expect(await overHttp1({ ...onlySecure, secretAccessKey: 'guess' }, list)).toBe(403)
})

test('a renewed certificate serves the next connection; one that is none is not taken', async () => {
  const shown = async () => {
    const socket = await handshake()
    const { raw } = socket.getPeerCertificate()
    socket.destroy()
    return createHash('sha256').update(raw).digest('hex').toUpperCase()
  }
  const before = await shown()
  const renewed = newCertificate().replaceAll(':', '')
  expect(await shown()).toBe(before)
  await endpoint.reloadCertificate()
  expect(await shown()).toBe(renewed)
  writeFileSync(join(directory, 'cert.pem'), 'nothing')
  await endpoint.reloadCertificate()
  expect(await shown()).toBe(renewed)
})

test('who says nothing, or no TLS, is closed and holds no place', async () => {
  const closed = Array.from({ length: 12 }, () => {
    const socket = connectNet(endpoint.port, '127.0.0.1')
    return new Promise<void>(
      (resolve) =>
        void socket
          .resume()
          .on('error', () => {})
          .once('close', () => resolve()),
    )
  })
  await Promise.all(closed)
  const plainly = connectNet(endpoint.port, '127.0.0.1', () =>
    plainly.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'),
  )
  const answer = await new Promise<string>((resolve) => {
    let text = ''
    plainly.on('data', (bytes) => {
      text += bytes.toString('latin1')
    })
    plainly.on('error', () => {}).once('close', () => resolve(text))
  })
  expect(answer).not.toContain('200')
  expect(await overHttp1(endpoint.credentials, list)).toBe(200)
})

test('where others can listen, it has to be encrypted', async () => {
  const settings = { dataDirectory: join(directory, 'other'), host: '0.0.0.0' }
  await expect(startEndpoint(settings, parts)).rejects.toMatchObject({ code: 'TLS_REQUIRED' })
  const tls = { certificateFile: join(directory, 'cert.pem'), keyFile: join(directory, 'missing.pem') }
  await expect(startEndpoint({ ...settings, tls }, parts)).rejects.toMatchObject({ code: 'TLS_CERTIFICATE_INVALID' })
})
