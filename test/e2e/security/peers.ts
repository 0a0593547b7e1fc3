import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  jsonCall,
  signedHeaders,
  type TestRequest,
} from '../../../packages/service/src/access/signed-request-fixture.ts'
import type { SecuredService } from './secured-service.ts'
import { refused } from './signatures.ts'

const list = jsonCall('KinesisAnalytics_20180523.ListApplications')

/** Bodies that are larger than what their service takes. */
export async function oversized(service: SecuredService): Promise<number> {
  const limits: [string, TestRequest, number][] = [
    ['KinesisAnalyticsV2', list, 72 << 20],
    ['Kinesis', jsonCall('Kinesis_20131202.ListStreams'), 16 << 20],
    ['access', jsonCall('MillraceAccess.ListUsers'), 64 << 10],
    ['monitoring', { method: 'POST', path: '/apps/red/flink/v1/jobs/x/stop' }, 1 << 20],
  ]
  for (const [it, request, limit] of limits) {
    const declared = await sendRaw(service, headOf(service, request, `content-length: ${limit + 1}`))
    assert.match(declared, /^HTTP\/1\.1 413 /, `${it}, declared: ${declared.slice(0, 200)}`)
    if (limit > 16 << 20) continue
    const endless = await sendRaw(service, headOf(service, request, 'transfer-encoding: chunked'), limit + (128 << 10))
    assert.match(endless, /^HTTP\/1\.1 413 /, `${it}, endless: ${endless.slice(0, 200)}`)
  }
  const nested = { ...list, body: `${'['.repeat(200_000)}${']'.repeat(200_000)}` }
  refused('nested JSON', await service.signed(service.root, nested), 'SerializationException', 400)
  return limits.length * 2
}

/** Requests that two servers in a row would understand in two ways: none is answered with what its second half asks. */
export async function smuggled(service: SecuredService): Promise<number> {
  const inner = 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'
  const chunked = `0\r\n\r\n${inner}`
  const attempts: [string, string][] = [
    [
      'two lengths',
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: ${inner.length}\r\n\r\n${inner}`,
    ],
    ['two lengths in one', `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0, ${inner.length}\r\n\r\n${inner}`],
    ['a length with a sign', `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +0\r\n\r\n${inner}`],
    ['a length in hex', `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0x0\r\n\r\n${inner}`],
    [
      'a length and chunks',
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${chunked.length}\r\ntransfer-encoding: chunked\r\n\r\n${chunked}`,
    ],
    [
      'chunks and a length',
      `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n${chunked}`,
    ],
    ['chunks, then something else', `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, x\r\n\r\n${chunked}`],
    ['an unknown coding', `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n${chunked}`],
    ['a blank before the colon', `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n${chunked}`],
    ['a folded header', `POST / HTTP/1.1\r\nhost: x\r\nx: y\r\n transfer-encoding: chunked\r\n\r\n${chunked}`],
    ['a bare line feed', `POST / HTTP/1.1\nhost: x\ncontent-length: 0\n\n${inner}`],
    ['a chunk of no size', `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\r\n${inner}`],
    [
      'a chunk too large',
      `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n${inner}`,
    ],
    ['a NUL in a header', `POST / HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n${inner}`],
    ['a carriage return in a header', `POST / HTTP/1.1\r\nhost: x\r\nx: a\rcontent-length: 0\r\n\r\n${inner}`],
  ]
  for (const [it, bytes] of attempts) {
    const answer = await sendRaw(service, bytes)
    assert.doesNotMatch(answer, /HTTP\/1\.1 200|millrace_/, `${it}: ${answer.slice(0, 300)}`)
  }
  return attempts.length
}

