import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { VirtualTime } from '@millrace/engine/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RoleRecord } from './access-records.ts'
import type { RoleAwsSource } from './role-aws-source.ts'
import { type AwsSessionCredentials, CachedRoleCredentials } from './role-credentials.ts'

const arn = 'arn:aws:iam::000000000000:role/fraud'
const atAws = 'arn:aws:iam::123456789012:role/orders'

/** Roles as they are now: of `sources`, by ARN. */
function directoryOf(sources: Record<string, RoleAwsSource | undefined>) {
  return {
    roleOfArn: (roleArn: string) =>
      roleArn in sources ? ({ kind: 'role', name: 'fraud', aws: sources[roleArn] } as RoleRecord) : undefined,
  }
}

describe('credentials of a role', () => {
  const time = () => new VirtualTime()

  /** Fetches that are counted and give credentials for so long. */
  function world(lifeMs: number | undefined) {
    const clock = time()
    const fetched: string[] = []
    let failing: Error | undefined
    const fetch = async (_source: RoleAwsSource, session: string): Promise<AwsSessionCredentials> => {
      fetched.push(session)
      await Promise.resolve()
      if (failing !== undefined) throw failing
      const expiration = lifeMs === undefined ? {} : { expiration: new Date(clock.now() + lifeMs) }
      return { accessKeyId: `key-${fetched.length}`, secretAccessKey: 's', ...expiration }
    }
    const sources: Record<string, RoleAwsSource | undefined> = { [arn]: { from: 'node' } }
    const roles = new CachedRoleCredentials(directoryOf(sources), clock, fetch)
    const fail = (error: Error | undefined) => {
      failing = error
    }
    return { clock, fetched, roles, sources, fail }
  }

  test('are fetched once for all who ask, and again five minutes before they expire', async () => {
    const { clock, fetched, roles } = world(60 * 60_000)
    const provide = () => roles.of(arn, 'app')!()
    const [first, second] = await Promise.all([provide(), provide()])
    expect(first).toBe(second)
    await clock.advance(54 * 60_000)
    expect((await provide()).accessKeyId).toBe('key-1')
    await clock.advance(60_000)
    expect((await Promise.all([provide(), provide()])).map(({ accessKeyId }) => accessKeyId)).toEqual([
      'key-2',
      'key-2',
    ])
    expect(fetched).toEqual(['app', 'app'])
  })

  test('are others for another session, whose name AWS takes', async () => {
    const { fetched, roles } = world(undefined)
    await roles.of(arn, 'a b/é')!()
    await roles.of(arn, 'x'.repeat(128))!()
    expect(fetched).toEqual(['a-b--', 'x'.repeat(64)])
  })

  test('that do not expire are looked up again after five minutes', async () => {
    const { clock, roles } = world(undefined)
    await roles.of(arn, 'app')!()
    await clock.advance(5 * 60_000)
    expect((await roles.of(arn, 'app')!()).accessKeyId).toBe('key-2')
  })

  test('hold on while they last when there are no newer ones to be had', async () => {
    const { clock, roles, fail } = world(60 * 60_000)
    await roles.of(arn, 'app')!()
    fail(new Error('connect ECONNREFUSED'))
    await clock.advance(58 * 60_000)
    expect((await roles.of(arn, 'app')!()).accessKeyId).toBe('key-1')
    await clock.advance(2 * 60_000)
    const failure = { code: 'ROLE_CREDENTIALS_FAILED', kind: 'unavailable', message: expect.stringContaining(arn) }
    await expect(roles.of(arn, 'app')!()).rejects.toMatchObject(failure)
    fail(undefined)
    expect((await roles.of(arn, 'app')!()).accessKeyId).toBe('key-4')
  })

  test('are those of the source that the role has now', async () => {
    const { roles, sources, fetched } = world(60 * 60_000)
    await roles.of(arn, 'app')!()
    sources[arn] = { from: 'profile', profile: 'p' }
    await roles.of(arn, 'app')!()
    expect(fetched).toHaveLength(2)
    sources[arn] = undefined
    expect(roles.of(arn, 'app')).toBeUndefined()
    expect(roles.of(`${arn}-missing`, 'app')).toBeUndefined()
  })
})

