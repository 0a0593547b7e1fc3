import { createHash, createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Endpoint, startEndpoint } from '../endpoint.ts'

const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
const deadlines = { headersMs: 300, bodyIdleMs: 300, bodyTotalMs: 900, answerStallMs: 5_000, keepAliveMs: 600 }

let directory: string
let endpoint: Endpoint

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-wire-'))
  const settings = { dataDirectory: directory, deadlines, maxConnections: 20, maxInFlightBytes: 1 << 20 }
  endpoint = await startEndpoint(settings, parts)
})

afterEach(async () => {
  await endpoint.close()
  await rm(directory, { recursive: true })
})

/** A raw connection: what came back, and whether it is closed. */
function raw(): { socket: Socket; received: () => string; closed: Promise<void> } {
  const socket = connect(endpoint.port, '127.0.0.1')
  let text = ''
  socket.on('data', (piece) => {
    text += piece.toString('latin1')
  })
  socket.on('error', () => {})
  return { socket, received: () => text, closed: new Promise((resolve) => socket.once('close', () => resolve())) }
}

function signedRequest(
  target: string,
  body: string,
  more: { date?: number; length?: number; type?: string } = {},
): string {
  const date = new Date(more.date ?? Date.now()).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${date.slice(0, 8)}/us-east-1/kinesis/aws4_request`
  const headers = { host: `127.0.0.1:${endpoint.port}`, 'x-amz-date': date, 'x-amz-target': target }
  const names = Object.keys(headers).join(';')
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  const sha = (text: string) => createHash('sha256').update(text).digest('hex')
  const canonical = `POST\n/\n\n${lines.join('')}\n${names}\n${sha(body)}`
  let key: Buffer | string = `AWS4${endpoint.credentials.secretAccessKey}`
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  const signature = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha(canonical)}`)
    .digest('hex')
  const credential = `${endpoint.credentials.accessKeyId}/${scope}`
  return (
    `POST / HTTP/1.1\r\n${lines.join('').replaceAll('\n', '\r\n')}` +
    `content-type: ${more.type ?? 'application/x-amz-json-1.1'}\r\ncontent-length: ${more.length ?? body.length}\r\n` +
    `authorization: AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}\r\n\r\n${body}`
  )
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('health is answered over both protocols, without a signature', async () => {
  expect(await (await fetch(`${endpoint.url}/healthz`)).text()).toBe('ok\n')
  const session = connectHttp2(endpoint.url)
  const stream = session.request({ ':path': '/healthz' })
  const status = await new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])))
  expect(status).toBe(200)
  session.destroy()
})

