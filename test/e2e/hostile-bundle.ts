import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateApplicationCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  KinesisAnalyticsV2Client,
  StartApplicationCommand,
  StopApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { detectIsolation } from '@millrace/service'
import { commandFile } from './millrace-command.ts'

const LIMIT_MS = 30_000
/** Enough for Node and a small application, little enough to be reached soon. */
const KPU_MEMORY_MB = 768
/** What the service may hold in memory whatever an application does. */
const SERVICE_LIMIT_KB = 600 * 1024
const SECRET = 'a secret of the service'

/**
 * A bundle that means harm, as root and as another user: what it tries to read, write, signal and become is refused; its
 * floods, forks and memory end at its limits; the service answers all the while and stays small.
 */
export async function run(log: (line: string) => void): Promise<void> {
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'pipe' })
  const isolation = await detectIsolation(commandFile)
  if (isolation.level !== 'isolated') return log('not run: needs Linux namespaces')
  await attacked(log, undefined)
  if (process.getuid?.() !== 0) return
  await attacked((line) => log(`as an unprivileged user: ${line}`), 64_123)
}

async function attacked(log: (line: string) => void, userId: number | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-hostile-'))
  const metadata = await MetadataStandIn.start()
  let world: World | undefined
  try {
    if (userId !== undefined) execFileSync('chown', [String(userId), folder])
    world = await World.start(folder, metadata.url, userId)
    await reaches(world, log)
    await floods(world, log)
    await exhausts(world, log)
    assert.equal(metadata.requests, 0, 'the metadata service was contacted')
    await diesWithService(world)
    log('no process outlives the service that is killed')
  } finally {
    world?.kill()
    metadata.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function reaches(world: World, log: (line: string) => void): Promise<void> {
  const { data, pid } = world
  await world.create('sibling', 'counting', {})
  await world.started('sibling')
  const siblingPid = world.jobPids('sibling')[0] as number
  const victim = join(world.folder, 'victim')
  mkdirSync(victim)
  writeFileSync(join(victim, 'file'), 'untouched')
  const app = join(data, 'apps/hostile')
  const bundle = join(app, 'code', (await world.create('hostile', 'hostile', {}))[0] as string)
  const hidden = ['credentials', 'access.key', 'store.db', 'apps/sibling/given/credentials']
  const targets = {
    read: [...hidden.map((name) => join(data, name)), '/proc/1/environ', `/proc/${pid}/environ`, '/etc/shadow'],
    list: [
      ...['', 'apps', 'apps/sibling', 'apps/hostile', 'streams'].map((name) => join(data, name)),
      '/root',
      '/home',
    ],
    write: [bundle, join(app, 'given/credentials'), '/x', '/usr/x', '/proc/sys/kernel/core_pattern'],
    signal: [pid, siblingPid],
    commands: [
      ['mount', '-t', 'tmpfs', 'tmpfs', '/tmp'],
      ['unshare', '--user', 'true'],
      ['unshare', '--mount', 'true'],
    ],
    links: [
      [join(app, 'run/application_properties.v1.json.new'), join(victim, 'file')],
      [join(app, 'run/victim'), victim],
      [join(app, 'checkpoints/victim'), victim],
      [join(app, 'savepoints/suspended-victim'), victim],
    ],
  }
  // What it writes there, below /tmp, lies in a /tmp of its own, if anywhere.
  const outside = [join(data, 'x'), join(data, 'apps/x'), '/tmp/millrace-hostile-x']
  const all = { ...targets, write: [...targets.write, ...outside] }
  await world.recreate('hostile', 'hostile', { what: 'reach', targets: JSON.stringify(all) })
  await world.started('hostile')
  await world.shows('hostile', 'environment=')
  const outcome = (name: string): string => world.outcome('hostile', name)
  for (const name of hidden) assert.equal(outcome(`read ${join(data, name)}`), 'ENOENT', name)
  assert.equal(outcome('read /proc/1/environ'), 'EACCES')
  assert.match(outcome(`read /proc/${pid}/environ`), /^(ENOENT|EACCES)$/)
  assert.equal(outcome('read /etc/shadow'), 'ENOENT')
  assert.equal(outcome(`list ${join(data, '')}`), 'GOT apps')
  assert.equal(outcome(`list ${join(data, 'apps')}`), 'GOT hostile')
  assert.equal(outcome(`list ${join(data, 'apps/sibling')}`), 'ENOENT')
  assert.equal(outcome(`list ${app}`), 'GOT checkpoints code given run savepoints')
  for (const path of [join(data, 'streams'), '/root', '/home']) assert.equal(outcome(`list ${path}`), 'ENOENT', path)
  for (const path of targets.write) assert.match(outcome(`write ${path}`), /^(EROFS|EACCES)$/, path)
  for (const path of outside) assert.equal(existsSync(path), false, path)
  for (const target of targets.signal) assert.equal(outcome(`signal ${target}`), 'ESRCH')
  assert.match(outcome('run mount -t tmpfs tmpfs /tmp'), /permission denied|superuser/i)
  assert.match(outcome('run unshare --user true'), /No space left on device/)
  assert.match(outcome('run unshare --mount true'), /Operation not permitted/)
  assert.equal(outcome('open memory of init'), 'EACCES')
  assert.match(outcome('become another user'), /^(EPERM|EINVAL)$/)
  assert.match(outcome('processes'), /^GOT (sh|millrace-job) (node|MainThread)$/)
  assert.match(outcome('rights'), /^GOT 0+$/)
  assert.match(outcome('environment'), /AWS_EC2_METADATA_DISABLED/)
  assert.doesNotMatch(outcome('environment'), /AWS_EC2_METADATA_SERVICE_ENDPOINT|SERVICE_SECRET/)
  for (const [link] of targets.links)
    assert.equal(outcome(`link ${link}`), 'GOT undefined', 'it may do that in its folders')
  await world.stopped('hostile')
  await world.started('hostile')
  await world.stopped('hostile')
  await world.deleted('hostile')
  assert.deepEqual(readdirSync(victim), ['file'])
  assert.equal(readFileSync(join(victim, 'file'), 'utf8'), 'untouched')
  assert.deepEqual(world.jobPids('sibling'), [siblingPid], 'the sibling runs on')
  log(
    `${Object.values(all).flat().length + 5} attempts to read, write, signal, mount and become more: none reached anything of others`,
  )
}

async function floods(world: World, log: (line: string) => void): Promise<void> {
  await world.recreate('hostile', 'hostile', { what: 'output' })
  const started = world.started('hostile')
  const latencies = await world.latenciesUntil(started)
  await started
  await world.stopped('hostile')
  for (const [what, cause] of [
    ['garbage', /APPLICATION_PROTOCOL_VIOLATED|LINE_MALFORMED/],
    ['line', /LINE_TOO_LONG/],
  ] as const) {
    await world.recreate('hostile', 'hostile', { what })
    assert.match(await world.fails('hostile'), cause)
  }
  world.assertSmall()
  log('100 MB of output, garbage and an endless line to the service: it answers, and its memory is bounded')
  log(`DescribeApplication under 100 MB of output: ${latencies}`)
}

async function exhausts(world: World, log: (line: string) => void): Promise<void> {
  await world.recreate('hostile', 'hostile', { what: 'memory' })
  assert.match(await world.fails('hostile'), /MEMORY_LIMIT_EXCEEDED.*1 KPU may use/)
  await world.recreate('hostile', 'hostile', { what: 'forks' })
  // Its processes are so many that it may not even come to run: what counts is that they end there.
  await world.call(new StartApplicationCommand({ ApplicationName: 'hostile' }))
  await world.shows('hostile', 'forks=')
  assert.ok(Number(world.outcome('hostile', 'forks')) < 1_000, 'the bomb was not stopped')
  await world.stopped('hostile')
  assert.equal(world.processesOf('hostile'), 0, 'they are gone with the application')
  world.assertSmall()
  log('more memory and more processes than it may have: stopped, told with the cause, and nothing is left of it')
}

async function diesWithService(world: World): Promise<void> {
  assert.equal(world.jobPids('sibling').length, 1)
  // One that is stopped can't notice that the service is gone.
  process.kill(world.jobPids('sibling')[0] as number, 'SIGSTOP')
  world.kill()
  await waitFor(() => world.processesOf('sibling') === 0, 'the end of the jobs')
}

/** Answers like nobody, and counts who asks. */
class MetadataStandIn {
  requests = 0
  readonly #server = createServer((_request, response) => {
    this.requests++
    response.writeHead(404).end()
  })

  static async start(): Promise<MetadataStandIn> {
    const standIn = new MetadataStandIn()
    standIn.#server.listen(0, '127.0.0.1')
    await once(standIn.#server, 'listening')
    return standIn
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
  }
}

/** A service of its own with a client. */
class World {
  readonly folder: string
  readonly #service: ChildProcess
  readonly #client: KinesisAnalyticsV2Client
  readonly #bundles = new Map<string, Uint8Array>()

  private constructor(folder: string, service: ChildProcess, client: KinesisAnalyticsV2Client) {
    this.folder = folder
    this.#service = service
    this.#client = client
    for (const [name, file] of [
      ['counting', 'packages/cli/src/testing/applications/counting.ts'],
      ['hostile', 'test/e2e/applications/hostile.ts'],
    ] as const) {
      const bundle = join(folder, `${name}.zip`)
      execFileSync(process.execPath, [commandFile, 'build', resolve(file), '--output', bundle], { stdio: 'pipe' })
      this.#bundles.set(name, readFileSync(bundle))
    }
  }

  static async start(folder: string, metadata: string, userId: number | undefined): Promise<World> {
    const entry = resolve('packages/service/src/jobs/managed-jobs-fixture.ts')
    const data = join(folder, 'data')
    const options = ['--conditions=millrace-source', '--import', 'tsx', entry, data, commandFile, String(KPU_MEMORY_MB)]
    const env = { ...process.env, SERVICE_SECRET: SECRET, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata, TMPDIR: folder }
    const user = userId === undefined ? {} : { uid: userId, gid: userId }
    const service = spawn(process.execPath, options, { env, stdio: ['ignore', 'pipe', 'inherit'], ...user })
    const [line] = (await once(service.stdout as NonNullable<typeof service.stdout>, 'data')) as [Buffer]
    const { url, accessKeyId, secretAccessKey } = JSON.parse(line.toString())
    const credentials = { accessKeyId, secretAccessKey }
    const client = new KinesisAnalyticsV2Client({ endpoint: url, credentials, region: 'us-east-1', maxAttempts: 1 })
    return new World(folder, service, client)
  }

  get data(): string {
    return join(this.folder, 'data')
  }

  get pid(): number {
    return this.#service.pid as number
  }

  call: KinesisAnalyticsV2Client['send'] = ((command: never) => this.#client.send(command)) as never

  /** The names of its code's files. */
  async create(name: string, bundle: string, properties: Record<string, string>): Promise<string[]> {
    const group = { PropertyGroupId: bundle === 'hostile' ? 'attack' : 'counting', PropertyMap: properties }
    const code = { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: this.#bundles.get(bundle) } } as const
    await this.call(
      new CreateApplicationCommand({
        ApplicationName: name,
        RuntimeEnvironment: 'FLINK-1_20',
        ServiceExecutionRole: 'arn:aws:iam::000000000000:role/millrace-application',
        ApplicationConfiguration: {
          ApplicationCodeConfiguration: code,
          ...(Object.keys(properties).length === 0 ? {} : { EnvironmentProperties: { PropertyGroups: [group] } }),
        },
      }),
    )
    return readdirSync(join(this.data, 'apps', name, 'code'))
  }

  async recreate(name: string, bundle: string, properties: Record<string, string>): Promise<void> {
    await this.deleted(name)
    await this.create(name, bundle, properties)
  }

  async started(name: string): Promise<void> {
    const { OperationId } = await this.call(new StartApplicationCommand({ ApplicationName: name }))
    assert.deepEqual(await this.#ended(name, OperationId), ['SUCCESSFUL', ''])
  }

  /** How long calls take, one after another, until something has ended. */
  async latenciesUntil(end: Promise<void>): Promise<string> {
    let hasEnded = false
    const ended = end.finally(() => {
      hasEnded = true
    })
    const tookMs: number[] = []
    while (!hasEnded) {
      const sinceMs = performance.now()
      await this.call(new DescribeApplicationCommand({ ApplicationName: 'sibling' }))
      tookMs.push(performance.now() - sinceMs)
    }
    await ended
    tookMs.sort((a, b) => a - b)
    const [half = 0, most = 0, all = 0] = [0.5, 0.99, 1].map((part) => tookMs[Math.ceil(part * tookMs.length) - 1])
    return `${tookMs.length} calls, p50 ${half.toFixed(1)} ms, p99 ${most.toFixed(1)} ms, max ${all.toFixed(1)} ms`
  }

  /** Starts it and answers with why that fails. */
  async fails(name: string): Promise<string> {
    const { OperationId } = await this.call(new StartApplicationCommand({ ApplicationName: name }))
    const [status, cause] = await this.#ended(name, OperationId)
    assert.equal(status, 'FAILED')
    return cause
  }

  async stopped(name: string): Promise<void> {
    const { OperationId } = await this.call(new StopApplicationCommand({ ApplicationName: name, Force: true }))
    assert.deepEqual(await this.#ended(name, OperationId), ['SUCCESSFUL', ''])
  }

  async deleted(name: string): Promise<void> {
    const describe = () => this.call(new DescribeApplicationCommand({ ApplicationName: name }))
    const found = await describe().catch(() => undefined)
    if (found === undefined) return
    const { CreateTimestamp } = found.ApplicationDetail as NonNullable<typeof found.ApplicationDetail>
    await this.call(new DeleteApplicationCommand({ ApplicationName: name, CreateTimestamp }))
    await waitFor(
      () =>
        describe().then(
          () => false,
          () => true,
        ),
      `the end of ${name}`,
    )
  }

  async #ended(name: string, OperationId: string | undefined): Promise<[string, string]> {
    let ended: [string, string] | undefined
    await waitFor(async () => {
      const command = new DescribeApplicationOperationCommand({ ApplicationName: name, OperationId })
      const details = (await this.call(command)).ApplicationOperationInfoDetails
      if (details?.OperationStatus === 'IN_PROGRESS') return false
      const cause = details?.OperationFailureDetails?.ErrorInfo?.ErrorString ?? ''
      ended = [details?.OperationStatus ?? '', cause]
      return true
    }, `an operation of ${name}`)
    return ended as [string, string]
  }

  /** What it has printed, of one attempt. */
  outcome(name: string, attempt: string): string {
    const line = this.#printed(name).find((text) => text.startsWith(`${attempt}=`))
    assert.ok(line !== undefined, `nothing is told of: ${attempt}`)
    return line.slice(attempt.length + 1)
  }

  shows(name: string, text: string): Promise<void> {
    return waitFor(() => this.#printed(name).some((line) => line.includes(text)), `'${text}' of ${name}`)
  }

  #printed(name: string): string[] {
    const file = join(this.data, 'apps', name, 'logs/application.log')
    return (existsSync(file) ? readFileSync(file, 'utf8') : '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { message: string }).message)
  }

  jobPids(name: string): number[] {
    return processes()
      .filter(({ command }) => command.startsWith(`${process.execPath} `) && command.includes(`/data/apps/${name}/`))
      .map(({ pid }) => pid)
  }

  /** Of an application with all that it has started. */
  processesOf(name: string): number {
    const parents = new Map(processes().map(({ pid, parent }) => [pid, parent]))
    const roots = new Set(
      processes()
        .filter(({ command }) => command.includes(`/data/apps/${name}/`))
        .map(({ pid }) => pid),
    )
    const belongs = (pid: number | undefined): boolean =>
      pid !== undefined && pid > 1 && (roots.has(pid) || belongs(parents.get(pid)))
    return [...parents.keys()].filter(belongs).length
  }

  assertSmall(): void {
    const resident = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1])
    assert.ok(resident < SERVICE_LIMIT_KB, `the service has held ${resident} KiB`)
  }

  kill(): void {
    this.#service.kill('SIGKILL')
  }
}

function processes(): { pid: number; parent: number; command: string }[] {
  return execFileSync('ps', ['-eo', 'pid,ppid,args', '--no-headers'], { encoding: 'utf8', maxBuffer: 64 << 20 })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, ...command]) => ({ pid: Number(pid), parent: Number(parent), command: command.join(' ') }))
}

async function waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
    await sleep(50)
  }
}