describe('the SDK', () => {
  let sts: Server
  let directory: string
  let asked: { readonly body: URLSearchParams; readonly authorization: string }[]
  /** What STS answers instead of credentials. */
  let refusal: { readonly status: number; readonly code: string } | undefined

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-role-'))
    asked = []
    refusal = undefined
    sts = createServer(async (request: IncomingMessage, response) => {
      const body = new URLSearchParams(await text(request))
      asked.push({ body, authorization: request.headers.authorization ?? '' })
      response.writeHead(refusal?.status ?? 200, { 'content-type': 'text/xml' })
      response.end(refusal === undefined ? assumed(body) : refused(refusal.code))
    })
    await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve))
    const config = join(directory, 'config')
    writeFileSync(
      config,
      '[profile source]\naws_access_key_id = SOURCEKEY\naws_secret_access_key = source-secret\n' +
        '[profile process]\ncredential_process = false --password hunter2\n',
    )
    for (const [name, value] of Object.entries({
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
      AWS_CONFIG_FILE: config,
      AWS_SHARED_CREDENTIALS_FILE: join(directory, 'none'),
      AWS_ACCESS_KEY_ID: 'NODEKEY',
      AWS_SECRET_ACCESS_KEY: 'node-secret',
      AWS_REGION: 'eu-central-1',
    })) {
      vi.stubEnv(name, value)
    }
  })

  afterEach(async () => {
    vi.unstubAllEnvs()
    await new Promise((resolve) => sts.close(resolve))
    rmSync(directory, { recursive: true })
  })

  const provide = (source: RoleAwsSource) =>
    new CachedRoleCredentials(directoryOf({ [arn]: source }), new VirtualTime()).of(arn, 'fraud-app')!()

  test("gives the node's own credentials, and a profile's", async () => {
    expect(await provide({ from: 'node' })).toMatchObject({ accessKeyId: 'NODEKEY', secretAccessKey: 'node-secret' })
    expect(await provide({ from: 'profile', profile: 'source' })).toMatchObject({ accessKeyId: 'SOURCEKEY' })
    expect(asked).toEqual([])
  })

  test('does not take what the node has for a profile that is missing', async () => {
    await expect(provide({ from: 'profile', profile: 'none' })).rejects.toMatchObject({
      code: 'ROLE_CREDENTIALS_FAILED',
      kind: 'invalid',
      message: expect.stringMatching(/role\/fraud: CredentialsProviderError: .*\[none\]/),
    })
  })

  test('keeps the command line of a credential_process that failed to itself', async () => {
    const error = await provide({ from: 'profile', profile: 'process' }).catch((reason: Error) => reason)
    expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining('credential_process') })
    expect(inspect(error)).not.toContain('hunter2')
  })

  test.each([
    { it: "the node's credentials", more: {}, key: 'NODEKEY' },
    {
      it: "a profile's credentials and an external id",
      more: { profile: 'source', externalId: 'ext-1' },
      key: 'SOURCEKEY',
    },
  ])('takes on a role at AWS with $it', async ({ more, key }) => {
    const credentials = await provide({ from: 'role', roleArn: atAws, ...more })
    expect(credentials).toMatchObject({
      accessKeyId: 'ASSUMED',
      secretAccessKey: 'assumed-secret',
      sessionToken: 'fraud-app-token',
      expiration: new Date('2033-05-18T03:33:20Z'),
    })
    const [{ body, authorization }] = asked as [(typeof asked)[number]]
    expect(Object.fromEntries(body)).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: atAws,
      RoleSessionName: 'fraud-app',
    })
    expect(body.get('ExternalId')).toBe('externalId' in more ? 'ext-1' : null)
    expect(authorization).toMatch(new RegExp(`Credential=${key}/\\d{8}/eu-central-1/sts/`))
  })

  test.each([
    { status: 403, code: 'AccessDenied', kind: 'invalid' },
    { status: 400, code: 'RegionDisabledException', kind: 'invalid' },
  ])('says why STS refused a role: $code', async ({ kind, ...answer }) => {
    refusal = answer
    const failed = provide({ from: 'role', roleArn: atAws })
    await expect(failed).rejects.toMatchObject({
      code: 'ROLE_CREDENTIALS_FAILED',
      kind,
      message: expect.stringMatching(new RegExp(`role/fraud: ${answer.code}: no, not you$`)),
    })
  })
})

const assumed = (body: URLSearchParams) => `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult><Credentials>
    <AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>assumed-secret</SecretAccessKey>
    <SessionToken>${body.get('RoleSessionName')}-token</SessionToken><Expiration>2033-05-18T03:33:20Z</Expiration>
  </Credentials></AssumeRoleResult>
</AssumeRoleResponse>`

const refused = (code: string) => `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>${code}</Code><Message>no, not you</Message></Error>
</ErrorResponse>`
