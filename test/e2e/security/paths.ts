import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { hostileZip } from './hostile-zip.ts'
import type { SecuredService } from './secured-service.ts'
import { refused } from './signatures.ts'

const api = 'KinesisAnalytics_20180523.'
const role = 'arn:aws:iam::000000000000:role/millrace-application'
const bucket = 'arn:aws:s3:::bucket'
const main = { name: 'app.mjs', data: 'export default 1\n' }

/** Names and paths that lead elsewhere, signed by somebody who may do everything. */
export async function leadingOut(service: SecuredService): Promise<number> {
  const before = foldersOf(service)
  const attempts = (await names(service)) + (await routes(service)) + (await keys(service))
  assert.deepEqual(foldersOf(service), before, 'nothing was made or removed')
  return attempts
}

async function names(service: SecuredService): Promise<number> {
  const hostile = ['.', '..', '../x', '..\\x', '/etc', 'a/b', '%2e%2e', 'a\0b', 'a\nb', '../../credentials']
  const about = { RuntimeEnvironment: 'FLINK-1_20', ServiceExecutionRole: role }
  const source = { SourceS3PrefixLocation: { BucketARN: bucket, KeyPrefix: 'x' } }
  for (const name of hostile) {
    const calls: [string, object][] = [
      ['CreateApplication', { ApplicationName: name, ...about }],
      ['DescribeApplication', { ApplicationName: name }],
      ['DeleteApplication', { ApplicationName: name, CreateTimestamp: 1 }],
      ['ImportSnapshot', { SnapshotName: name, ImportSourceConfiguration: source }],
      ['DeleteSnapshot', { SnapshotName: name }],
    ]
    for (const [operation, input] of calls) {
      const { status, error, text } = await service.call(service.root, `${api}${operation}`, input)
      assert.equal(status, 400, `${operation} ${JSON.stringify(name)}: ${text}`)
      assert.match(`${error}`, /^(InvalidArgument|ResourceNotFound)Exception$/, `${operation} ${JSON.stringify(name)}`)
    }
    if (/^\.+$/.test(name)) continue
    const { status, text } = await service.call(service.root, 'Kinesis_20131202.CreateStream', { StreamName: name })
    assert.equal(status, 400, `CreateStream ${JSON.stringify(name)}: ${text}`)
  }
  // Amazon takes such names of streams. They lead nowhere.
  await service.must('Kinesis_20131202.CreateStream', { StreamName: '..', ShardCount: 1 })
  await service.must('Kinesis_20131202.DeleteStream', { StreamName: '..' })
  return hostile.length * 6
}

