import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis'
import {
  CreateApplicationCommand,
  DescribeApplicationCommand,
  KinesisAnalyticsV2Client,
  StartApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { type RunningCommand, startMillrace } from './millrace-command.ts'

const region = 'us-east-1'
const keys = 20
const LIMIT_MS = 120_000

/** What an application has printed, and when its service got it. */
export interface Printed {
  readonly atMs: number
  readonly number: number
  readonly key: string
  readonly count: number
}

/** How an application of the stream-counts is made. */
export interface CountsSettings {
  /** Of the group `millrace`. */
  readonly scaling?: Readonly<Record<string, string>>
  readonly holdMs?: number
  readonly autoScaling?: boolean
  /** Of its execution; default: the one that may do all that applications may. */
  readonly role?: string
  readonly reader?: 'polling' | 'fan-out'
}

/** Streams of another process than the node's. */
export interface StreamsElsewhere {
  readonly url: string
  readonly dataDirectory: string
}

/**
 * `millrace serve` with applications of stream-counts, each over a stream of its name: of this node, unless streams
 * elsewhere are given, which `options` have to name.
 */
export class StreamCountsNode {
  readonly #folder: string
  readonly #bundle: Uint8Array
  readonly #options: readonly string[]
  readonly #elsewhere: StreamsElsewhere | undefined
  #command: RunningCommand | undefined
  #kinesis: KinesisClient | undefined
  #applications: KinesisAnalyticsV2Client | undefined
  url = ''

  constructor(folder: string, bundle: Uint8Array, options: readonly string[] = [], elsewhere?: StreamsElsewhere) {
    this.#folder = folder
    this.#bundle = bundle
    this.#options = options
    this.#elsewhere = elsewhere
  }

  /** Starts the service, on a free port. */
  async start(): Promise<void> {
    const words = ['serve', '--data', join(this.#folder, 'data'), '--port', '0', ...this.#options]
    const command = startMillrace(words, this.#folder)
    this.#command = command
    await command.shows('millrace ready')
    this.url = /millrace ready (\S+)/.exec(command.output())?.[1] as string
    const { url = this.url, dataDirectory = join(this.#folder, 'data') } = this.#elsewhere ?? {}
    this.#kinesis = new KinesisClient({ endpoint: url, region, credentials: administratorOf(dataDirectory) })
    this.#applications = new KinesisAnalyticsV2Client({ endpoint: this.url, region, credentials: this.credentials })
  }

  get credentials(): AccessKey {
    return administratorOf(join(this.#folder, 'data'))
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#kinesis?.destroy()
    this.#applications?.destroy()
    this.#command?.process.kill(signal)
    await this.#command?.result
  }

  /** Runs `millrace …` against it. */
  async millrace(...words: string[]): Promise<string> {
    const environment = { MILLRACE_HOME: join(this.#folder, 'data'), MILLRACE_URL: this.url }
    const { exitCode, stdout, stderr } = await startMillrace(words, this.#folder, environment).result
    if (exitCode !== 0) throw new Error(`millrace ${words.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`)
    return stdout
  }

  async deploy(name: string, settings: CountsSettings): Promise<void> {
    const { scaling = {}, holdMs = 0, autoScaling = true, role = 'millrace-application', reader = 'polling' } = settings
    await this.#createStream(name)
    await this.#client.send(
      new CreateApplicationCommand({
        ApplicationName: name,
        RuntimeEnvironment: 'FLINK-1_20',
        ServiceExecutionRole: `arn:aws:iam::000000000000:role/${role}`,
        ApplicationConfiguration: {
          ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: this.#bundle } },
          ApplicationSnapshotConfiguration: { SnapshotsEnabled: true },
          EnvironmentProperties: {
            PropertyGroups: [
              { PropertyGroupId: 'counts', PropertyMap: { stream: name, reader, 'hold.ms': String(holdMs) } },
              ...(Object.keys(scaling).length === 0 ? [] : [{ PropertyGroupId: 'millrace', PropertyMap: scaling }]),
            ],
          },
          FlinkApplicationConfiguration: {
            ParallelismConfiguration: {
              ConfigurationType: 'CUSTOM',
              Parallelism: 1,
              ParallelismPerKPU: 1,
              AutoScalingEnabled: autoScaling,
            },
            CheckpointConfiguration: {
              ConfigurationType: 'CUSTOM',
              CheckpointingEnabled: true,
              CheckpointInterval: 1000,
              MinPauseBetweenCheckpoints: 0,
            },
          },
        },
      }),
    )
    await this.#client.send(new StartApplicationCommand({ ApplicationName: name }))
    await waitFor(async () => (await this.described(name)).status === 'RUNNING', `${name} to run`)
  }

  async #createStream(name: string): Promise<void> {
    const kinesis = this.#streams
    await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount: 4 }))
    const status = async () =>
      (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: name }))).StreamDescriptionSummary
        ?.StreamStatus
    await waitFor(async () => (await status()) === 'ACTIVE', `stream ${name}`)
  }

  async described(name: string): Promise<{ readonly status: string; readonly parallelism: number }> {
    const { ApplicationDetail } = await this.#client.send(new DescribeApplicationCommand({ ApplicationName: name }))
    const { FlinkApplicationConfigurationDescription: flink } =
      ApplicationDetail?.ApplicationConfigurationDescription ?? {}
    return {
      status: ApplicationDetail?.ApplicationStatus as string,
      parallelism: flink?.ParallelismConfigurationDescription?.CurrentParallelism as number,
    }
  }

  /** Puts the records of these numbers; a number always has the same key. */
  async put(stream: string, from: number, count: number): Promise<void> {
    const Records = Array.from({ length: count }, (_, i) => {
      const key = `key-${(from + i) % keys}`
      return { PartitionKey: key, Data: Buffer.from(JSON.stringify({ number: from + i, key })) }
    })
    const { FailedRecordCount } = await this.#streams.send(new PutRecordsCommand({ StreamName: stream, Records }))
    if (FailedRecordCount !== 0) throw new Error(`${FailedRecordCount} records were not taken`)
  }

  logOf(name: string): { readonly timestamp: string; readonly logger: string; readonly message: string }[] {
    const text = readFileSync(join(this.#folder, 'data', 'apps', name, 'logs', 'application.log'), 'utf8')
    // The last line may be half written.
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  }

  /** What the application has printed so far, in that order. */
  printed(name: string): Printed[] {
    return this.logOf(name)
      .filter(({ logger }) => logger === 'stdout')
      .map(({ timestamp, message }) => {
        const [, number, key = '', count] = /(\d+) (key-\d+) (\d+)$/.exec(message) ?? []
        return { atMs: Date.parse(timestamp), number: Number(number), key, count: Number(count) }
      })
  }

  /** Processes that run in the application's folder. */
  processesOf(name: string): number[] {
    const directory = join(this.#folder, 'data', 'apps', name, 'run')
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && argumentsOf(pid).includes(directory))
  }

  get #client(): KinesisAnalyticsV2Client {
    if (this.#applications === undefined) throw new Error('not started')
    return this.#applications
  }

  get #streams(): KinesisClient {
    if (this.#kinesis === undefined) throw new Error('not started')
    return this.#kinesis
  }
}

interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

function administratorOf(dataDirectory: string): AccessKey {
  const text = readFileSync(join(dataDirectory, 'credentials'), 'utf8')
  const value = (name: string): string => new RegExp(`^${name} = (\\S+)`, 'm').exec(text)?.[1] as string
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') }
}

/** Looks again and again until the condition holds. */
export async function waitFor(condition: () => Promise<boolean> | boolean, what: string, everyMs = 50): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
    await sleep(everyMs)
  }
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has just ended.
    return []
  }
}
