import type { Clock, Scheduler } from '../common/clock.ts'
import { asEngineError, EngineError } from '../common/errors.ts'
import { createLogger, type Logger, type LogLevel, type LogLevels, type LogLine, levelOf } from '../common/logger.ts'
import type { Random } from '../common/random.ts'
import { randomUuid } from '../common/uuid.ts'
import { type JobPlan, jobPlan } from '../plan/job-plan.ts'
import type { FileSystems } from '../runtime/storage/file-systems.ts'
import type { CollectedMetrics } from '../runtime/task/messages.ts'
import type { JobGraph } from '../runtime/task/task-description.ts'
import type { CheckpointSettings, CompletedCheckpoint } from './checkpoint-coordinator.ts'
import { CheckpointStorage, loadCheckpoint, type StoredCheckpoint } from './checkpoint-storage.ts'
import { type AttemptOutcome, JobAttempt } from './job-attempt.ts'
import { checkpointFigures, JobStateTimes } from './job-figures.ts'
import type { CheckpointEntry, CheckpointReport } from './monitor/checkpoint-history.ts'
import type { JobDetails } from './monitor/job-details.ts'
import { JobMonitor } from './monitor/job-monitor.ts'
import { createRestartStrategy, type RestartStrategySettings } from './restart-strategy.ts'
import type { ThreadLauncher } from './threads.ts'

/** A job's state, in Flink's words. The last four are final. */
export type JobState =
  | 'CREATED'
  | 'INITIALIZING'
  | 'RUNNING'
  | 'RESTARTING'
  | 'CANCELLING'
  | 'FINISHED'
  | 'STOPPED'
  | 'CANCELED'
  | 'FAILED'

export interface JobSettings {
  readonly checkpoints: CheckpointSettings | undefined
  /** Folder of the job's checkpoints; without it nothing is stored. */
  readonly checkpointFolder: string | undefined
  readonly restartStrategy: RestartStrategySettings
  /** `latest`: the newest checkpoint of the folder, if any. Else a checkpoint's or savepoint's folder. */
  readonly restoreFrom: 'latest' | string | undefined
  /** With `latest`: only checkpoints of attempts with this epoch or a later one count. */
  readonly latestSinceEpoch?: number | undefined
  /** With `latest`: the checkpoint's or savepoint's folder to restore when no checkpoint counts. */
  readonly restoreOtherwise?: string | undefined
  readonly allowNonRestoredState: boolean
  /** Undefined: one above the highest seen. */
  readonly epoch: number | undefined
  readonly logLevel: LogLevel
  /** Levels of operators' loggers, by the operators' names. */
  readonly loggerLevels?: Readonly<Record<string, LogLevel>> | undefined
}

export interface JobEvents {
  onState?(state: JobState, cause: EngineError | undefined): void
  onCheckpoint?(checkpoint: CompletedCheckpoint): void
  /** Every failure of an attempt, also those followed by a restart. */
  onException?(error: EngineError): void
  onLog?(line: LogLine): void
}

export interface JobEnvironment {
  readonly graph: JobGraph
  readonly launcher: ThreadLauncher
  readonly fileSystems: FileSystems
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
}

/** How the job ended without failing. */
export interface JobResult {
  readonly state: 'FINISHED' | 'STOPPED' | 'CANCELED'
  readonly restarts: number
  /** The savepoint it was stopped with. */
  readonly savepoint: CompletedCheckpoint | undefined
}

/** What a job tells of itself; names and meaning are Flink's. */
export interface JobMetrics extends CollectedMetrics {
  /** Of the job as a whole: times in ms, sizes in bytes. */
  readonly job: Readonly<Record<string, number | null>>
}

