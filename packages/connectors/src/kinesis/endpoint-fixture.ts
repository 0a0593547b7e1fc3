import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { silentLogger, sleep, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import type { SourceHarness } from '@millrace/engine/testing'
import { type Endpoint, type EndpointSettings, startEndpoint } from '@millrace/service'
import type { KinesisOptions } from './options.ts'
import { kinesis } from './source.ts'

/** A service endpoint in a directory of its own, which can be stopped and started again on the same port. */
export class EndpointFixture {
  readonly directory: string
  readonly settings: Omit<EndpointSettings, 'dataDirectory'>
  endpoint!: Endpoint
  client!: KinesisClient

  private constructor(directory: string, settings: Omit<EndpointSettings, 'dataDirectory'>) {
    this.directory = directory
    this.settings = settings
  }

  static async start(settings: Omit<EndpointSettings, 'dataDirectory'> = {}): Promise<EndpointFixture> {
    const fixture = new EndpointFixture(await mkdtemp(join(tmpdir(), 'millrace-kinesis-source-')), settings)
    await fixture.#listen(0)
    return fixture
  }

  /** How the source reaches it. */
  get aws(): NonNullable<KinesisOptions<unknown>['aws']> {
    const { url, credentials } = this.endpoint
    return { endpoint: url, region: 'us-east-1', credentials }
  }

  async createStream(name: string, shardCount: number): Promise<void> {
    await this.client.send(new CreateStreamCommand({ StreamName: name, ShardCount: shardCount }))
  }

  /** Puts `key → text` records, each key's in their order; throttled entries again until they are taken. */
  async put(stream: string, records: readonly { readonly key: string; readonly text: string }[]): Promise<void> {
    let entries = records.map(({ key, text }) => ({ PartitionKey: key, Data: Buffer.from(text) }))
    while (entries.length > 0) {
      const batch = entries.slice(0, 500)
      const answer = await this.client.send(new PutRecordsCommand({ StreamName: stream, Records: batch }))
      const failed = batch.filter((_, i) => answer.Records![i]!.ErrorCode !== undefined)
      entries = [...failed, ...entries.slice(500)]
      if (failed.length > 0) await delay(100)
    }
  }

  async stop(): Promise<void> {
    await this.endpoint.close()
  }

  async restart(): Promise<void> {
    const { port } = this.endpoint
    this.client.destroy()
    await this.endpoint.close()
    await this.#listen(port)
  }

  async close(): Promise<void> {
    this.client.destroy()
    await this.endpoint.close()
    await rm(this.directory, { recursive: true })
  }

  async #listen(port: number): Promise<void> {
    const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: silentLogger }
    this.endpoint = await startEndpoint({ ...this.settings, dataDirectory: this.directory, port }, parts)
    this.client = new KinesisClient({ ...this.aws, endpoint: this.endpoint.url, maxAttempts: 3 })
  }
}

const utf8 = new TextDecoder()

/** Reads a record's bytes as text. */
export const textFormat = { decode: (bytes: Uint8Array) => utf8.decode(bytes) }

export const delay = (ms: number): Promise<void> => sleep(systemScheduler, ms)

/** Resolves when the condition holds; fails after half a minute. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = systemClock.monotonicMs() + 30_000
  while (!condition()) {
    if (systemClock.monotonicMs() > endMs) throw new Error("the condition didn't hold within 30 s")
    await delay(5)
  }
}

/** The endpoint as the source contract wants it. */
export async function endpointHarness(readerType: 'polling' | 'fan-out'): Promise<SourceHarness<string>> {
  const fixture = await EndpointFixture.start({ subscriptionTakeoverMs: 0 })
  await fixture.createStream('orders', 3)
  const numbers = new Map<string, number>()
  let written = 0
  return {
    clock: systemClock,
    scheduler: systemScheduler,
    source: () =>
      kinesis({ stream: 'orders', format: textFormat, readerType, initialPosition: 'TRIM_HORIZON', aws: fixture.aws }),
    write: async (count) => {
      const records = Array.from({ length: count }, () => {
        const key = `key${written++ % 13}`
        const number = (numbers.get(key) ?? 0) + 1
        numbers.set(key, number)
        return { key, text: `${key}/${number}` }
      })
      await fixture.put('orders', records)
      return records.map(({ text }) => text)
    },
    nameOf: (value) => value,
    until,
    pass: delay,
    close: () => fixture.close(),
  }
}
