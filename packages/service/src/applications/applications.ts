import type { Clock, Logger, Random, Scheduler } from '@millrace/engine/spi'
import type { AccessControl } from '../access/access-control.ts'
import type { Credentials } from '../access/credentials-file.ts'
import type { ExecutionCredentials, IsLive } from '../access/execution-credentials.ts'
import type { AwsRoleCredentials } from '../access/role-credentials.ts'
import { RoleCredentialsService } from '../access/role-credentials-service.ts'
import { type OpenS3, RoleS3 } from '../access/role-s3.ts'
import type { StreamRegistry } from '../ingest/stream-registry.ts'
import { KinesisAnalyticsService } from '../kinesis-analytics-service.ts'
import { ApplicationMetrics } from '../metrics/node-metrics.ts'
import { ApplicationLogs } from '../monitoring/application-logs.ts'
import { FlinkService } from '../monitoring/flink/flink-service.ts'
import { applicationScaling } from '../scaling/application-scaling.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { openDatabase } from '../storage/open-store.ts'
import { SqlApplicationStore } from '../storage/sql-application-store.ts'
import { ApiError } from '../wire/api-error.ts'
import type { ApiService } from '../wire/api-service.ts'
import { ForwardingService } from '../zones/forwarding-service.ts'
import { openZones, type ZoneSettings } from '../zones/open-zones.ts'
import type { Ownership } from '../zones/ownership.ts'
import type { SharedCode } from '../zones/shared-code.ts'
import { SharedCodeSweep } from '../zones/shared-code-sweep.ts'
import { CodeStore } from './code/code-store.ts'
import type { Lifecycle } from './lifecycle.ts'

/** What a lifecycle is made of. */
export interface LifecycleSurroundings {
  readonly store: ApplicationStore
  /** Which applications are this node's. */
  readonly ownership: Ownership
  /** Code lies below it as `StoredCode.file` says. */
  readonly dataDirectory: string
  readonly account: { readonly region: string; readonly accountId: string }
  /** The administrator's key, for what the service itself does with the endpoint's streams. */
  readonly credentials: Credentials
  /** What jobs open the endpoint with: each the rights of its application's role. */
  readonly executionCredentials: ExecutionCredentials
  /** What they open AWS's own services with: the credentials that their role has there. */
  readonly roleCredentials: AwsRoleCredentials
  /** Where snapshots are exported to and imported from. */
  readonly s3: RoleS3 | undefined
  /** The endpoint's address; known when `recover` is called and later. */
  url(): string
  /** What others reach the endpoint by, and jobs may: known when `url` is. */
  publicUrl(): string
  /** Where jobs find streams and topics: here or elsewhere; undefined: at Amazon. Known when `url` is. */
  streamsUrl(): string | undefined
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
}

/** What an endpoint needs to have managed applications. */
export interface ApplicationsParts {
  /** `sqlite:PATH` or `postgres://…`; default `store.db` in the data directory. */
  readonly storeUrl?: string | undefined
  /** What the node tells others of itself; for a store that can be shared. */
  readonly zones?: ZoneSettings | undefined
  /** Where other nodes find the code, too; needed when there are any. */
  readonly sharedCode?: SharedCode | undefined
  /** Where jobs find streams and topics instead of at this endpoint; `url` undefined: at Amazon. */
  readonly streamsElsewhere?: { readonly url: string | undefined } | undefined
  createLifecycle(surroundings: LifecycleSurroundings): Lifecycle
  /** For code in S3, and for snapshots that are exported or imported; without it all three are refused. */
  readonly openS3?: OpenS3
}

/** The managed applications of an endpoint. */
export interface Applications {
  readonly services: readonly ApiService[]
  readonly metrics: ApplicationMetrics
  /** Of an application, for policies that look at them. */
  tags(applicationName: string): Promise<Readonly<Record<string, string>>>
  readonly isLive: IsLive
  /**
   * Takes up what the service before has left; calls that come earlier wait for it. `url`: what others reach the endpoint
   * by, `localUrl`: what jobs of this machine do.
   */
  start(at: { readonly url: string; readonly localUrl: string }): Promise<void>
  /**
   * Ends jobs in good order, while the endpoint still serves them: their applications go on at the next start. Calls are
   * refused from now on.
   */
  stop(): Promise<void>
  /** Closes the store, when no call is under way any more. */
  close(): Promise<void>
}