/** Runs a job through its attempts: restores, runs, and after a failure restarts from the last checkpoint. */
export class JobCoordinator {
  /** Resolves at the end; rejects with the failure that no restart followed. */
  readonly result: Promise<JobResult>
  readonly #env: JobEnvironment
  readonly #settings: JobSettings
  readonly #events: JobEvents
  readonly #logger: Logger
  readonly #nonce: string
  readonly #times: JobStateTimes
  readonly #monitor: JobMonitor
  #logLevels: LogLevels
  #state: JobState = 'CREATED'
  #attempt: JobAttempt | undefined
  #attempts = 0
  #completedAny = false
  #cancelRequested = false
  #wakeFromDelay: (() => void) | undefined
  #resolve: (result: JobResult) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(env: JobEnvironment, settings: JobSettings, events: JobEvents = {}) {
    this.#env = env
    this.#settings = settings
    this.#events = events
    this.#logLevels = { level: settings.logLevel, loggers: settings.loggerLevels ?? {} }
    this.#times = new JobStateTimes(env.clock)
    this.#nonce = randomUuid(env.random)
    this.#monitor = new JobMonitor(env.graph, env.clock)
    this.#logger = createLogger(
      (line) => events.onLog?.(line),
      (fields) => levelOf(this.#logLevels, fields),
    )
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever only watches the events isn't made to handle the failure twice.
    this.result.catch(() => {})
  }

  get state(): JobState {
    return this.#state
  }

  get restarts(): number {
    return Math.max(this.#attempts - 1, 0)
  }

  start(): void {
    this.#warnOfMissingUids()
    this.#runAttempts().then(this.#resolve, (error) => {
      const failure = asEngineError(error)
      this.#setState('FAILED', failure)
      this.#reject(failure)
    })
  }

  async #runAttempts(): Promise<JobResult> {
    const { clock, random } = this.#env
    const strategy = createRestartStrategy(this.#settings.restartStrategy, random)
    for (;;) {
      if (this.#cancelRequested) return this.#end('CANCELED', undefined)
      this.#setState('INITIALIZING')
      const outcome = await this.#runAttempt()
      this.#attempt = undefined
      switch (outcome.kind) {
        case 'finished':
          return this.#end('FINISHED', undefined)
        case 'stopped':
          return this.#end('STOPPED', outcome.savepoint)
        case 'canceled':
          return this.#end('CANCELED', undefined)
        case 'failed': {
          const { error } = outcome
          this.#events.onException?.(error)
          const restartable = error.kind === 'unavailable' || error.kind === 'application'
          const delayMs = restartable ? strategy.onFailure(clock.monotonicMs()) : undefined
          if (delayMs === undefined) throw error
          this.#setState('RESTARTING', error)
          await this.#delay(delayMs)
        }
      }
    }
  }

  async #runAttempt(): Promise<AttemptOutcome> {
    try {
      this.#attempts++
      const { owner, storage } = await this.#storage()
      const from = await this.#restorePoint(storage)
      if (from !== undefined) {
        this.#logger.info('restoring', { folder: from.folder, checkpointId: from.record.checkpointId })
      }
      const attempt = new JobAttempt({
        ...this.#env,
        owner,
        checkpoints: this.#settings.checkpoints,
        storage,
        logger: this.#logger,
        logLevels: this.#logLevels,
        monitor: this.#monitor,
        onRunning: () => this.#setState('RUNNING'),
        onLog: (line) => this.#events.onLog?.(line),
        onCheckpoint: (checkpoint) => {
          this.#completedAny = true
          this.#events.onCheckpoint?.(checkpoint)
        },
      })
      this.#attempt = attempt
      attempt.start(from, this.#settings.allowNonRestoredState)
      if (this.#cancelRequested) attempt.cancel()
      return await attempt.outcome
    } catch (error) {
      const failure = asEngineError(error)
      this.#monitor.attemptFails(failure, undefined)
      return { kind: 'failed', error: failure }
    }
  }

  async #storage(): Promise<{ owner: JobAttemptOwner; storage: CheckpointStorage | undefined }> {
    const { checkpointFolder } = this.#settings
    const { fileSystems, clock } = this.#env
    const owner = { epoch: this.#epoch ?? 1, attempt: this.#attempts, nonce: this.#nonce }
    if (checkpointFolder === undefined) return { owner, storage: undefined }
    const fileSystem = fileSystems.forPath(checkpointFolder)
    if (this.#epoch === undefined) {
      this.#epoch =
        this.#settings.epoch ??
        (await new CheckpointStorage(checkpointFolder, fileSystem, owner, clock).highestEpoch()) + 1
    }
    const settled = { ...owner, epoch: this.#epoch }
    return { owner: settled, storage: new CheckpointStorage(checkpointFolder, fileSystem, settled, clock) }
  }

  #epoch: number | undefined

  /** Takes over the sequence of checkpoints first: what lies below can't change any more. */
  async #restorePoint(storage: CheckpointStorage | undefined): Promise<StoredCheckpoint | undefined> {
    const { restoreFrom, latestSinceEpoch = 0, restoreOtherwise } = this.#settings
    const newest = await storage?.takeOver()
    if (this.#completedAny) return newest
    // Epochs grow along the sequence: when the newest is too old, so are all.
    if (restoreFrom === 'latest' && newest !== undefined && newest.record.owner.epoch >= latestSinceEpoch) return newest
    const folder = restoreFrom === 'latest' ? restoreOtherwise : restoreFrom
    return folder === undefined ? undefined : loadCheckpoint(folder, this.#env.fileSystems.forPath(folder))
  }

  #end(state: JobResult['state'], savepoint: CompletedCheckpoint | undefined): JobResult {
    this.#setState(state)
    return { state, restarts: this.restarts, savepoint }
  }

  #setState(state: JobState, cause?: EngineError): void {
    if (this.#state === state) return
    this.#state = state
    this.#times.entered(state)
    this.#monitor.jobIs(state)
    this.#events.onState?.(state, cause)
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#env.scheduler.after(delayMs, resolve)
      this.#wakeFromDelay = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  /** Takes a savepoint while the job goes on, or stops it with one. Errors: `NOT_RUNNING`, and why the savepoint failed. */
  async savepoint(targetFolder: string | undefined, stop: 'none' | 'drain' | 'suspend'): Promise<CompletedCheckpoint> {
    return this.#runningAttempt('savepoint').savepoint({ kind: 'savepoint', stop, targetFolder })
  }

  /** Takes a checkpoint now. Errors: `NOT_RUNNING`, and why it failed. */
  async checkpoint(): Promise<CompletedCheckpoint> {
    return this.#runningAttempt('checkpoint').checkpoint()
  }

  #runningAttempt(what: string): JobAttempt {
    if (this.#attempt !== undefined && this.#state === 'RUNNING') return this.#attempt
    throw new EngineError('NOT_RUNNING', {
      kind: 'invalid',
      message: `The application is ${this.#state}, not RUNNING: no ${what} can be taken now.`,
      hint: 'Try again when it runs.',
    })
  }

  /** Ends the job without a savepoint; its checkpoints stay. */
  cancel(): void {
    this.#cancelRequested = true
    this.#wakeFromDelay?.()
    if (this.#attempt !== undefined) {
      this.#setState('CANCELLING')
      this.#attempt.cancel()
    }
  }

  /** What the job is at, for whoever watches it. */
  details(): JobDetails {
    const { graph, clock, launcher } = this.#env
    const { restartStrategy, checkpoints, checkpointFolder } = this.#settings
    const { timestamps, exceptions, executions } = this.#monitor
    return {
      name: graph.name,
      state: this.#state,
      timestamps,
      nowMs: clock.now(),
      restarts: this.restarts,
      maxParallelism: graph.maxParallelism,
      threads: launcher.threads,
      restartStrategy,
      checkpoints,
      checkpointFolder,
      tasks: graph.tasks.map(({ index, name, parallelism, operators }) => ({
        name,
        parallelism,
        operators: operators.map(({ id, name, stateful }) => ({ id, name, stateful })),
        subtasks: executions.tasks[index] ?? [],
      })),
      exceptions: exceptions.entries,
      exceptionsTruncated: exceptions.truncated,
    }
  }

  /** Its checkpoints in short. */
  checkpoints(): CheckpointReport {
    return this.#monitor.checkpoints.report()
  }

  /** One of them with the subtasks' answers; undefined when it isn't remembered. */
  checkpointById(id: number): CheckpointEntry | undefined {
    return this.#monitor.checkpoints.checkpoint(id)
  }

  /** The plan, in Flink's words. */
  plan(): JobPlan {
    return jobPlan(this.#env.graph)
  }

  /** Figures of the job and of everything that runs of it, within a second. Threads that don't answer are missing. */
  async collectMetrics(): Promise<JobMetrics> {
    const collected = await this.#attempt?.collectMetrics()
    const { restarts } = this
    const checkpoints = checkpointFigures(this.#monitor.checkpoints.report())
    const job = { ...this.#times.collect(), numRestarts: restarts, fullRestarts: restarts, ...checkpoints }
    return { job, ...(collected ?? { operators: [], tasks: [], threads: [] }) }
  }

  setLogLevel(level: LogLevel): void {
    this.#setLogLevels({ ...this.#logLevels, level })
  }

  /** The level of one operator's logger from now on; undefined: that of all. */
  setLoggerLevel(logger: string, level: LogLevel | undefined): void {
    const { [logger]: _, ...others } = this.#logLevels.loggers
    this.#setLogLevels({ ...this.#logLevels, loggers: level === undefined ? others : { ...others, [logger]: level } })
  }

  #setLogLevels(levels: LogLevels): void {
    this.#logLevels = levels
    this.#attempt?.setLogLevels(levels)
  }

  #warnOfMissingUids(): void {
    if (this.#settings.checkpoints === undefined) return
    const operators = this.#env.graph.tasks.flatMap((task) => task.operators)
    const missing = operators.filter(({ stateful, hasUid }) => stateful && !hasUid).map(({ name }) => name)
    if (missing.length === 0) return
    this.#logger.warn('operators with state have no uid: a changed program may not find their state again', { missing })
  }
}

type JobAttemptOwner = { readonly epoch: number; readonly attempt: number; readonly nonce: string }
