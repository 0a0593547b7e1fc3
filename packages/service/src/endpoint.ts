import { join } from 'node:path'
import type { Cancellable, Clock, Logger, Random, Scheduler } from '@millrace/engine/spi'
import { type Credentials, loadOrCreateCredentials } from './access/credentials-file.ts'
import { SignatureVerifier } from './access/signature-v4.ts'
import { lockDataDirectory } from './endpoint-lock.ts'
import type { Faults, KinesisContext } from './ingest/kinesis-context.ts'
import { KinesisService } from './ingest/kinesis-service.ts'
import { diskFiles, type LogFiles } from './ingest/log-files.ts'
import { StreamRegistry } from './ingest/stream-registry.ts'
import { SubscriptionTable } from './ingest/subscription-table.ts'
import { ApiServer } from './wire/api-server.ts'
import type { Deadlines } from './wire/connection-watch.ts'

/** How an endpoint behaves; everything but the directory has a default. */
export interface EndpointSettings {
  /** Streams, topics and the access key live here; mode 0700, made when missing. One endpoint at a time. */
  readonly dataDirectory: string
  /** Default 0: a free one. */
  readonly port?: number
  readonly host?: string
  /** AWS's quotas per shard. Default true. */
  readonly throttling?: boolean
  readonly region?: string
  readonly accountId?: string
  readonly subscriptionLifeMs?: number
  readonly subscriptionTakeoverMs?: number
  readonly streamActivationDelayMs?: number
  readonly consumerActivationDelayMs?: number
  readonly faults?: Faults
  readonly segmentBytes?: number
  /** Memory a shard keeps its newest records in. */
  readonly tailCacheBytes?: number
  readonly maxConnections?: number
  readonly maxInFlightBytes?: number
  readonly deadlines?: Deadlines
}

export interface EndpointParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  /** The disk unless given. */
  readonly files?: LogFiles
}

/** A running endpoint. */
export interface Endpoint {
  readonly url: string
  readonly port: number
  readonly credentials: Credentials
  /** Stops accepting, ends event streams cleanly, finishes requests, closes the logs. May be called again. */
  close(): Promise<void>
}

const trimIntervalMs = 60_000
const closeGraceMs = 5_000

/**
 * Starts the AWS-compatible endpoint: Kinesis and SNS on one port, HTTP/1.1 and cleartext HTTP/2, every request signed.
 * Errors: `DATA_DIRECTORY_IN_USE`, `CREDENTIALS_INVALID`, those of the log's recovery, and Node's for the port.
 */
export async function startEndpoint(settings: EndpointSettings, parts: EndpointParts): Promise<Endpoint> {
  const { clock, scheduler, random, logger, files = diskFiles } = parts
  const host = settings.host ?? '127.0.0.1'
  const region = settings.region ?? 'us-east-1'
  const credentials = await loadOrCreateCredentials(settings.dataDirectory)
  const lock = await lockDataDirectory(settings.dataDirectory)
  const registry = await StreamRegistry.open(join(settings.dataDirectory, 'streams'), {
    files,
    clock,
    logger,
    segmentBytes: settings.segmentBytes ?? 32 << 20,
    tailCacheBytes: settings.tailCacheBytes ?? 4 << 20,
  })
  const subscriptions = new SubscriptionTable(clock, settings.subscriptionTakeoverMs ?? 5_000)
  const context: KinesisContext = {
    settings: {
      region,
      accountId: settings.accountId ?? '000000000000',
      throttling: settings.throttling ?? true,
      streamActivationDelayMs: settings.streamActivationDelayMs ?? 0,
      consumerActivationDelayMs: settings.consumerActivationDelayMs ?? 0,
      subscriptionLifeMs: settings.subscriptionLifeMs ?? 300_000,
      subscriptionTakeoverMs: settings.subscriptionTakeoverMs ?? 5_000,
      faults: settings.faults ?? {},
    },
    registry,
    subscriptions,
    clock,
    scheduler,
    random,
    logger,
  }
  const server = new ApiServer(
    {
      host,
      port: settings.port ?? 0,
      maxBodyBytes: 16 << 20,
      maxInFlightBytes: settings.maxInFlightBytes ?? 128 << 20,
      ...(settings.maxConnections === undefined ? {} : { maxConnections: settings.maxConnections }),
      ...(settings.deadlines === undefined ? {} : { deadlines: settings.deadlines }),
    },
    {
      clock,
      scheduler,
      random,
      logger,
      verifier: new SignatureVerifier(credentials, region, clock),
      services: [new KinesisService(context)],
    },
  )
  const port = await server.listen()
  const trimming = repeat(scheduler, trimIntervalMs, () => registry.trim(), logger)
  let closing: Promise<void> | undefined
  const close = async () => {
    trimming.cancel()
    subscriptions.endAll()
    await server.close(closeGraceMs)
    await registry.close()
    await lock.release()
  }
  return {
    url: `http://${host}:${port}`,
    port,
    credentials,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

/** Runs `work` again and again, the next time `intervalMs` after it ended; a failure is told and doesn't end it. */
function repeat(scheduler: Scheduler, intervalMs: number, work: () => Promise<void>, logger: Logger): Cancellable {
  let isCancelled = false
  let timer: Cancellable
  const run = async () => {
    try {
      await work()
    } catch (error) {
      logger.error('removing old log segments failed', { cause: String(error) })
    }
    if (!isCancelled) timer = scheduler.after(intervalMs, () => void run())
  }
  timer = scheduler.after(intervalMs, () => void run())
  return {
    cancel: () => {
      isCancelled = true
      timer.cancel()
    },
  }
}