/** Opens the store, `store.db` in the data directory unless told otherwise, and what goes with it. Errors: the store's. */
export async function openApplications(
  { storeUrl, zones = { capacity: 1 }, sharedCode, streamsElsewhere, createLifecycle, openS3 }: ApplicationsParts,
  given: Omit<
    LifecycleSurroundings,
    'store' | 'ownership' | 'url' | 'publicUrl' | 'streamsUrl' | 'executionCredentials' | 'roleCredentials' | 's3'
  > & {
    readonly access: AccessControl
    /** This endpoint's. */
    readonly streams: StreamRegistry
  },
): Promise<Applications> {
  const { access, streams, ...surroundings } = given
  const { dataDirectory, account, clock, scheduler, random, logger } = surroundings
  const database = await openDatabase(storeUrl, dataDirectory)
  const store = new SqlApplicationStore(database)
  let url = ''
  let localUrl = ''
  const streamsUrl = () => (streamsElsewhere === undefined ? localUrl : streamsElsewhere.url)
  const { ownership, nodeId } = await openZones(storeUrl, zones, {
    dataDirectory,
    database,
    applications: store,
    url: () => url,
    clock,
    scheduler,
    logger,
  }).catch(async (error) => {
    await store.close()
    throw error
  })
  const s3 = openS3 === undefined ? undefined : new RoleS3(openS3, access.roleCredentials)
  const lifecycle = createLifecycle({
    ...surroundings,
    store,
    ownership,
    url: () => localUrl,
    publicUrl: () => url,
    streamsUrl,
    executionCredentials: access.executionCredentials,
    roleCredentials: access.roleCredentials,
    s3,
  })
  const gate = new CallGate()
  const share = sharedCode && ((sha256: string, bytes: Uint8Array) => sharedCode.put(sha256, bytes, clock.now()))
  const codeStore = new CodeStore(dataDirectory, s3, share)
  const sweep = sharedCode && new SharedCodeSweep(sharedCode, { store, clock, scheduler, logger })
  const roles = access.directory
  const presignDashboard = (name: string, sessionSeconds: number, host: string | undefined) => {
    const asCalled = host === undefined ? url : `${new URL(url).protocol}//${host}`
    return `${(zones.nodeUrl ?? asCalled).replace(/\/+$/, '')}${access.links.presign(name, sessionSeconds)}`
  }
  const service = new KinesisAnalyticsService(
    { account, store, lifecycle, codeStore, roles, presignDashboard, clock, random },
    () => gate.enter(),
  )
  const flink = new FlinkService({ store, lifecycle, clock, random })
  const metrics = new ApplicationMetrics({ store, lifecycle }, { clock, scheduler, logger })
  const scaling = applicationScaling({
    applications: async () => (await store.allApplications()).filter(({ name }) => ownership.isMine(name)),
    store,
    lifecycle,
    jobs: metrics.jobs,
    streams: streamsElsewhere === undefined ? streams : undefined,
    account,
    streamsUrl,
    executionCredentials: access.executionCredentials,
    roleCredentials: access.roleCredentials,
    clock,
    scheduler,
    logger,
  })
  const credentials = new RoleCredentialsService(access, clock)
  // What is asked of a running job, the node answers that runs it.
  const ofJobs = [new ApplicationLogs(store, lifecycle, clock), metrics.service, flink]
  return {
    services: [
      service,
      credentials,
      ...ofJobs.map((inner) => new ForwardingService(inner, ownership, nodeId, scheduler)),
    ],
    metrics,
    tags: (name) => store.tags(name),
    isLive: (owner) => isLive(store, owner),
    async start(at) {
      url = at.url
      localUrl = at.localUrl
      await lifecycle.recover()
      gate.open()
      metrics.collector.start()
      scaling.start()
      sweep?.start()
    },
    async stop() {
      gate.close()
      await Promise.all([scaling.close(), sweep?.close()])
      await Promise.all([metrics.collector.close(), lifecycle.close()])
      // Only now may others go on with its applications.
      await ownership.close()
    },
    close: () => store.close(),
  }
}

/** A killed service revokes nothing: what its jobs had holds only as long as their application runs as they knew it. */
export async function isLive(
  store: Pick<ApplicationStore, 'application'>,
  owner: Parameters<IsLive>[0],
): Promise<boolean> {
  const application = await store.application(owner.applicationName)
  if (application?.createdMs !== owner.applicationCreatedMs) return false
  // While it sleeps its sources are watched with what its next process will have.
  const epoch = application.hibernatedSinceMs === undefined ? application.epoch : application.epoch + 1
  if (owner.epoch !== epoch) return false
  return application.status !== 'READY' && application.status !== 'ROLLED_BACK'
}

/** Calls wait until it opens and fail once it has closed. */
class CallGate {
  readonly #opened: Promise<void>
  #isClosed = false
  #open = () => {}

  constructor() {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  open(): void {
    this.#open()
  }

  close(): void {
    this.#isClosed = true
    this.#open()
  }

  /** Errors: `ServiceUnavailableException` (503). */
  async enter(): Promise<void> {
    await this.#opened
    if (this.#isClosed) throw new ApiError('ServiceUnavailableException', 'The service is stopping. Try again.', 503)
  }
}
