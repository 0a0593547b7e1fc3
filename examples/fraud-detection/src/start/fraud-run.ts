import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createFileSystems,
  loadCheckpoint,
  localFileSystem,
  splitsOf,
  systemClock,
  systemRandom,
} from '@millrace/engine/host'
import { type ApplicationProcess, launchApplication } from '@millrace/service/launchers'
import { BLOCK } from '../generator.ts'
import { PROPERTY_GROUP } from '../settings.ts'
import { ensureStreamAndTopic, STREAM } from './aws-setup.ts'
import { spawnLines } from './child-lines.ts'
import { EndpointProcess } from './endpoint.ts'
import { nextIndex, type ProducerFigures, ProducerProcess } from './producer-process.ts'

export interface FraudRunSettings {
  readonly dir: string
  readonly transactions: number | undefined
  readonly rate: number
  readonly seed: number
  readonly port: number | undefined
  readonly source: 'fan-out' | 'polling'
  readonly parallelism: number
  readonly threads: number
  readonly checkpointIntervalMs: number
  readonly throttling: boolean
  readonly endpoint: string | undefined
  readonly output: string | undefined
  /** The application module; the example's own unless given. */
  readonly application?: string
  /** For the application's process, such as `--max-old-space-size=256`. */
  readonly nodeArguments?: readonly string[]
}

/** What happens, for whoever shows or disturbs the run. */
export interface FraudRunListener {
  onProgress?(figures: ProducerFigures): void
  onFirstAlert?(): void
  onCheckpoint?(checkpoint: { readonly id: number; readonly path: string | null; readonly durationMs: number }): void
  /** The application runs, at first and after each recovery. */
  onRunning?(): void
  onNote?(note: string): void
}

/** What the oracle says of a run. */
export interface OracleAnswer {
  readonly equal: boolean
  readonly differences: number
  readonly lost: number
  readonly duplicated: number
  readonly acknowledged: number
  readonly producerRetried: number
  readonly planted: number
  readonly plantedFound: number
  readonly safe: number
  readonly flagged: number
  readonly rejected: number
}

const commandFile = fileURLToPath(import.meta.resolve('millrace/command'))
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const REGION = 'us-east-1'
const STOP_TIMEOUT_MS = 60_000

/** The fraud application with everything around it: endpoint, stream, producer, application, oracle. Dead parts come back. */
export class FraudRun {
  readonly settings: FraudRunSettings
  readonly #listener: FraudRunListener
  readonly #env: NodeJS.ProcessEnv
  #endpoint: EndpointProcess | undefined
  #producer: ProducerProcess | undefined
  #application: ApplicationProcess | undefined
  #topicArn = ''
  #flaggedBefore = 0
  #stopping = false
  #checkpointPath: string | undefined
  #gaveUp: ((error: Error) => void) | undefined
  checkpoints = 0
  restarts = 0
  endpointRestarts = 0

  constructor(settings: FraudRunSettings, listener: FraudRunListener = {}) {
    this.settings = settings
    this.#listener = listener
    this.#env = {
      ...process.env,
      AWS_REGION: process.env['AWS_REGION'] ?? REGION,
      ...(settings.endpoint === undefined
        ? { AWS_SHARED_CREDENTIALS_FILE: join(settings.dir, 'credentials'), AWS_EC2_METADATA_DISABLED: 'true' }
        : {}),
    }
    // Also for the AWS SDK in this process.
    Object.assign(process.env, this.#env)
  }

