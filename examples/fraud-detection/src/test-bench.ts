import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis'
import { SNSClient } from '@aws-sdk/client-sns'
import { silentLogger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import { type Endpoint, startEndpoint } from '@millrace/service'

/** An endpoint with the stream of four shards, in a directory that goes when it is closed; for the tests of this example. */
export class TestBench {
  readonly directory: string
  readonly kinesis: KinesisClient
  readonly sns: SNSClient
  readonly environment: Readonly<Record<string, string>>
  readonly #endpoint: Endpoint
  readonly #children: ChildProcess[] = []

  private constructor(directory: string, endpoint: Endpoint) {
    const { accessKeyId, secretAccessKey } = endpoint.credentials
    const client = { region: 'us-east-1', endpoint: endpoint.url, credentials: { accessKeyId, secretAccessKey } }
    this.directory = directory
    this.#endpoint = endpoint
    this.kinesis = new KinesisClient(client)
    this.sns = new SNSClient(client)
    this.environment = {
      AWS_ENDPOINT_URL: endpoint.url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      // The AWS SDK warns in every process about Node versions to come.
      NODE_NO_WARNINGS: '1',
    }
  }

  static async start(): Promise<TestBench> {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-fraud-'))
    const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
    const bench = new TestBench(directory, await startEndpoint({ dataDirectory: directory }, parts))
    await bench.kinesis.send(new CreateStreamCommand({ StreamName: 'transactions', ShardCount: 4 }))
    return bench
  }

  /** Runs one of the example's entries, e.g. `./producer.ts`, as the start script does. */
  run(entry: string, ...options: string[]): ChildProcess {
    const path = fileURLToPath(new URL(entry, import.meta.url))
    const child = spawn(process.execPath, ['--conditions=millrace-source', '--import', 'tsx', path, ...options], {
      // Standard error holds the oracle's examples of differences, of which one test has many.
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, ...this.environment },
    })
    this.#children.push(child)
    return child
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    this.kinesis.destroy()
    this.sns.destroy()
    await this.#endpoint.close()
    await rm(this.directory, { recursive: true })
  }
}

/** The JSON lines of a child, by type. */
export class Messages {
  readonly #all: Record<string, unknown>[] = []
  #look: () => void = () => {}

  constructor(child: ChildProcess) {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.#all.push(JSON.parse(line))
      this.#look()
    })
  }

  /** The first of that type, once it is there. */
  until(type: string): Promise<Record<string, unknown>> {
    return new Promise((resolve) => {
      this.#look = () => {
        const message = this.#all.find((one) => one['type'] === type)
        if (message !== undefined) resolve(message)
      }
      this.#look()
    })
  }
}
