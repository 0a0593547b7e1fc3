import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { type ApplicationContext, EngineError } from '@millrace/engine'
import {
  holdProcess,
  inProcessThread,
  JobCoordinator,
  type JobEnvironment,
  type JobEvents,
  type JobGraph,
  type JobSettings,
  systemClock,
  systemRandom,
  systemScheduler,
  type ThreadLauncher,
  workerThreads,
} from '@millrace/engine/host'
import { asEngineError, loggerLevels, serializeError } from '@millrace/engine/spi'
import {
  type ApplicationEvent,
  type ApplicationState,
  lockDirectory,
  type StatusEvent,
} from '@millrace/service/launchers'
import { type DeclaredApplication, declareApplication } from '../application/declare-application.ts'
import { loadApplication } from '../application/load-application.ts'
import { prepareApplication } from '../application/prepare-application.ts'
import type { PreparedApplication } from '../application/prepared-application.ts'
import { announceProperties, readProperties } from '../application/properties.ts'
import type { WorkerApplication } from '../application-worker.ts'
import { EXIT, exitCodeOf } from '../exit-codes.ts'
import { applicationFileSystems } from '../file-systems.ts'
import { absolutePath, applicationDirectory, isRemote } from '../places.ts'
import type { CommandHandler } from './control-connection.ts'
import { readControlFile } from './control-file.ts'
import { ControlSocket } from './control-socket.ts'
import { jobCommands } from './job-commands.ts'
import { watchProcess } from './process-figures.ts'
import type { RunOptions } from './run-options.ts'
import type { RunOutput } from './run-output.ts'

/** For an application that doesn't enable checkpointing itself but is given a place for checkpoints. */
const DEFAULT_CHECKPOINT_INTERVAL_MS = 10_000
/** Some 24 days, the longest of Node's timers: savepoints are taken and fenced all the same. */
const NO_CHECKPOINT_INTERVAL_MS = 0x7fff_ffff

type World = Pick<JobEnvironment, 'clock' | 'scheduler' | 'random' | 'fileSystems'>

/** How a run ended. */
export interface RunEnd {
  readonly exitCode: number
  readonly state: ApplicationState
  /** The savepoint it was stopped with. */
  readonly savepoint: string | undefined
}