  get endpointUrl(): string {
    return this.settings.endpoint ?? (this.#endpoint as EndpointProcess).url
  }

  get application(): ApplicationProcess | undefined {
    return this.#application
  }

  killEndpoint(): void {
    this.#endpoint?.kill()
  }

  /** Rejects when a part is gone for good. */
  readonly failure: Promise<never> = new Promise((_resolve, reject) => {
    this.#gaveUp = reject
  })

  /** Starts everything; resolves when the application runs and the producer puts. */
  async start(): Promise<void> {
    const { dir, endpoint, port, throttling } = this.settings
    this.failure.catch(() => {})
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    if (endpoint === undefined) {
      const onRestart = (): void => {
        this.endpointRestarts++
        this.#note('the endpoint died; it is started again')
      }
      this.#endpoint = await EndpointProcess.start({ commandFile, dir, port, throttling, onRestart })
    }
    const { topicArn } = await ensureStreamAndTopic(this.endpointUrl, this.#env['AWS_REGION'] as string)
    this.#topicArn = topicArn
    this.#flaggedBefore = await this.#countFlagged()
    const producer = this.#startProducer()
    this.#launchApplication()
    await Promise.race([this.#application?.running, this.failure])
    await producer.ready
    producer.start()
  }

  #startProducer(): ProducerProcess {
    const { dir, transactions, rate, seed } = this.settings
    const first = Math.ceil(nextIndex(dir) / BLOCK) * BLOCK
    const args = {
      stream: STREAM,
      topic: this.#topicArn,
      endpoint: this.endpointUrl,
      rate: String(rate),
      seed: String(seed),
      first: String(first),
      journal: dir,
      ...(transactions === undefined ? {} : { transactions: String(transactions) }),
    }
    const producer = new ProducerProcess({
      file: here('../producer.ts'),
      args: Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]),
      env: this.#env,
      onProgress: (figures) => this.#listener.onProgress?.(figures),
      onFirstAlert: () => this.#listener.onFirstAlert?.(),
    })
    producer.acknowledged.catch((error: Error) => this.#gaveUp?.(error))
    this.#producer = producer
    return producer
  }

  #launchApplication(): void {
    const { dir, parallelism, threads, source, output, checkpointIntervalMs } = this.settings
    const propertiesFile = join(dir, 'application_properties.json')
    const properties = {
      stream: STREAM,
      reader: source,
      output: output === undefined ? join(dir, 'output') : `${output}/output`,
      'topic.arn': this.#topicArn,
      'checkpoint.interval.ms': String(checkpointIntervalMs),
      'aws.endpoint': this.endpointUrl,
      'aws.region': this.#env['AWS_REGION'],
    }
    writeFileSync(
      propertiesFile,
      JSON.stringify([{ PropertyGroupId: PROPERTY_GROUP, PropertyMap: properties }], null, 2),
    )
    const application = launchApplication(
      {
        commandFile,
        application: this.settings.application ?? here('../application.ts'),
        directory: join(dir, 'application'),
        checkpoints: output === undefined ? join(dir, 'checkpoints') : `${output}/checkpoints`,
        from: 'latest',
        parallelism,
        threads,
        propertiesFile,
        nodeArguments: this.settings.nodeArguments ?? [],
        env: this.#env as Record<string, string>,
      },
      {
        onState: (state, cause) => {
          if (state === 'RUNNING') this.#listener.onRunning?.()
          if (state === 'RESTARTING') {
            this.restarts++
            this.#note(`the application restarts: ${cause?.message ?? 'a failure'}`)
          }
        },
        onLog: ({ timestampMs, level, message, fields }) => {
          const line = JSON.stringify({ time: new Date(timestampMs).toISOString(), level, message, ...fields })
          appendFileSync(join(dir, 'application.log'), `${line}\n`)
        },
        onCheckpoint: (checkpoint) => {
          this.checkpoints++
          this.#checkpointPath = checkpoint.path ?? undefined
          this.#listener.onCheckpoint?.(checkpoint)
        },
      },
    )
    this.#application = application
    void application.exited.then((exit) => {
      if (this.#stopping || application !== this.#application) return
      if (exit.signal === null) {
        const why = exit.cause?.message ?? exit.stderr.trim()
        this.#gaveUp?.(new Error(`the application ended with exit code ${exit.code}: ${why}`))
        return
      }
      this.restarts++
      this.#note(`the application was killed (${exit.signal}); it is started again`)
      this.#launchApplication()
    })
  }

  #note(note: string): void {
    this.#listener.onNote?.(note)
  }

  /** Resolves when all transactions are acknowledged and every position of the log is in a completed checkpoint. */
  async processed(): Promise<void> {
    const producer = this.#producer as ProducerProcess
    const positions = await Promise.race([producer.acknowledged, this.failure])
    for (;;) {
      if (await this.#isCovered(positions)) return
      await Promise.race([sleep(100), this.failure])
    }
  }

  async #isCovered(positions: Readonly<Record<string, string>>): Promise<boolean> {
    if (this.#checkpointPath === undefined || this.settings.output !== undefined) return this.#isCoveredByMetrics()
    const fileSystems = createFileSystems({ file: localFileSystem({ clock: systemClock, random: systemRandom }) })
    try {
      const checkpoint = await loadCheckpoint(this.#checkpointPath, fileSystems.forPath(this.#checkpointPath))
      const read = new Map((await splitsOf(checkpoint, fileSystems)).map((split) => [split.id, positionOf(split)]))
      return Object.entries(positions).every(([shard, last]) => BigInt(read.get(shard) ?? 0) >= BigInt(last))
    } catch (error) {
      // The next checkpoint may have replaced it meanwhile.
      const { code } = error as { code?: string }
      if (code === 'SAVEPOINT_NOT_FOUND' || code === 'FILE_NOT_FOUND') return false
      throw error
    }
  }

  /** Where checkpoints lie on S3: a savepoint taken when the sources are at the tip covers everything before it. */
  async #isCoveredByMetrics(): Promise<boolean> {
    const metrics = await this.#application?.metrics().catch(() => undefined)
    const behind = (metrics?.operators ?? []).flatMap(({ values }) =>
      Object.entries(values)
        .filter(([name]) => name.endsWith('millisBehindLatest'))
        .map(([, value]) => value),
    )
    return behind.length > 0 && behind.every((value) => value === 0)
  }

  /** No more transactions; resolves when those that were put are acknowledged. */
  async stopProducing(): Promise<void> {
    this.#producer?.stop()
    await Promise.race([this.#producer?.acknowledged, this.failure])
  }

  /** Stops the application with a savepoint, again after a recovery when it was killed meanwhile. */
  async stopApplication(drain: boolean): Promise<void> {
    const untilMs = performance.now() + STOP_TIMEOUT_MS
    for (;;) {
      const application = this.#application as ApplicationProcess
      try {
        await application.running
        this.#stopping = true
        await application.stop({ drain })
        return
      } catch (error) {
        this.#stopping = false
        if (performance.now() > untilMs) throw error
        if (application === this.#application && application.state === undefined) this.#launchApplication()
        await sleep(200)
      }
    }
  }

  /** Waits for the alerts of all flagged transactions and ends the producer. */
  async finishProducer(timeoutMs = 10_000): Promise<ProducerFigures> {
    const alerts = (await this.#countFlagged()) - this.#flaggedBefore
    return (this.#producer as ProducerProcess).finish(alerts, timeoutMs)
  }

  /** Flagged transactions in finished files; on S3 they aren't counted. */
  async #countFlagged(): Promise<number> {
    return this.settings.output === undefined ? countFlagged(join(this.settings.dir, 'output', 'flagged')) : 0
  }

  /** Compares log and files; what differs goes to standard error. */
  oracle(): Promise<OracleAnswer> {
    return new Promise((resolve, reject) => {
      let last = ''
      const args = [
        '--import',
        'tsx',
        here('../oracle/main.ts'),
        '--dir',
        this.settings.dir,
        '--endpoint',
        this.endpointUrl,
      ]
      const child = spawnLines(args, {
        env: this.#env,
        onLine: (line) => {
          last = line
        },
      })
      void child.exited.then(() => {
        if (child.stderr() !== '') process.stderr.write(child.stderr())
        try {
          resolve(JSON.parse(last) as OracleAnswer)
        } catch {
          reject(new Error('the oracle gave no answer'))
        }
      })
    })
  }

  async close(): Promise<void> {
    this.#stopping = true
    if (this.#application !== undefined) {
      this.#application.kill()
      await this.#application.exited
    }
    await this.#endpoint?.close()
  }
}

function positionOf(split: unknown): string {
  const { position } = split as { position?: { sequenceNumber?: string } }
  return position?.sequenceNumber ?? '0'
}

/** Distinct flagged positions in finished part files. */
async function countFlagged(folder: string): Promise<number> {
  const ids = new Set<string>()
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile() || /^[._]/.test(entry.name)) continue
    for (const line of (await readFile(join(entry.parentPath, entry.name), 'utf8')).split('\n')) {
      if (line === '') continue
      const { shard, sequenceNumber } = JSON.parse(line) as { shard: string; sequenceNumber: string }
      ids.add(`${shard}:${sequenceNumber}`)
    }
  }
  return ids.size
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