test('a preface that comes byte by byte still makes an HTTP/2 connection', async () => {
  const { socket, received } = raw()
  socket.setNoDelay(true)
  for (const byte of Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) {
    socket.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  // An empty SETTINGS frame; the server's own begins with its length and type 4.
  socket.write(Buffer.from('000000040000000000', 'hex'))
  await until(() => received().length >= 9)
  expect(received().charCodeAt(3)).toBe(constants.NGHTTP2_SETTINGS_MAX_FRAME_SIZE === 5 ? 4 : -1)
  socket.destroy()
})

test('a signed request is answered, one after the other on a connection', async () => {
  const { socket, received } = raw()
  socket.write(signedRequest('Kinesis_20131202.ListStreams', '{}'))
  await until(() => received().includes('"HasMoreStreams":false'))
  expect(received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(received()).toMatch(/x-amzn-requestid: [0-9a-f-]{36}\r\n/i)
  expect(received()).toMatch(/\r\ndate: /i)
  socket.write(signedRequest('Kinesis_20131202.DescribeStream', '{"StreamName":"none"}'))
  await until(() => received().includes('ResourceNotFoundException'))
  socket.destroy()
})

test.each([
  { it: 'no target', target: undefined, body: '{}', status: 400, type: 'UnknownOperationException' },
  {
    it: 'an unknown service',
    target: 'DynamoDB_20120810.ListTables',
    body: '{}',
    status: 400,
    type: 'UnknownOperationException',
  },
  {
    it: 'no signature',
    target: 'Kinesis_20131202.ListStreams',
    body: '{}',
    status: 403,
    type: 'MissingAuthenticationToken',
  },
])('$it: $status $type', async ({ target, body, status, type }) => {
  const headers = {
    ...(target === undefined ? {} : { 'x-amz-target': target }),
    'content-type': 'application/x-amz-json-1.1',
  }
  const answer = await fetch(endpoint.url, { method: 'POST', headers, body })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('x-amzn-errortype')).toBe(type)
  expect(await answer.json()).toMatchObject({ __type: type, message: expect.any(String) })
})

test('an old date, junk JSON and an unknown operation get their errors', async () => {
  const { socket, received } = raw()
  socket.write(signedRequest('Kinesis_20131202.ListStreams', '{}', { date: Date.now() - 6 * 60_000 }))
  await until(() => received().includes('Signature expired'))
  expect(received()).toContain('HTTP/1.1 403')
  socket.destroy()
  const second = raw()
  second.socket.write(signedRequest('Kinesis_20131202.ListStreams', '{'))
  await until(() => second.received().includes('SerializationException'))
  second.socket.write(signedRequest('Kinesis_20131202.Nonsense', '{}'))
  await until(() => second.received().includes('UnknownOperationException'))
  second.socket.destroy()
})

test('CBOR is answered in CBOR', async () => {
  const { socket, received } = raw()
  const type = 'application/x-amz-cbor-1.1'
  socket.write(signedRequest('Kinesis_20131202.ListStreams', '\xbf\xff'.slice(0, 0), { type }))
  await until(() => received().includes('HasMoreStreams'))
  expect(received()).toContain(`content-type: ${type}`)
  socket.destroy()
})

test('connections that say nothing, or only half a request, are closed', async () => {
  const silent = raw()
  const halfHeader = raw()
  halfHeader.socket.write('POST / HTTP/1.1\r\nhost: x\r\n')
  const halfPreface = raw()
  halfPreface.socket.write('PRI * HTTP')
  const onlyPreface = raw()
  onlyPreface.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  const halfBody = raw()
  halfBody.socket.write(signedRequest('Kinesis_20131202.ListStreams', '{}', { length: 1000 }))
  await Promise.all([silent, halfHeader, halfPreface, onlyPreface, halfBody].map(({ closed }) => closed))
  expect((await fetch(`${endpoint.url}/healthz`)).status).toBe(200)
})

test('a body that trickles in ends at the total deadline', async () => {
  const { socket, closed } = raw()
  socket.write(signedRequest('Kinesis_20131202.ListStreams', '{', { length: 100_000 }))
  const trickle = setInterval(() => socket.write(' '), 50)
  await closed
  clearInterval(trickle)
})

test('a connection that is kept is closed after its idle time, and half a second request much sooner', async () => {
  const idle = raw()
  idle.socket.write(signedRequest('Kinesis_20131202.ListStreams', '{}'))
  const half = raw()
  half.socket.write(signedRequest('Kinesis_20131202.ListStreams', '{}'))
  await until(() => half.received().includes('HasMoreStreams'))
  half.socket.write('POST / HT')
  await Promise.all([idle.closed, half.closed])
})

test('too large a body is refused, announced or not', async () => {
  const announced = raw()
  announced.socket.write(signedRequest('Kinesis_20131202.PutRecords', '{}', { length: 100 << 20 }))
  await until(() => announced.received().includes('RequestEntityTooLarge'))
  expect(announced.received()).toContain('HTTP/1.1 413')
  announced.socket.destroy()
})

test('what all bodies hold together is bounded: who gets nothing is told to come again', async () => {
  const { socket, received } = raw()
  const half = signedRequest('Kinesis_20131202.PutRecords', '{}', { length: 780_000 }).slice(0, -2)
  const holder = raw()
  holder.socket.write(half)
  holder.socket.write(' '.repeat(700_000))
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.write(signedRequest('Kinesis_20131202.PutRecords', ' '.repeat(400_000)))
  await until(() => received().includes('ServiceUnavailableException'))
  expect(received()).toContain('HTTP/1.1 503')
  // Small requests still get through.
  const small = raw()
  small.socket.write(signedRequest('Kinesis_20131202.ListStreams', '{}'))
  await until(() => small.received().includes('HasMoreStreams'))
  small.socket.destroy()
  holder.socket.destroy()
  socket.destroy()
})

test('above the limit connections are closed at once, and places become free again', async () => {
  const many = Array.from({ length: 20 }, raw)
  await Promise.all(many.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await raw().closed
  for (const { socket } of many) socket.destroy()
  await until(() => many.every(({ socket }) => socket.closed))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect((await fetch(`${endpoint.url}/healthz`)).status).toBe(200)
})

test('clients that go away in the middle of a body give their memory back', async () => {
  const half = signedRequest('Kinesis_20131202.PutRecords', '{}', { length: 700_000 }).slice(0, -2)
  for (let i = 0; i < 10; i++) {
    const { socket, closed } = raw()
    socket.write(half + ' '.repeat(500_000))
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.destroy()
    await closed
  }
  const { socket, received } = raw()
  socket.write(signedRequest('Kinesis_20131202.ListStreams', `{${' '.repeat(600_000)}}`))
  await until(() => received().includes('\r\n\r\n'))
  expect(received()).toContain('HTTP/1.1 200')
  socket.destroy()
})

test('a member that would change what an operation does is refused by name', async () => {
  const { socket, received } = raw()
  socket.write(signedRequest('Kinesis_20131202.DeleteStream', '{"StreamName":"s","DryRun":true}'))
  await until(() => received().includes('DryRun is not offered here'))
  expect(received()).toContain('InvalidArgumentException')
  socket.destroy()
})
