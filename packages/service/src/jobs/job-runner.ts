import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createFileSystems, type FileSystems, localFileSystem } from '@millrace/engine/host'
import {
  type Clock,
  EngineError,
  type Logger,
  type LogLevel,
  type Random,
  randomUuid,
  type Scheduler,
} from '@millrace/engine/spi'
import {
  type ApplicationConfiguration,
  type ApplicationRecord,
  parallelismOf,
  presentConfiguration,
} from '../applications/application-record.ts'
import { describeIsolation, type Isolation, type LaunchSettings } from '../launchers/index.ts'
import type { SharedCode } from '../zones/shared-code.ts'
import { failedJob } from './failed-job.ts'
import { jobEnvironment } from './job-environment.ts'
import { type JobCredentials, PASSING, prepareJobFolders, removeDiscarded, removedStateFolder } from './job-folders.ts'
import type { JobInspection } from './job-inspection.ts'
import { assertIsolation, jobIsolation, localPath, userOfProcesses } from './job-isolation.ts'
import type { Job, JobLauncher, JobSettings } from './job-launcher.ts'
import { JobLog } from './job-log.ts'
import { openWays } from './job-ownership.ts'
import { type JobResources, jobResources } from './job-resources.ts'
import { defaultLogFileSettings, LogFile, type LogFileSettings } from './log-file.ts'
import { logLevelsOf } from './log-levels.ts'
import { serviceLogger } from './log-line.ts'
import { MemoryWatchdog } from './memory-watchdog.ts'
import { type ApplicationPlaces, applicationPlaces } from './places.ts'
import { ProcessInspection } from './process-inspection.ts'
import { ProcessJob } from './process-job.ts'
import { linuxProcessMemory } from './process-memory.ts'
import { SavedStateFiles, statePlaces } from './saved-state-files.ts'

/** How jobs are run on this machine. */
export interface JobRunnerSettings {
  readonly dataDirectory: string
  /** The command that runs applications: `fileURLToPath(import.meta.resolve('millrace/command'))`. */
  readonly commandFile: string
  readonly cores: number
  /** What the jobs' environment has besides what every process needs and its credentials file: endpoints, region. */
  environment(): Readonly<Record<string, string | undefined>>
  /** What the process of this epoch signs its requests with, and gets credentials of AWS for. */
  credentials(application: ApplicationRecord, epoch: number): JobCredentials
  /** How this machine separates jobs, as `detectIsolation` has found. */
  readonly isolation: Isolation
  /** Whether jobs run where they can't be isolated. */
  readonly allowUnisolated: boolean
  /** Folders of this machine that isolated jobs may read and write, too. */
  readonly folders?: readonly string[] | undefined
  /** Memory of a KPU, MiB; 4096 unless given. */
  readonly kpuMemoryMb?: number
  readonly logFile?: LogFileSettings
  /** Where code is that was stored at another node. */
  readonly sharedCode?: SharedCode | undefined
  /** For checkpoints and savepoints: a folder or an `s3://` URL; each application's own folder unless given. */
  readonly stateRoot?: string | undefined
  /** Those that paths of state may name; this machine's alone unless given. */
  readonly fileSystems?: FileSystems
}

export interface JobRunnerParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly logger: Logger
}

/** Runs each job as one process of `millrace run`, in the application's folder below the data directory. */
export class JobRunner implements JobLauncher {
  readonly states: SavedStateFiles
  readonly #settings: JobRunnerSettings
  readonly #parts: JobRunnerParts
  readonly #logs = new Map<string, LogFile>()
  /** Of each application's newest job. */
  readonly #inspections = new Map<string, JobInspection>()
  readonly #watchdog: MemoryWatchdog

  constructor(settings: JobRunnerSettings, parts: JobRunnerParts) {
    this.#settings = settings
    this.#parts = parts
    const { fileSystems = createFileSystems({ file: localFileSystem(parts) }) } = settings
    this.states = new SavedStateFiles(settings, fileSystems)
    this.#watchdog = new MemoryWatchdog(linuxProcessMemory, parts.scheduler)
  }

