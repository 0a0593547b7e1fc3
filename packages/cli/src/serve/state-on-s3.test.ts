import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateStreamCommand, KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { FakeS3 } from '../../../connectors/src/s3/testing/fake-s3.ts'
import { builtCommand, testApplication } from '../testing/built-command.ts'

/** SDKs ask again five minutes before credentials expire. */
const sdkAheadMs = 5 * 60_000
/** So long a job uses the same ones. */
const lifeMs = 2_000
/** S3 refuses what a job should have exchanged by then. */
const refusedAfterMs = 10_000
const nodeKey = 'AKIANODE'
const roleAtAws = 'arn:aws:iam::123456789012:role/jobs'

let commandFile: string
let folder: string
let s3: FakeS3
let sts: FakeSts
let serving: ChildProcess
let url: string

beforeAll(() => {
  commandFile = builtCommand()
})
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  s3 = new FakeS3(Date.now, { pageSize: 1_000 })
  sts = await FakeSts.start()
  const options = ['serve', '--port', '0', '--data', folder, '--state', 's3://bucket/millrace']
  serving = spawn(process.execPath, [commandFile, ...options], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: nodeKey,
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL_S3: await s3.listen(),
      AWS_ENDPOINT_URL_STS: sts.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(serving.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  url = /millrace ready (\S+)/.exec(line.toString())?.[1] as string
})
afterEach(async () => {
  const ended = once(serving, 'exit')
  if (serving.kill('SIGKILL')) await ended
  await s3.close()
  await sts.close()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})

/** STS that gives a new key for each AssumeRole. */
class FakeSts {
  readonly sessions: string[] = []
  readonly issuedMs = new Map<string, number>()
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<FakeSts> {
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      const form = new URLSearchParams(body)
      response.setHeader('content-type', 'text/xml')
      response.end(fake.#assumeRole(String(form.get('RoleArn')), String(form.get('RoleSessionName'))))
    })
    const fake = new FakeSts(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #assumeRole(roleArn: string, session: string): string {
    this.sessions.push(session)
    const key = `ASIA${this.sessions.length}`
    const nowMs = Date.now()
    this.issuedMs.set(key, nowMs)
    const expiration = new Date(nowMs + sdkAheadMs + lifeMs).toISOString()
    return (
      '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>' +
      `<AssumedRoleUser><Arn>${roleArn}/${session}</Arn><AssumedRoleId>AROA:${session}</AssumedRoleId></AssumedRoleUser>` +
      `<Credentials><AccessKeyId>${key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>` +
      `<SessionToken>token</SessionToken><Expiration>${expiration}</Expiration></Credentials>` +
      '</AssumeRoleResult></AssumeRoleResponse>'
    )
  }
}

const run = promisify(execFile)
const millrace = async (...args: string[]): Promise<{ stdout: string }> =>
  run(process.execPath, [commandFile, ...args, '--url', url], {
    cwd: folder,
    env: { PATH: process.env['PATH'], MILLRACE_HOME: folder },
  })

function rootCredentials(): { accessKeyId: string; secretAccessKey: string } {
  const text = readFileSync(join(folder, 'credentials'), 'utf8')
  const value = (name: string) => new RegExp(`${name} = (\\S+)`).exec(text)?.[1] as string
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') }
}

/** Numbers in the finished files of the application. */
function copied(): number[] {
  return [...s3.objects]
    .filter(([key]) => key.startsWith('out/'))
    .flatMap(([, { bytes }]) => Buffer.from(bytes).toString().trim().split('\n'))
    .map((line) => (JSON.parse(line) as { number: number }).number)
}

test('an application reads a stream here and keeps its state and output on S3, with what its role has there, over expiries', async () => {
  const usedBy = new Map<string, Set<string>>()
  s3.fault = ({ operation, key, accessKeyId }) => {
    const issuedMs = sts.issuedMs.get(accessKeyId) ?? (accessKeyId === nodeKey ? Date.now() : 0)
    usedBy.set(accessKeyId, (usedBy.get(accessKeyId) ?? new Set()).add(operation))
    const isWriting = operation !== 'GetObject' && operation !== 'ListObjectsV2' && operation !== 'DeleteObjects'
    const isExpired = Date.now() - issuedMs > refusedAfterMs
    // The node looks, copies and removes; what is written by the application is written with its role's rights.
    if (isExpired || (accessKeyId === nodeKey && isWriting && !key.includes('/code/'))) {
      return { status: 403, code: 'AccessDenied' }
    }
    return undefined
  }
  const kinesis = new KinesisClient({ endpoint: url, region: 'us-east-1', credentials: rootCredentials() })
  await kinesis.send(new CreateStreamCommand({ StreamName: 'numbers', ShardCount: 1 }))
  const propertiesFile = join(folder, 'properties.json')
  const PropertyMap = { stream: 'numbers', path: 's3://bucket/out' }
  writeFileSync(propertiesFile, JSON.stringify([{ PropertyGroupId: 'copy', PropertyMap }]))
  const deploy = ['deploy', testApplication('stream-to-files.ts'), '--name', 'copy', '--properties', propertiesFile]
  const deployed = () => millrace(...deploy, '--checkpoint-interval', '1000')

  const refused = (await deployed().catch((error: unknown) => error)) as { stderr: string }
  expect(refused.stderr).toContain('STATE_NEEDS_AWS_ROLE')
  expect(refused.stderr).toContain('millrace access roles aws millrace-application node')
  expect(sts.sessions).toEqual([])

  await millrace('access', 'roles', 'aws', 'millrace-application', roleAtAws)
  await deployed()
  let number = 0
  while (sts.sessions.length < 4) {
    const Data = Buffer.from(JSON.stringify({ number: number++ }))
    await kinesis.send(new PutRecordCommand({ StreamName: 'numbers', PartitionKey: 'a', Data }))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  kinesis.destroy()
  await millrace('apps', 'stop', 'copy')
  expect(copied().sort((a, b) => a - b)).toEqual(Array.from({ length: number }, (_, i) => i))
  expect([...new Set(sts.sessions)]).toEqual([expect.stringMatching(/^copy-\d+$/)])
  const writers = [...usedBy].filter(([, operations]) => operations.has('PutObject')).map(([key]) => key)
  expect(writers.length).toBeGreaterThan(1)
  expect(writers.every((key) => sts.issuedMs.has(key))).toBe(true)
  expect([...usedBy.keys()].every((key) => key === nodeKey || sts.issuedMs.has(key))).toBe(true)

  expect([...s3.objects.keys()].some((key) => key.startsWith('millrace/apps/copy-'))).toBe(true)
  await millrace('apps', 'delete', 'copy')
  expect([...s3.objects.keys()].filter((key) => key.startsWith('millrace/'))).toEqual([])
})
