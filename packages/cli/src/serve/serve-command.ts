import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LogLevel } from '@millrace/engine'
import { EngineError, type Logger, systemClock, systemRandom, systemScheduler } from '@millrace/engine/spi'
import {
  type ApplicationsParts,
  createLifecycle,
  describeIsolation,
  detectIsolation,
  type Endpoint,
  type Isolation,
  SharedCode,
  startEndpoint,
} from '@millrace/service'
import { EXIT } from '../exit-codes.ts'
import { applicationFileSystems, openS3 } from '../file-systems.ts'
import { homeDirectory } from '../places.ts'
import { terminalLogger, toStandardError } from '../terminal.ts'
import { isForEveryUser, shownFolders } from './shown-folders.ts'
import { planZones, type ZoneOptions, type ZonePlan } from './zone-options.ts'

/** What `millrace serve` was asked for. */
export interface ServeOptions extends ZoneOptions {
  readonly data?: string
  readonly host?: string
  readonly port: number
  /** PEM files; both or none. */
  readonly tlsCert?: string
  readonly tlsKey?: string
  /** In cleartext also where others can listen. */
  readonly insecure?: boolean
  /** Calls a second that each principal may make. */
  readonly requestsPerSecond?: number
  readonly throttle: boolean
  /** To CloudWatch at that address; true: where the AWS SDK finds it. */
  readonly pushMetrics?: string | true
  /** Folders that isolated applications may read and write. */
  readonly folder?: readonly string[]
  /** Applications run as plain processes of this user. */
  readonly allowUnisolated?: boolean
  readonly logLevel: LogLevel
}

/**
 * Serves until SIGINT or SIGTERM: running applications end in good order and go on at the next start; a second signal
 * exits at once. Prints `millrace ready URL` on standard output when what ran before is taken up.
 * Errors: those of `startEndpoint`, `PORT_IN_USE`.
 */
export async function serveCommand(options: ServeOptions): Promise<number> {
  const dataDirectory = resolve(options.data ?? homeDirectory())
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  const logger = terminalLogger(toStandardError, () => options.logLevel)
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      let before = false
      process.on(signal, () => {
        if (before) process.exit(EXIT.interrupted)
        before = true
        resolve()
      })
    }
  })
  const endpoint = await start(dataDirectory, options, logger)
  process.stdout.write(`millrace ready ${endpoint.url}\n`)
  // A reload, as of other servers: after a certificate was renewed.
  if (options.tlsCert !== undefined) process.on('SIGHUP', () => void endpoint.reloadCertificate())
  await asked
  logger.info('endpoint stops', { url: endpoint.url })
  await endpoint.close()
  return EXIT.ok
}

async function start(dataDirectory: string, options: ServeOptions, logger: Logger): Promise<Endpoint> {
  const { role, port, host, throttle: throttling, requestsPerSecond } = options
  const plan = planZones(options, process.env)
  tellPlan(plan, logger)
  const network = { host: host ?? '127.0.0.1', port, tls: tlsFiles(options), insecure: options.insecure ?? false }
  const access = { requestsPerSecond, accessEncryptionKey: process.env['MILLRACE_ACCESS_KEY'] }
  const pushMetrics = pushTarget(options)
  const parts = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger }
  const applications =
    role === 'streams' ? {} : { applications: await managedApplications(options, plan, dataDirectory, logger) }
  try {
    return await startEndpoint(
      {
        dataDirectory,
        ...network,
        ...access,
        throttling,
        pushMetrics,
        ownStreams: plan.ownStreams,
        storeUrl: plan.storeUrl,
      },
      { ...parts, ...applications },
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new EngineError('PORT_IN_USE', {
      kind: 'invalid',
      message: `Port ${port} is taken.`,
      hint: 'Choose another with --port; 0 takes a free one.',
      details: { port },
      cause: error,
    })
  }
}

/** Errors: `TLS_FILES_MISSING` (invalid). */
function tlsFiles({ tlsCert, tlsKey }: ServeOptions): { certificateFile: string; keyFile: string } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return { certificateFile: resolve(tlsCert), keyFile: resolve(tlsKey) }
  }
  throw new EngineError('TLS_FILES_MISSING', {
    kind: 'invalid',
    message: 'Of a certificate and its key only one is given.',
    hint: 'Give both: --tls-cert FILE --tls-key FILE.',
  })
}

/** Errors: `URL_INVALID`. */
function pushTarget({ pushMetrics: url }: ServeOptions): { url: string | undefined } | undefined {
  if (url === undefined) return undefined
  if (url === true) return { url: undefined }
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return { url }
  throw new EngineError('URL_INVALID', {
    kind: 'invalid',
    message: `'${url}' is not the address of a CloudWatch endpoint.`,
    hint: 'Give one that begins with http:// or https://, or none for where the AWS SDK finds it.',
  })
}

function tellPlan({ isShared, ownStreams, zone, streamsUrl }: ZonePlan, logger: Logger): void {
  if (!isShared || ownStreams) return
  logger.info('this node shares its store with others and offers no streams and topics of its own', {
    zone,
    streams: streamsUrl ?? "Amazon's",
  })
}

/** Jobs are processes of this same command: isolated, unless the operator trusts their code like this process's own. */
async function managedApplications(
  { allowUnisolated = false, folder: asked = [] }: ServeOptions,
  { storeUrl, isShared, stateRoot, zone, nodeUrl, ownStreams, streamsUrl }: ZonePlan,
  dataDirectory: string,
  logger: Logger,
): Promise<ApplicationsParts> {
  const folders = shownFolders(asked, dataDirectory)
  const commandFile = fileURLToPath(import.meta.resolve('millrace/command'))
  const isolation: Isolation = allowUnisolated
    ? { level: 'process', reason: '--allow-unisolated was given' }
    : await detectIsolation(commandFile, [dataDirectory, ...(stateRoot?.startsWith('/') ? [stateRoot] : [])])
  if (isolation.level === 'isolated') {
    logger.info('applications are isolated', { isolation: describeIsolation(isolation) })
    for (const folder of isolation.means.user === 'own-user' ? folders : []) {
      if (!isForEveryUser(folder)) logger.warn('applications are users of their own and may not write', { folder })
    }
  } else if (allowUnisolated) {
    logger.warn('applications are not isolated, as --allow-unisolated says: their code can do what this user can')
  } else {
    logger.warn('applications will not start: they can not be isolated here, see --allow-unisolated', {
      reason: isolation.reason,
    })
  }
  const cores = availableParallelism()
  const fileSystems = applicationFileSystems()
  const sharedCode =
    isShared && stateRoot !== undefined ? new SharedCode(fileSystems.forPath(stateRoot), stateRoot) : undefined
  const streamsElsewhere = ownStreams && streamsUrl === undefined ? undefined : { url: streamsUrl }
  const jobs = { commandFile, cores, isolation, allowUnisolated, folders, stateRoot, fileSystems, sharedCode }
  return {
    storeUrl,
    zones: { zone, nodeUrl, capacity: cores },
    sharedCode,
    streamsElsewhere,
    createLifecycle: (surroundings) => createLifecycle(jobs, surroundings),
    openS3,
  }
}