  /** Errors (invalid): `CODE_MISSING`, `ISOLATION_UNAVAILABLE`; those of `obtain`. */
  async prepare(application: ApplicationRecord): Promise<void> {
    await this.obtain(application)
    this.#bundle(application)
    assertIsolation(this.#settings)
  }

  async obtain({ configuration: { code } }: ApplicationRecord): Promise<void> {
    const { sharedCode, dataDirectory } = this.#settings
    if (code !== undefined) await sharedCode?.fetch(code, dataDirectory)
  }

  launch(job: JobSettings): Job {
    try {
      return this.#launch(job)
    } catch (error) {
      if (error instanceof EngineError) return failedJob(error)
      throw error
    }
  }

  #launch({ application, epoch, lineage }: JobSettings): Job {
    const places = this.#placesOfJob(application)
    const { configuration, versionId, arn } = application
    const levels = logLevelsOf(configuration)
    const log = new JobLog(this.#log(application.name), { applicationArn: arn, versionId }, levels, this.#parts.clock)
    const { cores, kpuMemoryMb, dataDirectory } = this.#settings
    const resources = jobResources(presentConfiguration(application), cores, kpuMemoryMb)
    const bundle = this.#bundle(application)
    const isolation = jobIsolation(this.#settings, places, bundle, localPath(lineage.restoredFrom), resources)
    if (isolation?.means.by === 'user') for (const root of this.#localRoots()) openWays(root)
    const removed = join(dataDirectory, 'removed')
    const credentials = this.#settings.credentials(application, epoch)
    prepareJobFolders(
      places,
      {
        bundle,
        propertiesFile: propertiesPath(places.given, versionId),
        properties: propertiesText(configuration),
        credentials,
        restoredFrom: localPath(lineage.restoredFrom),
      },
      removed,
      isolation?.userId,
    )
    for (const folder of new Set([removed, removedStateFolder(places, removed)])) {
      void removeDiscarded(folder, this.#parts.logger)
    }
    const settings = {
      ...this.#launchSettings({ application, epoch, lineage }, places, bundle, resources, credentials),
      ...(isolation === undefined ? {} : { isolation }),
    }
    log.write('info', serviceLogger, `isolation: ${describeIsolation(this.#settings.isolation)}`)
    const { savepoints } = statePlaces(this.#settings, application)
    const folders = {
      fresh: () => `${savepoints}/savepoint-${epoch}-${randomUuid(this.#parts.random).slice(0, 8)}`,
      passing: () => `${savepoints}/${PASSING}${epoch}-${randomUuid(this.#parts.random).slice(0, 8)}`,
      remove: (folder: string) => this.states.remove(folder),
    }
    const inspection = new ProcessInspection(epoch, folders.fresh, this.#parts.clock)
    this.#inspections.set(application.name, inspection)
    const job = new ProcessJob(settings, folders, log, inspection)
    this.#watch(job, resources, userOfProcesses(isolation))
    return job
  }

  #watch(job: ProcessJob, { kpus, memoryMb }: JobResources, userId: number | undefined): void {
    if (job.pid === undefined || process.platform !== 'linux') return
    const limit = { kpus, limitBytes: memoryMb * 2 ** 20, userId }
    const watching = this.#watchdog.watch(job.pid, limit, (error) => job.fail(error))
    void job.exited.then(() => watching.cancel())
  }

  #launchSettings(
    { application, epoch, lineage }: JobSettings,
    places: ApplicationPlaces,
    bundle: string,
    { threads, threadHeapMb, mainHeapMb }: JobResources,
    { aws }: JobCredentials,
  ): LaunchSettings {
    const { configuration, runConfiguration, versionId } = application
    return {
      commandFile: this.#settings.commandFile,
      application: bundle,
      name: application.name,
      directory: places.run,
      cwd: places.run,
      parallelism: parallelismOf(application),
      threads,
      threadHeapMb,
      nodeArguments: [`--max-old-space-size=${mainHeapMb}`],
      checkpoints: statePlaces(this.#settings, application).checkpoints,
      checkpointIntervalMs: configuration.checkpoints.enabled ? configuration.checkpoints.intervalMs : 0,
      checkpointMinPauseMs: configuration.checkpoints.minPauseMs,
      from: 'latest',
      latestSince: lineage.sinceEpoch,
      ...(lineage.restoredFrom === undefined ? {} : { otherwiseFrom: lineage.restoredFrom }),
      allowNonRestoredState: runConfiguration?.allowNonRestoredState === true,
      propertiesFile: propertiesPath(places.given, versionId),
      epoch,
      logLevel: levelOf(configuration),
      baseEnv: jobEnvironment(process.env, places.run, {
        AWS_SHARED_CREDENTIALS_FILE: places.credentialsFile,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: aws?.url,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: aws && places.awsTokenFile,
        ...this.#settings.environment(),
        MILLRACE_PROPERTIES_FILE: propertiesPath(places.given, versionId),
        TMPDIR: this.#temporaryFolder(places),
      }),
    }
  }

  log(
    { name, arn, versionId, configuration }: ApplicationRecord,
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const origin = { applicationArn: arn, versionId }
    const log = new JobLog(this.#log(name), origin, logLevelsOf(configuration), this.#parts.clock)
    log.write(level, serviceLogger, message, fields)
  }

  logFile(applicationName: string): string {
    return this.#places(applicationName).logFile
  }

  inspect(applicationName: string): JobInspection | undefined {
    return this.#inspections.get(applicationName)
  }

  /** The folder is renamed first: from then on nothing of it is found, whenever the rest is removed. */
  async remove(application: ApplicationRecord): Promise<void> {
    const { name: applicationName } = application
    this.#logs.get(applicationName)?.close()
    this.#logs.delete(applicationName)
    this.#inspections.delete(applicationName)
    const { folder } = this.#places(applicationName)
    const removed = join(this.#settings.dataDirectory, 'removed')
    await mkdir(removed, { recursive: true, mode: 0o700 })
    await this.states.removeAll(application)
    if (existsSync(folder)) await rename(folder, join(removed, randomUuid(this.#parts.random)))
    // All of them: a service that was killed may have left some.
    await removeDiscarded(removed, this.#parts.logger)
  }

  async close(): Promise<void> {
    this.#watchdog.close()
    for (const log of this.#logs.values()) log.close()
    this.#logs.clear()
  }

  #places(name: string): ApplicationPlaces {
    return applicationPlaces(this.#settings.dataDirectory, name)
  }

  /** The folder of a whole machine's temporary files isn't this job's. */
  #temporaryFolder({ run }: ApplicationPlaces): string | undefined {
    const { isolation } = this.#settings
    if (isolation.level === 'process') return process.env['TMPDIR']
    return isolation.means.by === 'namespaces' ? '/tmp' : run
  }

  /** Folders of this machine that hold what belongs to jobs. */
  #localRoots(): string[] {
    const { dataDirectory, stateRoot } = this.#settings
    return [dataDirectory, ...(stateRoot?.startsWith('/') === true ? [stateRoot] : [])]
  }

  /** Folders of its state in local shared storage are its own like the others; what isn't local needs no folder. */
  #placesOfJob(application: ApplicationRecord): ApplicationPlaces {
    const places = this.#places(application.name)
    const isLocal = this.#settings.stateRoot?.startsWith('/') === true
    return isLocal ? { ...places, ...statePlaces(this.#settings, application) } : places
  }

  #log(name: string): LogFile {
    let log = this.#logs.get(name)
    if (log === undefined) {
      const { logFile = defaultLogFileSettings } = this.#settings
      log = new LogFile(this.#places(name).logFile, logFile, this.#parts.logger)
      this.#logs.set(name, log)
    }
    return log
  }

  #bundle({ name, configuration: { code } }: ApplicationRecord): string {
    const file = code === undefined ? undefined : join(this.#settings.dataDirectory, code.file)
    if (file !== undefined && existsSync(file)) return file
    throw new EngineError('CODE_MISSING', {
      kind: 'invalid',
      message: `The application ${name} has no code${file === undefined ? '' : `: ${file} isn't there`}.`,
      hint: 'Give it some with UpdateApplication.',
    })
  }
}

function propertiesPath(folder: string, versionId: number): string {
  // One a version: the old one's must still be there when its job is started again while the new one is prepared.
  return join(folder, `application_properties.v${versionId}.json`)
}

function propertiesText({ properties }: ApplicationConfiguration): string {
  const groups = Object.entries(properties).map(([PropertyGroupId, PropertyMap]) => ({ PropertyGroupId, PropertyMap }))
  return `${JSON.stringify(groups, null, 2)}\n`
}

function levelOf({ monitoring }: ApplicationConfiguration): LogLevel {
  return monitoring.logLevel.toLowerCase() as LogLevel
}