/** More headers than anybody needs, in each of the protocols. */
export async function headerFloods(service: SecuredService): Promise<number> {
  const floods = [
    `x: ${'y'.repeat(1 << 20)}\r\n`,
    Array.from({ length: 20_000 }, (_, i) => `x${i}: y\r\n`).join(''),
    `cookie: ${'a=b; '.repeat(50_000)}\r\n`,
  ]
  for (const flood of floods) {
    const answer = await sendRaw(service, `GET /healthz HTTP/1.1\r\nhost: x\r\n${flood}\r\n`)
    assert.doesNotMatch(answer, /^HTTP\/1\.1 200/)
  }
  assert.doesNotMatch(
    await sendRaw(service, `GET /${'x'.repeat(1 << 20)} HTTP/1.1\r\nhost: x\r\n\r\n`),
    /HTTP\/1\.1 200/,
  )
  const session = connectHttp2(service.url)
  session.on('error', () => {})
  const stream = session.request({ ':path': '/healthz', ...Object.fromEntries(pairs(4_000)) })
  let status: number | undefined
  stream.on('response', (headers) => {
    status = headers[':status']
  })
  stream.on('error', () => {})
  stream.resume()
  await new Promise((resolve) => stream.once('close', resolve))
  assert.notEqual(status, 200)
  session.destroy()
  return floods.length + 2
}

/** Streams of HTTP/2 that are opened and taken back at once, by tens of thousands. */
export async function resetFlood(service: SecuredService): Promise<void> {
  const session = connectHttp2(service.url)
  session.on('error', () => {})
  for (let i = 0; i < 20_000 && !session.destroyed; i++) {
    const stream = session.request({ ':path': '/healthz', ':method': 'GET' })
    stream.on('error', () => {})
    stream.close(8)
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await service.assertWell()
  session.destroy()
}

/**
 * 1,500 connections that say nothing, half a header or half a body: who is connected already is served all the while, the
 * others as soon as the deadlines have closed them.
 */
export async function slowPeers(service: SecuredService): Promise<string> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const healthy = () =>
    new Promise<number>((resolve, reject) => {
      const sent = httpRequest({ host: '127.0.0.1', port: service.port, path: '/healthz', agent }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      })
      sent.on('error', reject)
      sent.end()
    })
  assert.equal(await healthy(), 200)
  const halfBody = headOf(service, list, `content-length: ${60 << 20}`) + ' '.repeat(4 << 20)
  const sockets: Socket[] = []
  for (let i = 0; i < 60; i++) sockets.push(open(service, halfBody))
  for (let i = 0; i < 440; i++)
    sockets.push(open(service, i % 2 === 0 ? '' : 'POST /apps/red/logs HTTP/1.1\r\nhost: x\r\n'))
  await sleep(1_000)
  for (let i = 0; i < 20; i++) assert.equal((await service.signed(service.root, list)).status, 200)
  // More than there may be at a time.
  for (let i = 0; i < 1_000; i++) sockets.push(open(service, ''))
  await sleep(500)
  for (let i = 0; i < 20; i++) assert.equal(await healthy(), 200, 'one who was there before')
  await Promise.all(sockets.map(closeOf))
  await service.assertWell()
  agent.destroy()
  return `${sockets.length} connections that say nothing, or half of it: all closed, others served`
}

function* pairs(count: number): Generator<[string, string]> {
  for (let i = 0; i < count; i++) yield [`x-${i}`, 'y'.repeat(100)]
}

/** A signed request's head; its length or coding is up to the caller. */
function headOf(service: SecuredService, request: TestRequest, line: string): string {
  const { method = 'POST', path = '/' } = request
  const headers = { ...signedHeaders(service.url, service.root, request), host: new URL(service.url).host }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}${line}\r\n\r\n`
}

function open(service: SecuredService, bytes: string): Socket {
  const socket = connect(service.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  socket.write(bytes)
  return socket
}

/** Sends bytes, then chunks of `bodyBytes` in all, and answers with what comes until the end or for a second. */
async function sendRaw(service: SecuredService, bytes: string, bodyBytes = 0): Promise<string> {
  const socket = connect(service.port, '127.0.0.1')
  socket.on('error', () => {})
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1')
  })
  const closed = closeOf(socket)
  socket.write(bytes)
  const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
  for (let sent = 0; sent < bodyBytes && !socket.destroyed && answer === ''; sent += 0x8000) {
    if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
  }
  await Promise.race([closed, sleep(1_000)])
  socket.destroy()
  return answer
}

/** Also when it is reset. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))
}
