import { join } from 'node:path'
import {
  type Cancellable,
  type Clock,
  EngineError,
  type Logger,
  type Random,
  type Scheduler,
} from '@millrace/engine/spi'
import { AccessControl } from './access/access-control.ts'
import { AccessService } from './access/access-service.ts'
import { type Credentials, loadOrCreateCredentials } from './access/credentials-file.ts'
import type { IsLive } from './access/execution-credentials.ts'
import { isLoopback } from './access/monitoring-gate.ts'
import { type Applications, type ApplicationsParts, isLive, openApplications } from './applications/applications.ts'
import { lockDataDirectory } from './endpoint-lock.ts'
import type { Faults, KinesisContext } from './ingest/kinesis-context.ts'
import { KinesisService } from './ingest/kinesis-service.ts'
import { diskFiles, type LogFiles } from './ingest/log-files.ts'
import { StreamRegistry } from './ingest/stream-registry.ts'
import { SubscriptionTable } from './ingest/subscription-table.ts'
import type { DirectoryLock } from './launchers/directory-lock.ts'
import type { CloudWatchSettings } from './metrics/cloudwatch-push.ts'
import { NodeMetrics } from './metrics/node-metrics.ts'
import { openNotifications } from './notifications/notifications.ts'
import { openDatabase } from './storage/open-store.ts'
import { SqlApplicationStore } from './storage/sql-application-store.ts'
import { ApiServer } from './wire/api-server.ts'
import type { Deadlines } from './wire/connection-watch.ts'
import { TlsCertificate, type TlsFiles } from './wire/tls-certificate.ts'

/** How an endpoint behaves; everything but the directory has a default. */
export interface EndpointSettings {
  /** Streams, topics, applications and the access key live here; mode 0700, made when missing. One endpoint at a time. */
  readonly dataDirectory: string
  /** Default 0: a free one. */
  readonly port?: number
  readonly host?: string
  /** AWS's quotas per shard. Default true. */
  readonly throttling?: boolean
  readonly region?: string
  readonly accountId?: string
  readonly subscriptionLifeMs?: number
  /** Within this time after a successful SubscribeToShard another one for its consumer and shard is refused; AWS: 5 s. */
  readonly subscriptionTakeoverMs?: number
  readonly streamActivationDelayMs?: number
  readonly consumerActivationDelayMs?: number
  readonly faults?: Faults
  readonly segmentBytes?: number
  /** Memory a shard keeps its newest records in. */
  readonly tailCacheBytes?: number
  readonly maxConnections?: number | undefined
  readonly maxInFlightBytes?: number
  readonly deadlines?: Deadlines | undefined
  /** Applications' metrics are pushed to CloudWatch: to that address, or where the AWS SDK finds it. */
  readonly pushMetrics?: { readonly url: string | undefined } | undefined
  /** Speaks TLS with this certificate; looked at again every minute. */
  readonly tls?: TlsFiles | undefined
  /** In cleartext also where others can listen: only behind something that encrypts. */
  readonly insecure?: boolean | undefined
  /** Whether streams and topics are offered here. Default true; not where several nodes share a store. */
  readonly ownStreams?: boolean | undefined
  /**
   * Without applications: the `postgres://…` store of the nodes whose applications use the streams here. Their users, keys
   * and running jobs are known here, too.
   */
  readonly storeUrl?: string | undefined
  /** 64 hex digits that encrypt the secrets in the store; default: `access.key` in the data directory. */
  readonly accessEncryptionKey?: string | undefined
  /** Calls a second that each principal may make. Default 10,000. */
  readonly requestsPerSecond?: number | undefined
}

export interface EndpointParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
  /** The disk unless given. */
  readonly files?: LogFiles
  /** Managed applications are served when this is given. */
  readonly applications?: ApplicationsParts
}

/** A running endpoint. */
export interface Endpoint {
  readonly url: string
  readonly port: number
  readonly credentials: Credentials
  /** Reads the certificate again. */
  reloadCertificate(): Promise<void>
  /** Stops accepting, ends event streams cleanly, finishes requests, closes the logs. May be called again. */
  close(): Promise<void>
}

