import { createServer, type IncomingMessage, type Server } from 'node:http'
import { systemScheduler } from '@millrace/engine/spi'
import { afterEach, expect, test } from 'vitest'
import type { ApiAnswer, ApiCall, ApiService } from '../wire/api-service.ts'
import { forwardedHeader, forwardRequest } from './forward.ts'
import { ForwardingService } from './forwarding-service.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Another node: remembers what it got. */
async function startNode(answer: { status: number; body: string | Buffer; headers?: Record<string, string> }) {
  const got: { request: IncomingMessage; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    got.push({ request, body })
    response.writeHead(answer.status, { 'content-type': 'application/x-ndjson', ...answer.headers })
    response.end(answer.body)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { got, url: `http://127.0.0.1:${(server.address() as { port: number }).port}` }
}

const asked = {
  method: 'POST',
  target: '/apps/x/flink/jobs/1/stop?mode=a%2Fb&mode=c',
  headers: {
    host: 'service.example:7700',
    authorization: 'AWS4-HMAC-SHA256 Credential=k/20261124/us-east-1/kinesisanalytics/aws4_request, Signature=00',
    'x-amz-date': '20261124T180000Z',
    connection: 'keep-alive',
    'content-length': '7',
  },
  body: Buffer.from('{"a":1}'),
}

test('a request arrives as its signature covers it; the answer comes back as it is', async () => {
  const node = await startNode({ status: 404, body: 'no\n', headers: { 'x-millrace-log-position': '1-2' } })
  const answer = await forwardRequest(asked, node.url, 'n1', systemScheduler)
  const { request, body } = node.got[0]!
  expect([request.method, request.url, body]).toEqual(['POST', asked.target, '{"a":1}'])
  expect(request.headers).toMatchObject({
    host: 'service.example:7700',
    authorization: asked.headers.authorization,
    'x-amz-date': '20261124T180000Z',
    [forwardedHeader]: 'n1',
  })
  expect(answer).toEqual({
    status: 404,
    contentType: 'application/x-ndjson',
    body: Buffer.from('no\n'),
    headers: { 'x-millrace-log-position': '1-2' },
  })
})

test('an HTTP/2 request keeps its authority as Host', async () => {
  const node = await startNode({ status: 200, body: '' })
  const headers = { ':authority': 'service.example', ':path': '/', 'x-amz-date': 'd' }
  await forwardRequest({ ...asked, headers }, node.url, 'n1', systemScheduler)
  expect(node.got[0]!.request.headers).toMatchObject({ host: 'service.example', 'x-amz-date': 'd' })
})

test('a node that is gone, or answers too much, is a service that is unavailable', async () => {
  const unavailable = { type: 'ServiceUnavailableException', status: 503 }
  await expect(forwardRequest(asked, 'http://127.0.0.1:1', 'n1', systemScheduler)).rejects.toMatchObject(unavailable)
  const node = await startNode({ status: 200, body: Buffer.alloc((16 << 20) + 1) })
  await expect(forwardRequest(asked, node.url, 'n1', systemScheduler)).rejects.toMatchObject(unavailable)
})

test('a node that takes a request and is silent is given up', async () => {
  const server = createServer(() => {})
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  let isLate = () => {}
  const scheduler = {
    soon: systemScheduler.soon,
    after: (_delayMs: number, fn: () => void) => {
      isLate = fn
      return { cancel() {} }
    },
  }
  server.once('request', () => isLate())
  const answer = forwardRequest(asked, `http://127.0.0.1:${port}`, 'n1', scheduler)
  await expect(answer).rejects.toMatchObject({ status: 503, message: expect.stringContaining('in time') })
})

test('what runs elsewhere is passed on once; the rest is answered here', async () => {
  const node = await startNode({ status: 200, body: 'there' })
  const inner: ApiService = {
    signingName: 'kinesisanalytics',
    accepts: () => true,
    handle: async () => ({ status: 200, contentType: 'text/plain', body: 'here' }),
    describeError: ({ status, message }) => ({ status, contentType: 'text/plain', body: message }),
  }
  const remoteUrl = async (name: string) => (name === 'remote' ? node.url : undefined)
  const service = new ForwardingService(inner, { remoteUrl }, 'n1', systemScheduler)
  const ask = async (target: string, headers = {}): Promise<string> => {
    const call = { ...asked, target, headers: { ...asked.headers, ...headers } } as unknown as ApiCall
    return String(((await service.handle(call)) as ApiAnswer).body)
  }
  expect(await ask('/apps/remote/logs')).toBe('there')
  expect(await ask('/apps/local/logs')).toBe('here')
  expect(await ask('/apps/remote/logs', { [forwardedHeader]: 'n2' })).toBe('here')
  expect(await ask('/')).toBe('here')
  expect(node.got).toHaveLength(1)
})