async function routes(service: SecuredService): Promise<number> {
  const targets = [
    '/apps/../credentials',
    '/apps/%2e%2e/logs',
    '/apps/../logs',
    '/apps/..%2f..%2fcredentials/logs',
    '/apps/red%00/logs',
    '/apps/red/logs/..%2f..%2f..%2fcredentials',
    '/apps/red/logs/../../../credentials',
    '/apps/red\\..\\..\\credentials',
    '/apps/red/../blue/logs',
    '/apps/red/flink/../../../credentials',
    '/apps/red/flink/..%2f..%2f..%2fcredentials',
    '/apps/red/flink/v1/jobmanager/logs/..%2f..%2f..%2f..%2fcredentials',
    '/apps/red/flink/v1/jobmanager/logs/%2e%2e%2f%2e%2e%2f..%2fcredentials',
    '/apps/red/flink/v1/jobmanager/logs/%2fetc%2fpasswd',
    '/apps/red/flink/v1/taskmanagers/0/logs/..%2f..%2f..%2faccess.key',
    '/apps/red/flink/v1/taskmanagers/..%2f..%2f..%2f/log',
    '/apps/red/flink/v1/jars/..%2f..%2fcode/plan',
    '/apps/red/flink/v1/jobs/%ff',
    '/../../../../etc/passwd',
    '//etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/credentials',
    '/.well-known/../credentials',
    '/healthz/../credentials',
    '/metrics%2f..%2fcredentials',
    'http://127.0.0.1/apps/red/../../credentials',
  ]
  for (const path of targets) {
    const answer = await service.signed(service.root, { method: 'GET', path })
    assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status} ${answer.text.slice(0, 200)}`)
    assert.doesNotMatch(answer.text, /root:|aws_secret|at .*\.m?[jt]s/, path)
  }
  return targets.length
}

async function keys(service: SecuredService): Promise<number> {
  const importing = (BucketARN: string, KeyPrefix: string) => {
    const source = { SourceS3PrefixLocation: { BucketARN, KeyPrefix } }
    return service.call(service.root, `${api}ImportSnapshot`, { SnapshotName: 'i', ImportSourceConfiguration: source })
  }
  const coded = (BucketARN: string, FileKey: string) => {
    const code = { CodeContentType: 'ZIPFILE', CodeContent: { S3ContentLocation: { BucketARN, FileKey } } }
    const configuration = { ApplicationCodeConfiguration: code }
    const about = { ApplicationName: 'i', RuntimeEnvironment: 'FLINK-1_20', ServiceExecutionRole: role }
    return service.call(service.root, `${api}CreateApplication`, { ...about, ApplicationConfiguration: configuration })
  }
  const attempts = [
    ['file:///etc', 'x'],
    ['arn:aws:s3:::../../etc', 'x'],
    ['arn:aws:s3:::/etc', 'x'],
    ['arn:file:///etc', 'x'],
    [bucket, '../../etc/passwd'],
    [bucket, 'a/../../../x'],
    [bucket, './x'],
    [bucket, 'a\0b'],
  ] as const
  for (const [arn, key] of attempts) {
    const invalid = 'InvalidArgumentException'
    refused(`import ${arn} ${key}`, await importing(arn, key), invalid, 400)
    refused(`code ${arn} ${key}`, await coded(arn, key), invalid, 400)
  }
  return attempts.length * 2
}

/** Code that isn't meant to be run, but unpacked. */
export async function zips(service: SecuredService): Promise<number> {
  const zeros = Buffer.alloc(64 << 20)
  const attempts: [string, Buffer][] = [
    ['traversal', hostileZip([main, { name: '../../evil.mjs' }])],
    ['traversal inside', hostileZip([main, { name: 'a/../../evil.mjs' }])],
    ['traversal by backslash', hostileZip([main, { name: '..\\evil.mjs' }])],
    ['an absolute path', hostileZip([main, { name: '/etc/cron.d/evil' }])],
    ['a symbolic link', hostileZip([main, { name: 'link', data: '/etc/passwd', mode: 0o120777 }])],
    ['a symbolic link as main', hostileZip([{ name: 'app.mjs', data: '/etc/passwd', mode: 0o120777 }])],
    ['two files of one name', hostileZip([main, main])],
    ['two names of one file', hostileZip([main, { name: './app.mjs', data: 'x' }])],
    ['a bomb that says it is small', hostileZip([main, { name: 'a', data: zeros, declaredBytes: 100 }])],
    ['a bomb that says what it is', hostileZip([main, ...many(9, (i) => ({ name: `a${i}`, data: zeros }))])],
    ['sizes that wrap around', hostileZip([main, ...many(4, (i) => ({ name: `a${i}`, declaredBytes: 0xffffffff }))])],
    ['100,000 entries', hostileZip([main, ...many(99_999, (i) => ({ name: `${i}` }))])],
    ['100,000 entries, few of them told of', hostileZip([main, ...many(99_999, (i) => ({ name: `${i}` }))], 11_000)],
    ['entries that are not there', hostileZip([main], 9_000)],
  ]
  for (const [it, zip] of attempts) {
    refused(it, await create(service, 'zip', zip), 'CodeValidationException', 400)
  }
  // What is packed twice is unpacked once.
  const nested = hostileZip([main, { name: 'inner.zip', data: hostileZip([{ name: 'a', data: zeros }]) }])
  const { status, text } = await create(service, 'nested', nested)
  assert.equal(status, 200, text)
  return attempts.length + 1
}

function create(service: SecuredService, ApplicationName: string, zip: Buffer) {
  const code = { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: zip.toString('base64') } }
  return service.call(service.root, `${api}CreateApplication`, {
    ApplicationName,
    RuntimeEnvironment: 'FLINK-1_20',
    ServiceExecutionRole: role,
    ApplicationConfiguration: { ApplicationCodeConfiguration: code },
  })
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** What lies around and directly in the data directory and its folders of applications and snapshots. */
function foldersOf({ folder, data }: SecuredService): string[] {
  return [folder, data, `${data}/apps`].flatMap((at) => readdirSync(at).map((name) => `${at}/${name}`)).sort()
}
