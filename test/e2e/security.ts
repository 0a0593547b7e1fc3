import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { detectIsolation } from '@millrace/service'
import { commandFile } from './millrace-command.ts'
import { storeOutOfReach } from './security/database.ts'
import { leadingOut, zips } from './security/paths.ts'
import { headerFloods, oversized, resetFlood, slowPeers, smuggled } from './security/peers.ts'
import { assertAudited, assertKept, processTexts } from './security/secrets.ts'
import { bundleOf, SecuredService, waitFor } from './security/secured-service.ts'
import { endedKeys, forgedRequests } from './security/signatures.ts'
import {
  applicationSessions,
  createApplication,
  crossingUsers,
  dashboardLinks,
  typedRefusals,
} from './security/users.ts'

const api = 'KinesisAnalytics_20180523.'

/**
 * `millrace serve` among people who mean harm: who they say they are, what they may do, where paths lead, what is sent to
 * it and how. Each is refused with the right error and written down; the service answers all the while and stays small;
 * no secret shows up anywhere. What code that it runs may try is in hostile-bundle.ts.
 */
export async function run(log: (line: string) => void): Promise<void> {
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'pipe' })
  const { level } = await detectIsolation(commandFile)
  if (level !== 'isolated') log('not run: needs Linux namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'millrace-security-'))
  let service: SecuredService | undefined
  try {
    service = await SecuredService.start(folder, level === 'isolated' ? [] : ['--allow-unisolated'])
    await attacked(service, log)
    const stderr = await service.end()
    assertKept(service, new Map([['what the service has logged', stderr]]))
    if (level === 'isolated') await storeOutOfReach(mkdtempSync(join(folder, 'store-')), log)
  } finally {
    service?.kill()
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function attacked(service: SecuredService, log: (line: string) => void): Promise<void> {
  await populated(service)
  const processes = processTexts(service)
  log(`${await forgedRequests(service)} forged, replayed and outdated requests, ${await endedKeys(service)} ended keys`)
  log(`${await crossingUsers(service)} calls beyond a user's rights; ${await dashboardLinks(service)} by links`)
  await typedRefusals(service)
  log(`refusals are what each of Amazon's clients knows`)
  log(`${await leadingOut(service)} names, routes and keys that lead out; ${await zips(service)} zips`)
  await service.assertWell()
  const odd = (await oversized(service)) + (await smuggled(service)) + (await headerFloods(service))
  await resetFlood(service)
  log(`${odd} requests too large, ambiguous or flooding; 20,000 streams taken back`)
  log(await slowPeers(service))
  await unsignedMonitoring(service)
  log(`${await applicationSessions(service, 'runs')} calls with an application's session that it may not make`)
  await service.assertWell()
  log(`${await assertAudited(service)} refused calls, each in the audit log; memory at most ${service.peakMiB()} MiB`)
  log(`${assertKept(service, processes)} secrets: in no log, answer, command line or job's environment`)
}

/** Two applications without code, and one that runs and has a password among its properties. */
async function populated(service: SecuredService): Promise<void> {
  for (const team of ['red', 'blue']) await createApplication(service, team, { Tags: [{ Key: 'team', Value: team }] })
  const bundle = bundleOf(resolve('packages/cli/src/testing/applications/counting.ts'), join(service.folder, 'b.zip'))
  const password = randomBytes(18).toString('base64url')
  service.secret("an application's property", password)
  const groups = [{ PropertyGroupId: 'database', PropertyMap: { password } }]
  const code = { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: bundle.toString('base64') } }
  await createApplication(service, 'runs', {
    ApplicationConfiguration: {
      ApplicationCodeConfiguration: code,
      EnvironmentProperties: { PropertyGroups: groups },
    },
  })
  await service.must(`${api}StartApplication`, { ApplicationName: 'runs' })
  await waitFor(async () => (await service.statusOf('runs')) === 'RUNNING', 'the application')
  await service.command('apps')
  await service.command('logs', 'runs')
  await service.command('access', 'audit', '--tail', '100', '--json')
}

/** What answers unsigned does so to this machine alone. */
async function unsignedMonitoring(service: SecuredService): Promise<void> {
  const host = new URL(service.url).host
  for (const path of ['/healthz', '/metrics']) {
    const get = { method: 'GET', path }
    assert.equal((await service.send(get, { host })).status, 200)
    assert.equal((await service.send(get, { host, 'x-forwarded-for': '10.1.2.3' })).status, 401)
    const guess = { host, 'x-forwarded-for': '10.1.2.3', authorization: 'Bearer guess' }
    assert.equal((await service.send(get, guess)).status, 401)
    const posted = await service.send({ method: 'POST', path }, { host })
    assert.ok(posted.status >= 400, `POST ${path}: ${posted.status}`)
  }
}
