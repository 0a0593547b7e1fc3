import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
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

/** How the service that is attacked runs. */
interface Surroundings {
  readonly userId?: number
  /** Root as in a container with Docker's defaults: it can't make namespaces. */
  readonly inContainer?: boolean
}

/**
 * A bundle that means harm, as root, as another user, and as root where there are no namespaces: what it tries to read,
 * write, signal and become is refused; its floods, forks and memory end at its limits; the service answers all the while
 * and stays small.
 */
export async function run(log: (line: string) => void): Promise<void> {
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'pipe' })
  const isolation = await detectIsolation(commandFile)
  if (isolation.level !== 'isolated' || isolation.means.by !== 'namespaces') {
    return log('not run: needs Linux namespaces')
  }
  await attacked(log, {})
  if (process.getuid?.() !== 0) return
  await attacked((line) => log(`as an unprivileged user: ${line}`), { userId: 64_123 })
  await attacked((line) => log(`as root without namespaces: ${line}`), { inContainer: true })
}

async function attacked(log: (line: string) => void, surroundings: Surroundings): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-hostile-'))
  const metadata = await MetadataStandIn.start()
  let world: World | undefined
  try {
    const { userId, inContainer } = surroundings
    if (userId !== undefined) execFileSync('chown', [String(userId), folder])
    // What is above the data directory is up to the operator.
    if (inContainer) chmodSync(folder, 0o755)
    world = await World.start(folder, metadata.url, surroundings)
    await reaches(world, log, inContainer ? OF_OWN_USER : IN_NAMESPACES)
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

/** What comes of attempts. */
interface Refusals {
  /** In the application's log. */
  readonly isolation: RegExp
  readonly hidden: string
  readonly signal: string
  readonly data: string
  readonly apps: string
  readonly own: string
  readonly unshare: RegExp
  readonly connect: RegExp
  readonly hardLink: RegExp
  readonly setUserId: RegExp
  readonly processes: RegExp
  readonly temporary: (run: string) => string
  /** Paths of the machine that everybody may see, or write to. */
  readonly shared: readonly string[]
}

const IN_NAMESPACES: Refusals = {
  isolation: /^isolation: isolated \(namespaces/,
  hidden: 'ENOENT',
  signal: 'ESRCH',
  data: 'GOT apps',
  apps: 'GOT hostile',
  own: 'GOT checkpoints code given run savepoints',
  unshare: /No space left on device/,
  connect: /ENOENT/,
  hardLink: /No such file/,
  setUserId: /ENOENT/,
  processes: /^GOT (sh|millrace-job) (node|MainThread)$/,
  temporary: () => 'GOT /tmp',
  shared: [],
}

const OF_OWN_USER: Refusals = {
  isolation: /^isolation: isolated \(a user of its own\)$/,
  hidden: 'EACCES',
  signal: 'EPERM',
  data: 'EACCES',
  apps: 'EACCES',
  own: 'EACCES',
  unshare: /Operation not permitted/,
  connect: /EACCES/,
  hardLink: /Permission denied|Operation not permitted/,
  setUserId: /^GOT [1-9]\d*\s*$/,
  processes: /./,
  temporary: (run) => `GOT ${run}`,
  shared: ['/home', '/tmp/millrace-hostile-x'],
}

async function reaches(world: World, log: (line: string) => void, expected: Refusals): Promise<void> {
  const { data, pid } = world
  await world.create('sibling', 'counting', {})
  await world.started('sibling')
  await world.matches('sibling', expected.isolation)
  const siblingPid = world.jobPids('sibling')[0] as number
  const victim = join(world.folder, 'victim')
  mkdirSync(victim)
  writeFileSync(join(victim, 'file'), 'untouched')
  const whoIsIt = join(world.folder, 'id')
  copyFileSync('/usr/bin/id', whoIsIt)
  chmodSync(whoIsIt, 0o4755)
  const app = join(data, 'apps/hostile')
  const bundle = join(app, 'code', (await world.create('hostile', 'hostile', {}))[0] as string)
  const lock = readdirSync(data).find((name) => /^\.endpoint-lock\.\d+$/.test(name)) as string
  const connect = `require('net').connect('${join(data, lock)}').on('connect', process.exit)`
  const hidden = ['credentials', 'access.key', 'store.db', 'apps/sibling/given/credentials']
  const targets = {
    read: [
      ...hidden.map((name) => join(data, name)),
      ...['/proc/1/environ', `/proc/${pid}/environ`, `/proc/${siblingPid}/environ`, `/proc/${pid}/mem`],
      '/etc/shadow',
    ],
    list: [
      ...['', 'apps', 'apps/sibling', 'apps/sibling/checkpoints', 'apps/hostile', 'streams'].map((name) =>
        join(data, name),
      ),
      '/root',
      '/home',
    ],
    write: [bundle, join(app, 'given/credentials'), '/x', '/usr/x', '/proc/sys/kernel/core_pattern'],
    signal: [pid, siblingPid],
    commands: [
      ['mount', '-t', 'tmpfs', 'tmpfs', '/tmp'],
      ['unshare', '--user', 'true'],
      ['unshare', '--mount', 'true'],
      ['ln', join(data, 'credentials'), join(app, 'run/stolen')],
      ['setpriv', '--reuid', '1', 'true'],
      [whoIsIt, '-u'],
      [process.execPath, '-e', connect],
    ],
    links: [
      [join(app, 'run/application_properties.v1.json.new'), join(victim, 'file')],
      [join(app, 'run/victim'), victim],
      [join(app, 'checkpoints/victim'), victim],
      [join(app, 'savepoints/suspended-victim'), victim],
    ],
  }
  // What it writes there, below /tmp, lies in a /tmp of its own, if anywhere.
  const outside = [join(data, 'x'), join(data, 'apps/x'), join(data, 'apps/sibling/run/x'), '/tmp/millrace-hostile-x']
  const attempted = outside.filter((path) => !expected.shared.includes(path))
  const all = { ...targets, write: [...targets.write, ...attempted] }
  await world.recreate('hostile', 'hostile', { what: 'reach', targets: JSON.stringify(all) })
  await world.started('hostile')
  await world.shows('hostile', 'environment=')
  const outcome = (name: string): string => world.outcome('hostile', name)
  for (const name of hidden) assert.equal(outcome(`read ${join(data, name)}`), expected.hidden, name)
  assert.equal(outcome('read /proc/1/environ'), 'EACCES')
  for (const file of [`${pid}/environ`, `${siblingPid}/environ`, `${pid}/mem`])
    assert.match(outcome(`read /proc/${file}`), /^(ENOENT|EACCES)$/, file)
  assert.equal(outcome('read /etc/shadow'), expected.hidden)
  assert.equal(outcome(`list ${join(data, '')}`), expected.data)
  assert.equal(outcome(`list ${join(data, 'apps')}`), expected.apps)
  for (const name of ['apps/sibling', 'apps/sibling/checkpoints'])
    assert.equal(outcome(`list ${join(data, name)}`), expected.hidden)
  assert.equal(outcome(`list ${app}`), expected.own)
  for (const path of [join(data, 'streams'), '/root', '/home']) {
    if (!expected.shared.includes(path)) assert.match(outcome(`list ${path}`), /^(ENOENT|EACCES)$/, path)
  }
  for (const path of targets.write) assert.match(outcome(`write ${path}`), /^(EROFS|EACCES)$/, path)
  for (const path of attempted) assert.equal(existsSync(path), false, path)
  for (const target of targets.signal) assert.equal(outcome(`signal ${target}`), expected.signal)
  assert.match(outcome('run mount -t tmpfs tmpfs /tmp'), /permission denied|superuser/i)
  assert.match(outcome('run unshare --user true'), expected.unshare)
  assert.match(outcome('run unshare --mount true'), /Operation not permitted/)
  assert.match(outcome(`run ln ${join(data, 'credentials')} ${join(app, 'run/stolen')}`), expected.hardLink)
  assert.match(outcome('run setpriv --reuid 1 true'), /Operation not permitted|Invalid argument/)
  assert.match(outcome(`run ${whoIsIt} -u`), expected.setUserId)
  assert.match(outcome(`run ${process.execPath} -e ${connect}`), expected.connect)
  assert.equal(outcome('open memory of init'), 'EACCES')
  assert.match(outcome('become another user'), /^(EPERM|EINVAL)$/)
  assert.match(outcome('processes'), expected.processes)
  assert.match(outcome('rights'), /^GOT 0+$/)
  assert.equal(outcome('temporary folder'), expected.temporary(join(app, 'run')))
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
  assert.equal(statSync(victim).uid, statSync(join(victim, 'file')).uid)
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

  static async start(folder: string, metadata: string, { userId, inContainer }: Surroundings): Promise<World> {
    const entry = resolve('packages/service/src/jobs/managed-jobs-fixture.ts')
    const data = join(folder, 'data')
    const options = ['--conditions=millrace-source', '--import', 'tsx', entry, data, commandFile, String(KPU_MEMORY_MB)]
    const env = { ...process.env, SERVICE_SECRET: SECRET, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata, TMPDIR: folder }
    const user = userId === undefined ? {} : { uid: userId, gid: userId }
    const [command = '', ...args] = [...(inContainer ? containerWords(folder) : []), process.execPath, ...options]
    const service = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'], ...user })
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

  matches(name: string, line: RegExp): Promise<void> {
    return waitFor(() => this.#printed(name).some((text) => line.test(text)), `${line} of ${name}`)
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

  /** Of an application with all that it has started, wherever its parent is gone. */
  processesOf(name: string): number {
    const running = processes()
    const userId = statSync(join(this.data, 'apps', name, 'run')).uid
    const isOwnUser = userId !== statSync(this.data).uid
    const parents = new Map(running.map(({ pid, parent }) => [pid, parent]))
    const roots = new Set(
      running
        .filter(({ command, user }) => command.includes(`/data/apps/${name}/`) || (isOwnUser && user === userId))
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

/** Docker's default rights, in a root of its own: where user namespaces are refused to everybody. Source: user_namespaces(7). */
function containerWords(folder: string): string[] {
  const root = join(folder, 'root')
  mkdirSync(root)
  const rights = ['chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap', 'mknod']
  const others = ['net_bind_service', 'net_raw', 'sys_chroot', 'audit_write', 'setfcap']
  const bounding = `--bounding-set=-all,${[...rights, ...others].map((right) => `+${right}`).join(',')}`
  const enter = `mount --rbind / "$1" && exec chroot "$@"`
  return [
    'unshare',
    '--mount',
    'sh',
    '-c',
    enter,
    'container',
    root,
    'env',
    '-C',
    process.cwd(),
    'setpriv',
    bounding,
    '--inh-caps=-all',
    '--',
  ]
}

/** Without those that have ended and whose parent, which may be the machine's init, hasn't asked yet how. */
function processes(): { pid: number; parent: number; user: number; command: string }[] {
  return execFileSync('ps', ['-eo', 'stat,pid,ppid,uid,args', '--no-headers'], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([state]) => state?.startsWith('Z') === false)
    .map(([, pid, parent, user, ...command]) => ({
      pid: Number(pid),
      parent: Number(parent),
      user: Number(user),
      command: command.join(' '),
    }))
}

async function waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
    await sleep(50)
  }
}
