import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { type Endpoint, startEndpoint } from '@millrace/service'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { runCommandLine } from '../command-line.ts'

let directory: string
let endpoint: Endpoint

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-access-'))
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
  endpoint = await startEndpoint({ dataDirectory: directory }, parts)
  vi.stubEnv('MILLRACE_HOME', directory)
  vi.stubEnv('MILLRACE_URL', endpoint.url)
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await endpoint.close()
  rmSync(directory, { recursive: true })
})

afterEach(() => void vi.restoreAllMocks())

/** What `millrace access …` prints, and its exit code. */
async function access(...words: string[]): Promise<{ code: number; text: string; errors: string }> {
  const read = (stream: NodeJS.WriteStream) => vi.spyOn(stream, 'write').mockReturnValue(true)
  const [out, err] = [read(process.stdout), read(process.stderr)]
  const code = await runCommandLine(['access', ...words])
  const textOf = (spy: typeof out) => spy.mock.calls.map(([text]) => String(text)).join('')
  const told = { code, text: textOf(out), errors: textOf(err) }
  vi.restoreAllMocks()
  return told
}

test('users, keys, roles and policies from the command line', async () => {
  expect(await access('users', 'create', 'ann', '--tag', 'team=red')).toMatchObject({
    code: 0,
    text: 'arn:aws:iam::000000000000:user/ann\n',
  })
  const policy = join(directory, 'policy.json')
  const Statement = { Effect: 'Allow', Action: 'millrace:ReadAudit', Resource: '*' }
  writeFileSync(policy, JSON.stringify({ Version: '2012-10-17', Statement }))
  expect(await access('policies', 'put', 'audit', policy, '--user', 'ann')).toMatchObject({ code: 0 })
  expect((await access('policies', 'list', '--user', 'ann')).text).toContain('millrace:ReadAudit')
  const { text: key } = await access('keys', 'create', 'ann')
  const [, id, secret] = /aws_access_key_id = (\S+)\naws_secret_access_key = (\S+)\n$/.exec(key) ?? []
  expect(secret).toMatch(/^[\w-]{40}$/)
  expect((await access('users')).text).toBe(`ann  policies: audit  keys: ${id}\n`)
  expect(await access('keys', 'disable', id!)).toMatchObject({ text: `${id} is Inactive\n` })
  expect(JSON.parse((await access('keys', 'list', 'ann', '--json')).text)).toMatchObject({
    AccessKeys: [{ AccessKeyId: id, Status: 'Inactive' }],
  })
  expect((await access('keys')).text).toMatch(/^\S+ {2}of \S+ \(answers\)\n$/)
  expect(await access('roles', 'create', 'reader', '--description', 'reads')).toMatchObject({ code: 0 })
  expect((await access('roles')).text).toContain('role/reader  policies: none')
  expect((await access('roles')).text).toContain('role/millrace-application  policies: streams-and-topics')
  expect((await access('audit', '--tail', '2')).text).toMatch(
    / 200 arn:aws:iam::000000000000:root millrace:ManageAccess /,
  )
  expect(await access('policies', 'delete', 'audit', '--user', 'ann')).toMatchObject({ code: 0 })
  expect(await access('users', 'delete', 'ann')).toMatchObject({ code: 0, text: 'ann is gone\n' })
  expect(await access('roles', 'delete', 'reader')).toMatchObject({ code: 0 })
})

test('where the rights of a role at AWS come from, from the command line', async () => {
  const arn = 'arn:aws:iam::000000000000:role/orders'
  const atAws = 'arn:aws:iam::123456789012:role/orders'
  const aws = (...words: string[]) => access('roles', 'aws', 'orders', ...words)
  expect(await access('roles', 'create', 'orders', '--aws', atAws, '--aws-profile', 'hub')).toMatchObject({ code: 0 })
  expect((await access('roles')).text).toContain(`${arn}  policies: none  AWS: ${atAws} by profile:hub\n`)
  expect(await aws('profile:orders')).toMatchObject({ text: `${arn}  policies: none  AWS: profile:orders\n` })
  expect(await aws('node')).toMatchObject({ text: `${arn}  policies: none  AWS: node\n` })
  const withId = await aws(atAws, '--external-id', 'e-1', '--json')
  const Aws = { From: 'role', RoleArn: atAws, ExternalId: 'e-1' }
  expect(JSON.parse(withId.text)).toMatchObject({ Role: { RoleName: 'orders', Aws } })
  expect(await aws('none')).toMatchObject({ text: `${arn}  policies: none  AWS: none\n` })
  for (const wrong of [['here'], ['node', '--external-id', 'e-1'], ['none', '--aws-profile', 'p']]) {
    expect(await aws(...wrong)).toMatchObject({ code: 1, errors: expect.stringContaining('AWS_SOURCE_INVALID') })
  }
  expect(await access('roles', 'create', 'x', '--external-id', 'e-1')).toMatchObject({
    errors: expect.stringContaining('AWS_SOURCE_INVALID'),
  })
  expect(await aws('arn:aws:iam::1:role/x')).toMatchObject({ code: 1, errors: expect.stringContaining('aws.RoleArn') })
  expect(await access('roles', 'delete', 'orders')).toMatchObject({ code: 0 })
})

test('what is wrong is said, with the place in a policy', async () => {
  const policy = join(directory, 'broken.json')
  writeFileSync(policy, '{\n  "Version": "2012-10-17",\n  "Statement": [}\n}\n')
  const role = ['--role', 'millrace-application']
  const broken = await access('policies', 'put', 'p', policy, ...role)
  expect(broken).toMatchObject({ code: 1, errors: expect.stringContaining("line 3, column 17: '}'") })
  const json = await access('policies', 'put', 'p', policy, ...role, '--json')
  expect(JSON.parse(json.text)).toMatchObject({ error: { code: 'MalformedPolicyDocument' } })
  expect(await access('policies', 'list')).toMatchObject({ code: 1, errors: expect.stringContaining('OWNER_MISSING') })
  expect(await access('users', 'delete', 'nobody')).toMatchObject({ errors: expect.stringContaining('NoSuchEntity') })
  expect(await access('users', 'create', 'x', '--tag', 'red')).toMatchObject({
    errors: expect.stringContaining('TAG_INVALID'),
  })
})