/** One application from loading to its end, in this process. */
export class ApplicationRun {
  readonly #commands = jobCommands({
    job: () => this.#job,
    cancel: () => this.cancel(),
    newSavepointFolder: () => this.newSavepointFolder(),
    uptimeMs: () => systemClock.monotonicMs() - this.#startedMs,
    processFigures: watchProcess(),
  })
  readonly #options: RunOptions
  readonly #output: RunOutput
  readonly #startedMs = systemClock.monotonicMs()
  #name: string | undefined
  #directory = ''
  #savepoints = ''
  #checkpointing = false
  #job: JobCoordinator | undefined
  #socket: ControlSocket | undefined
  #status: StatusEvent = { type: 'status', state: 'CREATED', restarts: 0 }
  #cancelled = false

  constructor(options: RunOptions, output: RunOutput) {
    this.#options = options
    this.#output = output
  }

  /** Handles commands of the protocol, whoever sends them. */
  get onCommand(): CommandHandler {
    return this.#commands.handle
  }

  /** The application's name; what the user named until it is loaded. */
  get name(): string {
    return this.#name ?? this.#options.application
  }

  get state(): ApplicationState {
    return this.#status.state
  }

  /** Whether a savepoint makes sense: it was told to keep state. */
  get checkpointing(): boolean {
    return this.#checkpointing
  }

  /** Runs it to its end. Failures are told as events and by the exit code, never thrown. */
  async run(): Promise<RunEnd> {
    const hold = holdProcess()
    try {
      this.#setStatus('CREATED')
      const job = await this.#startJob()
      if (job === undefined) return this.#canceledEarly()
      try {
        const { state, savepoint } = await job.result
        return { exitCode: EXIT.ok, state, savepoint: savepoint?.path }
      } catch (error) {
        return { exitCode: exitCodeOf(asEngineError(error)), state: 'FAILED', savepoint: undefined }
      } finally {
        // Whoever watches it can't ask any more.
        this.#emit({ type: 'checkpoints', checkpoints: job.checkpoints() })
        this.#emit({ type: 'details', details: job.details() })
      }
    } catch (error) {
      const failure = asEngineError(error)
      this.#emit({ type: 'exception', error: serializeError(failure) })
      this.#setStatus('FAILED', failure)
      return { exitCode: EXIT.usage, state: 'FAILED', savepoint: undefined }
    } finally {
      await this.#commands.answered()
      await this.#socket?.close()
      hold.cancel()
    }
  }

  /** Stops with a savepoint in the default place. */
  async stop(): Promise<void> {
    await this.#job?.savepoint(this.newSavepointFolder(), 'suspend')
  }

  /** Ends the application without a savepoint. */
  cancel(): void {
    this.#cancelled = true
    this.#job?.cancel()
  }

  newSavepointFolder(): string {
    const time = new Date(systemClock.now()).toISOString().replace(/[-:.]/g, '')
    const chance = systemRandom.int(0, 0xffff).toString(16).padStart(4, '0')
    return `${this.#savepoints}/savepoint-${time}-${chance}`
  }

  /** For a process that exits at once. */
  removeFiles(): void {
    this.#socket?.removeFiles()
  }

  /** Undefined when it was cancelled meanwhile. */
  async #startJob(): Promise<JobCoordinator | undefined> {
    const { application: named, args, name, parallelism, properties } = this.#options
    const prepared = await prepareApplication(named)
    const context: ApplicationContext = {
      properties: readProperties(properties, resolve(named)),
      args,
      parameters: {},
    }
    announceProperties(properties, resolve(named))
    const application = await loadApplication(prepared.moduleFile, prepared.shownAs)
    this.#name = name ?? application.name
    const declared = declareApplication(application, context, parallelism, name)
    await this.#occupyDirectory()
    const settings = this.#jobSettings(declared, context)
    if (this.#cancelled) return undefined
    const fileSystems = applicationFileSystems()
    const world = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, fileSystems }
    const { graph } = declared
    const launcher = this.#launcher(prepared, context, declared, settings, world)
    this.#job = new JobCoordinator({ graph, launcher, ...world }, settings, this.#events())
    this.#emit({ type: 'plan', plan: this.#job.plan() })
    this.#job.start()
    return this.#job
  }

  #launcher(
    prepared: PreparedApplication,
    context: ApplicationContext,
    { graph, env }: DeclaredApplication,
    { checkpoints }: JobSettings,
    world: World,
  ): ThreadLauncher {
    const running = {
      graph,
      checkpointMode: checkpoints?.mode ?? 'exactly-once',
      autoWatermarkIntervalMs: env.autoWatermarkIntervalMs,
    } as const
    const threads = this.#threads(graph)
    if (threads === 0) return inProcessThread({ ...world, ...running })
    const { name, parallelism, threadHeapMb } = this.#options
    const { moduleFile, shownAs } = prepared
    const workerData: WorkerApplication = { moduleFile, shownAs, context, parallelism, name }
    const limits = threadHeapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: threadHeapMb } }
    const launcher = workerThreads({ ...running, ...limits, threads, entry: workerEntry(), workerData })
    return {
      threads,
      async launch(attempt, events) {
        prepared.ensure()
        return launcher.launch(attempt, events)
      },
    }
  }

  /** Not more threads than subtasks of the widest task: the rest would only wait. */
  #threads(graph: JobGraph): number {
    const widest = Math.max(...graph.tasks.map((task) => task.parallelism))
    return Math.min(this.#options.threads ?? availableParallelism(), widest)
  }

  /** Errors: `APPLICATION_RUNNING`. */
  async #occupyDirectory(): Promise<void> {
    const directory = resolve(this.#options.dir ?? applicationDirectory(this.name))
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if ((await lockDirectory(directory, 'application')) === undefined) {
      const pid = readControlFile(directory)?.pid
      throw new EngineError('APPLICATION_RUNNING', {
        kind: 'invalid',
        message: `An application is running in ${directory} already${pid === undefined ? '' : ` (process ${pid})`}.`,
        hint: `Stop it with: millrace stop ${directory}, or give this one a directory of its own with --dir.`,
        details: { directory, pid },
      })
    }
    this.#directory = directory
    this.#socket = await ControlSocket.open(directory, this.onCommand, () => this.#status)
  }

  #jobSettings({ env }: DeclaredApplication, { properties }: ApplicationContext): JobSettings {
    const { checkpoints, from, latestSince, otherwiseFrom, allowNonRestoredState, epoch, logLevel } = this.#options
    this.#overrideCheckpoints(env)
    this.#checkpointing = env.checkpoints !== undefined
    if (from === 'latest' && !this.#checkpointing) {
      throw new EngineError('CHECKPOINTS_UNKNOWN', {
        kind: 'invalid',
        message: 'There are no checkpoints to take the latest of: the application takes none.',
        hint: 'Give their folder with --checkpoints, or call env.enableCheckpointing(…) in build().',
      })
    }
    const folder = checkpoints === undefined ? join(this.#directory, 'checkpoints') : absolutePath(checkpoints)
    this.#savepoints = isRemote(folder)
      ? `${folder.replace(/\/+$/, '')}/savepoints`
      : join(this.#directory, 'savepoints')
    return {
      checkpoints: env.checkpoints,
      checkpointFolder: this.#checkpointing ? folder : undefined,
      restartStrategy: env.restartStrategy,
      restoreFrom: from === undefined || from === 'latest' ? from : absolutePath(from),
      latestSinceEpoch: latestSince,
      restoreOtherwise: otherwiseFrom === undefined ? undefined : absolutePath(otherwiseFrom),
      allowNonRestoredState,
      epoch,
      logLevel,
      loggerLevels: loggerLevels(properties['millrace']),
    }
  }

  /** What the command line says about checkpoints goes before what the application does. */
  #overrideCheckpoints(env: DeclaredApplication['env']): void {
    const { checkpoints, checkpointInterval, checkpointMinPause } = this.#options
    const own = env.checkpoints
    if (checkpointInterval === undefined && checkpointMinPause === undefined && own !== undefined) return
    if (checkpoints === undefined && checkpointInterval === undefined && own === undefined) return
    const intervalMs =
      checkpointInterval === 0
        ? NO_CHECKPOINT_INTERVAL_MS
        : (checkpointInterval ?? own?.intervalMs ?? DEFAULT_CHECKPOINT_INTERVAL_MS)
    env.enableCheckpointing(intervalMs, {
      ...own,
      ...(checkpointMinPause === undefined ? {} : { minPauseMs: checkpointMinPause }),
    })
  }

  #events(): JobEvents {
    return {
      onState: (state, cause) => this.#setStatus(state, cause),
      onCheckpoint: ({ id, path, sizeBytes, durationMs }) =>
        this.#emit({ type: 'checkpoint', id, path: path ?? null, bytes: sizeBytes, durationMs }),
      onException: (error) => this.#emit({ type: 'exception', error: serializeError(error) }),
      onLog: (line) => this.#emit({ type: 'log', timestampMs: systemClock.now(), ...line }),
    }
  }

  #canceledEarly(): RunEnd {
    this.#setStatus('CANCELED')
    return { exitCode: EXIT.ok, state: 'CANCELED', savepoint: undefined }
  }

  #setStatus(state: ApplicationState, cause?: EngineError): void {
    const restarts = this.#job?.restarts ?? 0
    this.#status = { type: 'status', state, restarts, ...(cause === undefined ? {} : { cause: serializeError(cause) }) }
    this.#emit(this.#status)
  }

  #emit(event: ApplicationEvent): void {
    this.#output.event(event)
    this.#socket?.broadcast(event)
  }
}

/** The built worker's module, beside the built command. */
function workerEntry(): URL {
  return new URL('./application-worker.mjs', import.meta.url)
}
