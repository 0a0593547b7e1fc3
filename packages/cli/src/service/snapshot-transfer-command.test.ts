import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { runCommandLine } from '../command-line.ts'

let server: Server
let asked: { operation: string; input: unknown }[] = []
let operation: object = {}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const name = String(request.headers['x-amz-target']).split('.')[1] as string
    asked.push({ operation: name, input: JSON.parse(body) })
    const answers: Readonly<Record<string, object>> = {
      DescribeSnapshotOperation: { SnapshotOperationInfoDetails: operation },
      GetCallerIdentity: { Account: '123456789012' },
    }
    response.end(JSON.stringify(answers[name] ?? { SnapshotOperationId: '1' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  vi.stubEnv('MILLRACE_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  vi.stubEnv('MILLRACE_HOME', 'nowhere')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'id')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
})

afterAll(() => {
  vi.unstubAllEnvs()
  server.close()
})

afterEach(() => {
  vi.restoreAllMocks()
  asked = []
})

/** What `millrace snapshots … --json` answers. */
async function snapshots(...words: string[]): Promise<unknown> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  await runCommandLine(['snapshots', ...words, '--role', 'carrier', '--json'])
  return JSON.parse(out.mock.calls.map(([text]) => String(text)).join(''))
}

const SnapshotName = 'before-sale'

test('an export tells where the files are', async () => {
  const S3PrefixLocation = { ExportedPrefix: 'exports/1' }
  operation = {
    SnapshotOperationStatus: 'SUCCESSFUL',
    SnapshotDestinationLocationDescription: { S3PrefixLocation },
  }
  const location = 's3://kept/exports/1'
  expect(await snapshots('export', SnapshotName, 's3://kept/exports')).toEqual({ name: SnapshotName, location })
  const ExportDestinationConfiguration = {
    DestinationType: 'S3',
    ExportRoleArn: 'arn:aws:iam::123456789012:role/carrier',
    DestinationS3PrefixLocation: { BucketARN: 'arn:aws:s3:::kept', KeyPrefix: 'exports' },
  }
  expect(asked).toEqual([
    { operation: 'GetCallerIdentity', input: {} },
    { operation: 'ExportSnapshot', input: { SnapshotName, ExportDestinationConfiguration } },
    { operation: 'DescribeSnapshotOperation', input: { SnapshotName, SnapshotOperationId: '1' } },
  ])
})

test('an import that fails tells why', async () => {
  const SnapshotOperationFailureDetails = { ErrorInfo: { ErrorString: 'there is no savepoint' } }
  operation = {
    SnapshotOperation: 'ImportSnapshot',
    SnapshotOperationStatus: 'FAILED',
    SnapshotOperationFailureDetails,
  }
  expect(await snapshots('import', SnapshotName, 's3://kept')).toMatchObject({
    error: { code: 'SNAPSHOT_FAILED', message: 'ImportSnapshot of before-sale is FAILED: there is no savepoint' },
  })
  const SourceS3PrefixLocation = { BucketARN: 'arn:aws:s3:::kept', KeyPrefix: '' }
  expect(asked[1]).toMatchObject({ input: { ImportSourceConfiguration: { SourceS3PrefixLocation } } })
})

test('a place that is not on S3 asks for nothing', async () => {
  expect(await snapshots('export', SnapshotName, '/tmp/exports')).toMatchObject({ error: { code: 'LOCATION_INVALID' } })
  expect(asked).toEqual([])
})