const trimIntervalMs = 60_000
const closeGraceMs = 5_000
/** 10 MiB of records are 14 MB in base64. */
const maxBodyBytes = 16 << 20

/**
 * Starts the AWS-compatible endpoint: Kinesis, SNS and, when given their parts, managed Flink applications on one port,
 * HTTP/1.1 and cleartext HTTP/2, every request signed. Resolves when applications that ran before have been taken up.
 * Errors: `DATA_DIRECTORY_IN_USE`, `CREDENTIALS_INVALID`, `TLS_REQUIRED`, `TLS_CERTIFICATE_INVALID`, those of the log's
 * recovery and of the stores, and Node's for the port.
 */
export async function startEndpoint(settings: EndpointSettings, parts: EndpointParts): Promise<Endpoint> {
  assertSafeHost(settings)
  const credentials = await loadOrCreateCredentials(settings.dataDirectory)
  const lock = await lockDataDirectory(settings.dataDirectory)
  try {
    return await startLocked(settings, parts, credentials, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** The rest of the start, with the directory ours. */
async function startLocked(
  settings: EndpointSettings,
  parts: EndpointParts,
  credentials: Credentials,
  lock: DirectoryLock,
): Promise<Endpoint> {
  const { clock, scheduler, random, logger, files = diskFiles } = parts
  const host = settings.host ?? '127.0.0.1'
  const certificate = settings.tls === undefined ? undefined : await TlsCertificate.load(settings.tls, logger)
  // Jobs of this machine reach it by a loopback address, where they may be told secrets.
  const isLocal = certificate === undefined && (host === 'localhost' || isLoopback(host) || isEverywhere(host))
  const account = { region: settings.region ?? 'us-east-1', accountId: settings.accountId ?? '000000000000' }
  const streamParts = {
    files,
    clock,
    logger,
    segmentBytes: settings.segmentBytes ?? 32 << 20,
    tailCacheBytes: settings.tailCacheBytes ?? 4 << 20,
  }
  // Side by side: a first start also makes a signing key, which takes some 100 ms.
  const [registry, notifications] = await Promise.all([
    StreamRegistry.open(join(settings.dataDirectory, 'streams'), streamParts),
    openNotifications(join(settings.dataDirectory, 'notifications'), account, { ...parts, files }),
  ])
  let applications: Applications | undefined
  let elsewhere: SqlApplicationStore | undefined
  let access: AccessControl | undefined
  const closeStores = async () => {
    await access?.close()
    await applications?.close()
    await elsewhere?.close()
    await Promise.all([registry.close(), notifications.close()])
  }
  try {
    if (parts.applications === undefined && settings.storeUrl !== undefined) {
      elsewhere = new SqlApplicationStore(await openDatabase(settings.storeUrl, settings.dataDirectory))
    }
    access = await openAccess(settings, account, credentials, parts, async (owner) => {
      return elsewhere === undefined ? (await applications?.isLive(owner)) === true : isLive(elsewhere, owner)
    })
    applications = await openManaged(settings, account, credentials, access, registry, parts)
  } catch (error) {
    await closeStores()
    throw error
  }
  const context = kinesisContext(settings, account, registry, parts)
  const metrics = new NodeMetrics({ clock, scheduler, logger }, pushOf(settings, account.region))
  if (applications !== undefined) metrics.follow(applications.metrics)
  const services = settings.ownStreams === false ? [] : [new KinesisService(context), notifications.service]
  const server = new ApiServer(
    {
      ...settings,
      host,
      port: settings.port ?? 0,
      certificate,
      localPort: !isLocal,
      maxBodyBytes,
      maxInFlightBytes: settings.maxInFlightBytes ?? 128 << 20,
    },
    {
      clock,
      scheduler,
      random,
      logger,
      access,
      applicationTags: applications?.tags,
      metricsText: async () => metrics.text(registry, context.subscriptions, applications?.metrics),
      services: metrics.measured([...services, new AccessService(access, clock), ...(applications?.services ?? [])]),
    },
  )
  const { port, localPort } = await server.listen().catch(async (error) => {
    await closeStores()
    throw error
  })
  const reachable = isEverywhere(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  const url = `${certificate === undefined ? 'http' : 'https'}://${reachable}:${port}`
  const localUrl = isLocal ? url : `http://127.0.0.1:${localPort}`
  notifications.start(url)
  const trimming = repeat(scheduler, trimIntervalMs, () => Promise.all([registry.trim(), notifications.trim()]), logger)
  const reloadCertificate = async () => certificate?.reload()
  const renewing = repeat(scheduler, trimIntervalMs, reloadCertificate, logger)
  const close = async () => {
    trimming.cancel()
    renewing.cancel()
    await metrics.close()
    // First: jobs that end in good order still write to the streams here.
    await applications?.stop()
    context.subscriptions.endAll()
    await server.close(closeGraceMs)
    await closeStores()
    await lock.release()
  }
  try {
    await applications?.start({ url, localUrl })
  } catch (error) {
    await close()
    throw error
  }
  let closing: Promise<void> | undefined
  return {
    url,
    port,
    credentials,
    reloadCertificate,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

function isEverywhere(host: string): boolean {
  return /^(0\.0\.0\.0|::)$/.test(host)
}

function pushOf({ pushMetrics }: EndpointSettings, region: string): CloudWatchSettings | undefined {
  return pushMetrics && { url: pushMetrics.url, region }
}

/** Signatures keep others from acting, not from listening. Errors: `TLS_REQUIRED` (invalid). */
function assertSafeHost({ host = '127.0.0.1', tls, insecure }: EndpointSettings): void {
  if (tls !== undefined || insecure === true || host === 'localhost' || isLoopback(host)) return
  throw new EngineError('TLS_REQUIRED', {
    kind: 'invalid',
    message: `At ${host} others could read what is sent.`,
    hint: 'Give --tls-cert and --tls-key, or --insecure behind something that encrypts.',
    details: { host },
  })
}

function openAccess(
  { dataDirectory, accessEncryptionKey, requestsPerSecond, storeUrl: elsewhere }: EndpointSettings,
  account: { readonly region: string; readonly accountId: string },
  credentials: Credentials,
  { applications, clock, scheduler, logger }: EndpointParts,
  whetherLive: IsLive,
): Promise<AccessControl> {
  const storeUrl = applications === undefined ? elsewhere : applications.storeUrl
  const encryptionKey = accessEncryptionKey
  // Who runs no applications, and doesn't know who does, can't see which of them live.
  const isLive = applications === undefined && storeUrl === undefined ? undefined : whetherLive
  return AccessControl.open(
    { dataDirectory, account, credentials, encryptionKey, storeUrl, requestsPerSecond },
    { clock, scheduler, logger, isLive },
  )
}

async function openManaged(
  settings: EndpointSettings,
  account: { readonly region: string; readonly accountId: string },
  credentials: Credentials,
  access: AccessControl,
  streams: StreamRegistry,
  { clock, scheduler, random, logger, applications }: EndpointParts,
): Promise<Applications | undefined> {
  if (applications === undefined) return undefined
  const { dataDirectory } = settings
  return openApplications(applications, {
    dataDirectory,
    account,
    credentials,
    access,
    streams,
    clock,
    scheduler,
    random,
    logger,
  })
}

function kinesisContext(
  settings: EndpointSettings,
  account: { readonly region: string; readonly accountId: string },
  registry: StreamRegistry,
  parts: EndpointParts,
): KinesisContext {
  const { clock, scheduler, random, logger } = parts
  const subscriptionTakeoverMs = settings.subscriptionTakeoverMs ?? 5_000
  return {
    settings: {
      ...account,
      throttling: settings.throttling ?? true,
      streamActivationDelayMs: settings.streamActivationDelayMs ?? 0,
      consumerActivationDelayMs: settings.consumerActivationDelayMs ?? 0,
      subscriptionLifeMs: settings.subscriptionLifeMs ?? 300_000,
      faults: settings.faults ?? {},
    },
    registry,
    subscriptions: new SubscriptionTable(clock, subscriptionTakeoverMs),
    clock,
    scheduler,
    random,
    logger,
  }
}

/** Runs `work` again and again, the next time `intervalMs` after it ended; a failure is told and doesn't end it. */
function repeat(scheduler: Scheduler, intervalMs: number, work: () => Promise<unknown>, logger: Logger): Cancellable {
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
