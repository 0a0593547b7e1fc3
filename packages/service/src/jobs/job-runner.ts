import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, EngineError, type Logger, type LogLevel, type Random, randomUuid } from '@millrace/engine/spi'
import type { ApplicationConfiguration, ApplicationRecord } from '../applications/application-record.ts'
import type { LaunchSettings } from '../launchers/index.ts'
import { jobEnvironment } from './job-environment.ts'
import type { JobInspection } from './job-inspection.ts'
import type { Job, JobLauncher, JobSettings } from './job-launcher.ts'
import { JobLog } from './job-log.ts'
import { jobResources } from './job-resources.ts'
import { defaultLogFileSettings, LogFile, type LogFileSettings } from './log-file.ts'
import { type ApplicationPlaces, applicationPlaces } from './places.ts'
import { ProcessInspection } from './process-inspection.ts'
import { ProcessJob } from './process-job.ts'

/** How jobs are run on this machine. */
export interface JobRunnerSettings {
  readonly dataDirectory: string
  /** The command that runs applications: `fileURLToPath(import.meta.resolve('millrace/command'))`. */
  readonly commandFile: string
  readonly cores: number
  /** What the jobs' environment has besides what every process needs: endpoints, region, credentials file. */
  environment(): Readonly<Record<string, string | undefined>>
  readonly logFile?: LogFileSettings
}

export interface JobRunnerParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Runs each job as one process of `millrace run`, in the application's folder below the data directory. */
export class JobRunner implements JobLauncher {
  readonly #settings: JobRunnerSettings
  readonly #parts: JobRunnerParts
  readonly #logs = new Map<string, LogFile>()
  /** Of each application's newest job. */
  readonly #inspections = new Map<string, JobInspection>()

  constructor(settings: JobRunnerSettings, parts: JobRunnerParts) {
    this.#settings = settings
    this.#parts = parts
  }

  /** Errors: `CODE_MISSING` (invalid). */
  async prepare(application: ApplicationRecord): Promise<void> {
    this.#bundle(application)
    const { run } = this.#places(application.name)
    await mkdir(run, { recursive: true, mode: 0o700 })
    const file = propertiesPath(run, application.versionId)
    await writeFile(`${file}.new`, propertiesText(application.configuration), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }

  launch({ application, epoch, lineage }: JobSettings): Job {
    const places = this.#places(application.name)
    const { configuration, runConfiguration, versionId, arn } = application
    const level = levelOf(configuration)
    const log = new JobLog(this.#log(application.name), { applicationArn: arn, versionId }, level, this.#parts.clock)
    const { threads, threadHeapMb, mainHeapMb } = jobResources(configuration, this.#settings.cores)
    const settings: LaunchSettings = {
      commandFile: this.#settings.commandFile,
      application: this.#bundle(application),
      directory: places.run,
      cwd: places.run,
      parallelism: configuration.parallelism.parallelism,
      threads,
      threadHeapMb,
      nodeArguments: [`--max-old-space-size=${mainHeapMb}`],
      checkpoints: places.checkpoints,
      checkpointIntervalMs: configuration.checkpoints.enabled ? configuration.checkpoints.intervalMs : 0,
      checkpointMinPauseMs: configuration.checkpoints.minPauseMs,
      from: 'latest',
      latestSince: lineage.sinceEpoch,
      ...(lineage.restoredFrom === undefined ? {} : { otherwiseFrom: lineage.restoredFrom }),
      allowNonRestoredState: runConfiguration?.allowNonRestoredState === true,
      propertiesFile: propertiesPath(places.run, versionId),
      epoch,
      logLevel: level,
      baseEnv: jobEnvironment(process.env, places.run, {
        ...this.#settings.environment(),
        MILLRACE_PROPERTIES_FILE: propertiesPath(places.run, versionId),
      }),
    }
    const folders = {
      fresh: () => join(places.savepoints, `savepoint-${epoch}-${randomUuid(this.#parts.random).slice(0, 8)}`),
      passing: join(places.savepoints, 'suspended'),
    }
    const inspection = new ProcessInspection(epoch, folders.fresh, this.#parts.clock)
    this.#inspections.set(application.name, inspection)
    return new ProcessJob(settings, folders, log, inspection)
  }

  log(
    { name, arn, versionId, configuration }: ApplicationRecord,
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const origin = { applicationArn: arn, versionId }
    const log = new JobLog(this.#log(name), origin, levelOf(configuration), this.#parts.clock)
    log.write(level, 'service', message, fields)
  }

  logFile(applicationName: string): string {
    return this.#places(applicationName).logFile
  }

  inspect(applicationName: string): JobInspection | undefined {
    return this.#inspections.get(applicationName)
  }

  /** The folder is renamed first: from then on nothing of it is found, whenever the rest is removed. */
  async remove(applicationName: string): Promise<void> {
    this.#logs.get(applicationName)?.close()
    this.#logs.delete(applicationName)
    this.#inspections.delete(applicationName)
    const { folder } = this.#places(applicationName)
    const removed = join(this.#settings.dataDirectory, 'removed')
    await mkdir(removed, { recursive: true, mode: 0o700 })
    if (existsSync(folder)) await rename(folder, join(removed, randomUuid(this.#parts.random)))
    // All of them: a service that was killed may have left some.
    for (const entry of await readdir(removed)) await rm(join(removed, entry), { recursive: true, force: true })
  }

  async close(): Promise<void> {
    for (const log of this.#logs.values()) log.close()
    this.#logs.clear()
  }

  #places(name: string): ApplicationPlaces {
    return applicationPlaces(this.#settings.dataDirectory, name)
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

function propertiesPath(run: string, versionId: number): string {
  // One a version: the old one's must still be there when its job is started again while the new one is prepared.
  return join(run, `application_properties.v${versionId}.json`)
}

function propertiesText({ properties }: ApplicationConfiguration): string {
  const groups = Object.entries(properties).map(([PropertyGroupId, PropertyMap]) => ({ PropertyGroupId, PropertyMap }))
  return `${JSON.stringify(groups, null, 2)}\n`
}

function levelOf({ monitoring }: ApplicationConfiguration): LogLevel {
  return monitoring.logLevel.toLowerCase() as LogLevel
}
