import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileSystems } from '@millrace/engine/host'
import { type ApplicationProcess, type CheckpointEvent, launchApplication } from '@millrace/service/launchers'
import { BLOCK } from '../generator.ts'
import type { HttpProtocol } from '../producer/aws.ts'
import { PROPERTY_GROUP } from '../settings.ts'
import { ensureBucket, ensureStreamAndTopic, STREAM } from './aws-setup.ts'
import { covers } from './checkpoint-coverage.ts'
import { spawnLines } from './child-lines.ts'
import { EndpointProcess } from './endpoint.ts'
import { ManagedApplication } from './managed-application.ts'
import { nextIndex, type ProducerFigures, ProducerProcess } from './producer-process.ts'
import { countFlagged, download, runFileSystems } from './run-files.ts'

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
  /** AWS-compatible services to use instead of our own endpoint: their address, or `aws` for what the SDK's environment says. */
  readonly endpoint: string | undefined
  /** `s3://bucket/prefix` of outputs and checkpoints instead of the directory. */
  readonly output: string | undefined
  /** How Kinesis is spoken to; `http2` unless given. */
  readonly httpProtocol?: HttpProtocol
  /**
   * Inside the service, which then runs the application; otherwise, and without our own endpoint, it is a child of this
   * process. `threads` and `nodeArguments` are for the latter, `checkpointIntervalMs` of the former is at least 1000.
   */
  readonly managed?: boolean
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
  #fileSystems: FileSystems | undefined
  #producer: ProducerProcess | undefined
  #application: ApplicationProcess | undefined
  #managed: ManagedApplication | undefined
  #topicArn = ''
  #flaggedBefore = 0
  #stopping = false
  #checkpointPath: string | undefined
  #gaveUp: ((error: Error) => void) | undefined
  #onRunning: () => void = () => {}
  checkpoints = 0
  restarts = 0

  constructor(settings: FraudRunSettings, listener: FraudRunListener = {}) {
    this.settings = settings
    this.#listener = listener
    this.#env = {
      ...process.env,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      AWS_REGION: process.env['AWS_REGION'] ?? REGION,
      ...environmentOf(settings),
    }
    // Also for the AWS SDK in this process.
    Object.assign(process.env, this.#env)
  }

  get endpointName(): string {
    return this.#endpoint?.url ?? this.settings.endpoint ?? 'none'
  }

  /** Where outputs and checkpoints lie: the directory, or the path on S3. */
  get #base(): string {
    return this.settings.output ?? this.settings.dir
  }

  /** Its process, unless the service has it. */
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

  /** Resolves when the application runs for the first time. */
  readonly #ran: Promise<void> = new Promise((resolve) => {
    this.#onRunning = resolve
  })

  /** Starts everything; resolves when the application runs and the producer puts. */
  async start(): Promise<void> {
    const { dir, endpoint, output, port, throttling } = this.settings
    this.failure.catch(() => {})
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    if (endpoint === undefined) {
      const onRestart = (): void => {
        this.#note('the endpoint died; it is started again')
      }
      const streamsOnly = this.settings.managed !== true
      this.#endpoint = await EndpointProcess.start({ commandFile, dir, port, throttling, streamsOnly, onRestart })
    }
    const region = this.#env['AWS_REGION'] as string
    const { topicArn } = await ensureStreamAndTopic(this.#endpoint?.url, region, this.#httpProtocol)
    this.#topicArn = topicArn
    if (output !== undefined) await ensureBucket(output, region)
    this.#fileSystems = await runFileSystems(output !== undefined)
    this.#flaggedBefore = await this.#countFlagged()
    const producer = this.#startProducer()
    if (this.settings.managed === true) await Promise.race([this.#deployApplication(), this.failure])
    else this.#launchApplication()
    await Promise.race([this.#ran, this.failure])
    await producer.ready
    producer.start()
  }

  #startProducer(): ProducerProcess {
    const { dir, transactions, rate, seed } = this.settings
    const first = Math.ceil(nextIndex(dir) / BLOCK) * BLOCK
    const args = {
      stream: STREAM,
      topic: this.#topicArn,
      ...this.#endpointArguments(),
      rate: String(rate),
      seed: String(seed),
      first: String(first),
      journal: dir,
      ...(transactions === undefined ? {} : { transactions: String(transactions) }),
    }
    const producer = new ProducerProcess({
      file: here('../producer.ts'),
      args: words(args),
      env: this.#env,
      onProgress: (figures) => this.#listener.onProgress?.(figures),
      onFirstAlert: () => this.#listener.onFirstAlert?.(),
    })
    producer.acknowledged.catch((error: Error) => this.#gaveUp?.(error))
    this.#producer = producer
    return producer
  }

  async #deployApplication(): Promise<void> {
    const { dir, parallelism, checkpointIntervalMs, application = here('../application.ts') } = this.settings
    // The service tells it where streams and topics are: they may have another port at its next start.
    const propertiesFile = this.#writeProperties({})
    const { url } = this.#endpoint as EndpointProcess
    this.#managed = new ManagedApplication(
      { commandFile, dir, url, env: this.#env, application, propertiesFile, parallelism, checkpointIntervalMs },
      {
        onRestarted: () => {
          this.restarts++
          this.#note('the application runs again in another process')
          this.#listener.onRunning?.()
        },
        onRestarting: (cause) => {
          this.restarts++
          this.#note(`the application restarts: ${cause}`)
        },
        onCheckpoint: (checkpoint) => this.#onCheckpoint(checkpoint),
        onGivenUp: (error) => this.#gaveUp?.(error),
      },
    )
    await this.#managed.deploy()
    this.#onRunning()
    this.#listener.onRunning?.()
  }

  #onCheckpoint(checkpoint: CheckpointEvent): void {
    this.checkpoints++
    this.#checkpointPath = checkpoint.path ?? undefined
    this.#listener.onCheckpoint?.(checkpoint)
  }

  /** Answers with the file. */
  #writeProperties(more: Readonly<Record<string, string>>): string {
    const { dir, source, checkpointIntervalMs } = this.settings
    const file = join(dir, 'application_properties.json')
    const properties = {
      stream: STREAM,
      reader: source,
      output: `${this.#base}/output`,
      'topic.arn': this.#topicArn,
      'checkpoint.interval.ms': String(checkpointIntervalMs),
      'aws.region': this.#env['AWS_REGION'],
      'aws.http.protocol': this.#httpProtocol,
      ...more,
    }
    writeFileSync(file, JSON.stringify([{ PropertyGroupId: PROPERTY_GROUP, PropertyMap: properties }], null, 2))
    return file
  }

  #launchApplication(): void {
    const { dir, parallelism, threads } = this.settings
    const endpoint: Record<string, string> = this.#endpoint === undefined ? {} : { 'aws.endpoint': this.#endpoint.url }
    const propertiesFile = this.#writeProperties(endpoint)
    const application = launchApplication(
      {
        commandFile,
        application: this.settings.application ?? here('../application.ts'),
        directory: join(dir, 'application'),
        checkpoints: `${this.#base}/checkpoints`,
        from: 'latest',
        parallelism,
        threads,
        propertiesFile,
        nodeArguments: this.settings.nodeArguments ?? [],
        env: this.#env as Record<string, string>,
      },
      {
        onState: (state, cause) => {
          if (state === 'RUNNING') {
            this.#onRunning()
            this.#listener.onRunning?.()
          }
          if (state === 'RESTARTING') {
            this.restarts++
            this.#note(`the application restarts: ${cause?.message ?? 'a failure'}`)
          }
        },
        onLog: ({ timestampMs, level, message, fields }) => {
          const line = JSON.stringify({ time: new Date(timestampMs).toISOString(), level, message, ...fields })
          appendFileSync(join(dir, 'application.log'), `${line}\n`)
        },
        onCheckpoint: (checkpoint) => this.#onCheckpoint(checkpoint),
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
    const path = this.#checkpointPath
    return path !== undefined && (await covers(path, positions, this.#fileSystems as FileSystems))
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
      const application = this.#application
      try {
        await application?.running
        this.#stopping = true
        await (this.#managed?.stop(drain) ?? application?.stop({ drain }))
        return
      } catch (error) {
        this.#stopping = false
        if (performance.now() > untilMs) throw error
        const isGone = application !== undefined && application.state === undefined
        if (isGone && application === this.#application) this.#launchApplication()
        await sleep(200)
      }
    }
  }

  /** Waits for the alerts of all flagged transactions and ends the producer. */
  async finishProducer(timeoutMs = 10_000): Promise<ProducerFigures> {
    const alerts = (await this.#countFlagged()) - this.#flaggedBefore
    return (this.#producer as ProducerProcess).finish(alerts, timeoutMs)
  }

  #countFlagged(): Promise<number> {
    return countFlagged(this.#fileSystems as FileSystems, `${this.#base}/output/flagged`)
  }

  get #httpProtocol(): HttpProtocol {
    return this.settings.httpProtocol ?? 'http2'
  }

  /** Services that aren't ours are found by the SDK's environment alone. */
  #endpointArguments(): Readonly<Record<string, string>> {
    const protocol = { 'http-protocol': this.#httpProtocol }
    return this.#endpoint === undefined ? protocol : { ...protocol, endpoint: this.#endpoint.url }
  }

  /** Compares log and files, those on S3 by a copy in the directory; what differs goes to standard error. */
  async oracle(): Promise<OracleAnswer> {
    const { dir, output } = this.settings
    if (output !== undefined) await download(this.#fileSystems as FileSystems, `${output}/output`, join(dir, 'output'))
    return this.#runOracle()
  }

  #runOracle(): Promise<OracleAnswer> {
    return new Promise((resolve, reject) => {
      let last = ''
      const options = words({ dir: this.settings.dir, ...this.#endpointArguments() })
      const args = ['--import', 'tsx', here('../oracle/main.ts'), ...options]
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
    this.#managed?.close()
    await this.#producer?.kill()
    await this.#endpoint?.close()
  }
}

/** What the processes of a run find AWS by: our own endpoint's credentials, or the address they were told. */
function environmentOf({ dir, endpoint }: FraudRunSettings): NodeJS.ProcessEnv {
  if (endpoint === 'aws') return {}
  if (endpoint !== undefined) return { AWS_ENDPOINT_URL: endpoint }
  return { AWS_SHARED_CREDENTIALS_FILE: join(dir, 'credentials'), AWS_EC2_METADATA_DISABLED: 'true' }
}

/** `--name value` of each. */
function words(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
