/** An endpoint with applications, new for each test, and the AWS SDK's client of it: for tests of the API. */
import { createHash } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import {
  CreateApplicationCommand,
  type CreateApplicationCommandInput,
  DescribeApplicationCommand,
  KinesisAnalyticsV2Client,
  type ParallelismConfiguration,
  type S3ContentLocation,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { type Clock, silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { zipSync } from 'fflate'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import type { S3Files } from '../access/role-s3.ts'
import { manageAccess } from '../access/signed-request-fixture.ts'
import { ScriptedLifecycle } from '../applications/scripted-lifecycle-fixture.ts'
import { type Endpoint, startEndpoint } from '../endpoint.ts'
import { checkAnswer } from '../model/answer-check-fixture.ts'

export let directory: string
export let endpoint: Endpoint
export let client: KinesisAnalyticsV2Client
export let lifecycle: ScriptedLifecycle
/** What S3 holds, by path. */
export let objects: Map<string, Uint8Array>

/** Half a second past a whole one: what answers whole seconds has to cut. */
const clock: Clock = {
  now: () => Math.floor(systemClock.now() / 1000) * 1000 + 500,
  monotonicMs: () => systemClock.monotonicMs(),
}

async function readObject(path: string): Promise<Uint8Array> {
  const found = objects.get(path.replace('s3://', 'arn:aws:s3:::'))
  if (found === undefined) throw new Error('no such key')
  return found
}

export async function start(): Promise<void> {
  endpoint = await startEndpoint(
    { dataDirectory: directory },
    {
      clock,
      scheduler: systemScheduler,
      random: systemRandom,
      logger: silentLogger,
      applications: {
        createLifecycle: (surroundings) => {
          lifecycle = new ScriptedLifecycle(surroundings)
          return lifecycle
        },
        openS3: async () => ({ read: readObject, readVersion: readObject }) as unknown as S3Files,
      },
    },
  )
  const { url, credentials } = endpoint
  const requestHandler = checkingHandler()
  client = new KinesisAnalyticsV2Client({
    endpoint: url,
    credentials,
    region: 'us-east-1',
    maxAttempts: 1,
    requestHandler,
  })
}

export async function stop(): Promise<void> {
  client.destroy()
  await endpoint.close()
}

/** Every answer that the client gets is one that the service model allows. */
function checkingHandler(): NodeHttpHandler {
  const handler = new NodeHttpHandler()
  const handle = handler.handle.bind(handler)
  handler.handle = async (sent, options) => {
    const { response } = await handle(sent, options)
    const body = Buffer.concat(await (response.body as Readable).toArray())
    const operation = sent.headers['x-amz-target']!.split('.')[1]!
    if (operation !== 'NoOperation') checkAnswer(operation, response.statusCode, response.headers, body.toString())
    response.body = Readable.from([body])
    return { response }
  }
  return handler
}

/** A data directory that has been used: to make the key of a new one takes longer than most tests. */
let usedDirectory: string

beforeAll(async () => {
  usedDirectory = await mkdtemp(join(tmpdir(), 'millrace-applications-'))
  directory = usedDirectory
  // What roles have at AWS that come `from: node`.
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test')
  await start()
  const aws = { RoleName: 'millrace-application', Aws: { From: 'node' } }
  await manageAccess(endpoint.url, endpoint.credentials, 'PutRoleAws', aws)
  await stop()
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(usedDirectory, { recursive: true })
})

beforeEach(async () => {
  objects = new Map()
  directory = await mkdtemp(join(tmpdir(), 'millrace-applications-'))
  // The store's log goes when its connection is collected, which may be while it's copied.
  const filter = (path: string) => !basename(path).startsWith('store.db')
  await cp(usedDirectory, directory, { recursive: true, filter })
  await start()
})

afterEach(async () => {
  await stop()
  await rm(directory, { recursive: true })
})

export const bundle = zipOf({ 'app.mjs': 'export default 1\n', 'package.json': '{"type":"module","main":"app.mjs"}' })
export const bucket = 'arn:aws:s3:::code'
export const arnOf = (name: string) => `arn:aws:kinesisanalytics:us-east-1:000000000000:application/${name}`

export function zipOf(files: Readonly<Record<string, string>>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])))
}

function request(ApplicationName: string, more: Partial<CreateApplicationCommandInput> = {}) {
  return {
    ApplicationName,
    RuntimeEnvironment: 'FLINK-1_20',
    ServiceExecutionRole: 'arn:aws:iam::000000000000:role/millrace-application',
    ...more,
  } satisfies CreateApplicationCommandInput
}

export const withCode = (zip: Uint8Array = bundle) => ({
  ApplicationConfiguration: {
    ApplicationCodeConfiguration: { CodeContent: { ZipFileContent: zip }, CodeContentType: 'ZIPFILE' as const },
  },
})

export async function create(name = 'a', more: Partial<CreateApplicationCommandInput> = withCode()) {
  return (await client.send(new CreateApplicationCommand(request(name, more)))).ApplicationDetail!
}

export async function describeOf(ApplicationName: string) {
  return (await client.send(new DescribeApplicationCommand({ ApplicationName }))).ApplicationDetail!
}

export const hash = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex')
export const configured = (ApplicationConfiguration: CreateApplicationCommandInput['ApplicationConfiguration']) => ({
  ApplicationConfiguration,
})
export const parallel = (ParallelismConfiguration: ParallelismConfiguration) =>
  configured({ FlinkApplicationConfiguration: { ParallelismConfiguration } })
export const fromS3 = (S3ContentLocation: S3ContentLocation) =>
  configured({ ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { S3ContentLocation } } })
export const text = (TextContent: string) =>
  configured({ ApplicationCodeConfiguration: { CodeContentType: 'PLAINTEXT', CodeContent: { TextContent } } })
export const tags = (count: number) => Array.from({ length: count }, (_, i) => ({ Key: `key${i}`, Value: 'v' }))

export function failure(name: string, message?: string | RegExp) {
  const told = message === undefined ? {} : { message: expect.stringMatching(message) }
  return { name, ...told, $metadata: { httpStatusCode: 400 } }
}
