import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { EngineError, type LogLevel, restoreEngineError, type SerializedError } from '@millrace/engine/spi'
import {
  APPLICATION_PROTOCOL,
  type ApplicationCommand,
  type ApplicationEvent,
  type ApplicationState,
  type CheckpointEvent,
  type CheckpointsEvent,
  type DetailsEvent,
  type MetricsEvent,
  type PlanEvent,
  type SavepointEvent,
} from './application-protocol.ts'
import { isolatedCommand } from './isolation/isolated-command.ts'
import type { IsolationSettings } from './isolation/isolation-settings.ts'
import { endOf } from './isolation/process-end.ts'
import { encodeLine, JsonLineDecoder } from './json-lines.ts'
import { TextTail } from './text-tail.ts'

/** What to run and how; see `millrace run --help`. Plain data. */
export interface LaunchSettings {
  /** The command's own file: `fileURLToPath(import.meta.resolve('millrace/command'))`. */
  readonly commandFile: string
  /** `app.ts`, `app.mjs` or `bundle.zip`. */
  readonly application: string
  /** The application's own arguments (`ctx.args`). */
  readonly args?: readonly string[]
  /** In place of the one that the application gives itself: what it registers elsewhere is named after it. */
  readonly name?: string
  /** The application's directory: checkpoints unless said otherwise, savepoints, the local control socket. */
  readonly directory?: string
  readonly parallelism?: number
  readonly threads?: number
  /** Heap of each worker thread, MiB. */
  readonly threadHeapMb?: number
  readonly checkpoints?: string
  /** In place of the application's own; 0: only savepoints. */
  readonly checkpointIntervalMs?: number
  readonly checkpointMinPauseMs?: number
  /** A savepoint's or checkpoint's folder, or `latest`. */
  readonly from?: string
  /** With `latest`: checkpoints of attempts before this epoch don't count. */
  readonly latestSince?: number
  /** With `latest`: what is restored when no checkpoint counts. */
  readonly otherwiseFrom?: string
  readonly allowNonRestoredState?: boolean
  readonly propertiesFile?: string
  readonly epoch?: number
  readonly logLevel?: LogLevel
  /** On top of the rest of the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** The rest of the environment; this process's own unless given. */
  readonly baseEnv?: Readonly<Record<string, string>>
  /** Working directory; this process's own unless given. */
  readonly cwd?: string
  /** For node itself, such as `--max-old-space-size=256`. */
  readonly nodeArguments?: readonly string[]
  /** What it sees of this machine; everything this process does unless given. */
  readonly isolation?: IsolationSettings
}

/** What happens in the application, as it happens. */
export interface ApplicationListener {
  onState?(state: ApplicationState, cause: EngineError | undefined): void
  onCheckpoint?(checkpoint: CheckpointEvent): void
  onException?(error: EngineError): void
  onPlan?(plan: PlanEvent): void
  /** Once, at the end. */
  onDetails?(details: DetailsEvent): void
  /** Once, at the end. */
  onCheckpoints?(checkpoints: CheckpointsEvent): void
  onLog?(line: Extract<ApplicationEvent, { type: 'log' }>): void
  /** What the application itself printed. Unless given it goes to this process's standard output. */
  onOutput?(bytes: Uint8Array): void
}

/** How the process ended. */
export interface ApplicationExit {
  /** Exit code as in docs/reference/application-process.md; null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last state it told. */
  readonly state: ApplicationState | undefined
  /** Why it failed, as far as it said. */
  readonly cause: EngineError | undefined
  /** The end of its standard error. */
  readonly stderr: string
}

/** A savepoint that is complete. */
export interface Savepoint {
  readonly id: number
  readonly path: string
  readonly bytes: number
  readonly durationMs: number
}

const STDERR_KEPT_CHARACTERS = 64 * 1024
/** The first one after standard input, output and error. */
const CONTROL_DESCRIPTOR = 3

/** Starts `millrace run` as a child of this process, controlled over a socket. It ends when this process does. */
export function launchApplication(settings: LaunchSettings, listener: ApplicationListener = {}): ApplicationProcess {
  return new ApplicationProcess(settings, listener)
}

interface PendingRequest {
  resolve(event: ApplicationEvent): void
  reject(error: EngineError): void
}

/** A running `millrace run` and the commands it takes. */
export class ApplicationProcess {
  /** Resolves at the first RUNNING; rejects with the reason when the process ends before that. */
  readonly running: Promise<void>
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<ApplicationExit>
  readonly #child: ChildProcess
  readonly #control: Duplex
  readonly #listener: ApplicationListener
  readonly #requests = new Map<number, PendingRequest>()
  readonly #stderr = new TextTail(STDERR_KEPT_CHARACTERS)
  #lastRequestId = 0
  #state: ApplicationState | undefined
  #cause: EngineError | undefined
  #onRunning: () => void = () => {}
  #onNeverRunning: (error: EngineError) => void = () => {}

  constructor(settings: LaunchSettings, listener: ApplicationListener) {
    this.#listener = listener
    this.running = new Promise((resolve, reject) => {
      this.#onRunning = resolve
      this.#onNeverRunning = reject
    })
    // Whoever doesn't wait for it learns of the failure by `exited`.
    this.running.catch(() => {})
    const { cwd, env, baseEnv = process.env, isolation } = settings
    const { command, args } = commandOf(settings)
    this.#child = spawn(command, args, {
      cwd,
      env: { ...baseEnv, ...env },
      stdio: ['ignore', listener.onOutput === undefined ? 'inherit' : 'pipe', 'pipe', 'pipe'],
    })
    this.#control = this.#child.stdio[CONTROL_DESCRIPTOR] as Duplex
    const decoder = new JsonLineDecoder()
    this.#control.on('data', (bytes: Buffer) => {
      try {
        for (const message of decoder.push(bytes, (error) => listener.onException?.(error))) {
          this.#onEvent(message as unknown as ApplicationEvent)
        }
      } catch (error) {
        this.#giveUp(error instanceof EngineError ? error : violated(error))
      }
    })
    // A write into the socket of a process that has just died: its exit tells.
    this.#control.on('error', () => {})
    this.#child.stdout?.on('data', (bytes: Buffer) => listener.onOutput?.(bytes))
    this.#child.stderr?.on('data', (bytes: Buffer) => this.#stderr.push(bytes))
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        const how = isolation === undefined ? { code, signal } : endOf(code, signal)
        const exit = { ...how, state: this.#state, cause: this.#cause, stderr: this.#stderr.toString() }
        this.#onExit(exit)
        resolve(exit)
      }
      this.#child.once('error', (error) => {
        this.#cause ??= new EngineError('APPLICATION_NOT_STARTED', {
          kind: 'unavailable',
          message: `The application's process could not be started: ${error.message}`,
          cause: error,
        })
        if (this.#child.pid === undefined) end(null, null)
      })
      this.#child.once('close', end)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The last state it told; undefined before the first. */
  get state(): ApplicationState | undefined {
    return this.#state
  }

  /** A savepoint while the application goes on. Errors: `NOT_RUNNING`, why it failed, `APPLICATION_EXITED`. */
  async savepoint(path?: string): Promise<Savepoint> {
    return settled(await this.#request({ type: 'savepoint', ...(path === undefined ? {} : { path }) }))
  }

  /** Stops with a savepoint and waits for the process's end. With drain all windows and timers fire first. */
  async stop({ drain = false, path }: { drain?: boolean; path?: string } = {}): Promise<Savepoint> {
    const answer = await this.#request({ type: 'stop', drain, ...(path === undefined ? {} : { path }) })
    const savepoint = settled(answer)
    await this.exited
    return savepoint
  }

  /** Ends the application without a savepoint and waits for the process's end. */
  async cancel(): Promise<ApplicationExit> {
    this.#send({ type: 'cancel' })
    return this.exited
  }

  setLogLevel(level: LogLevel): void {
    this.#send({ type: 'log-level', level })
  }

  /** Of one logger; null: the level of all holds for it again. */
  setLoggerLevel(logger: string, level: LogLevel | null): void {
    this.#send(level === null ? { type: 'log-level', logger, level } : { type: 'log-level', logger, level })
  }

  async metrics(): Promise<MetricsEvent> {
    return (await this.#request({ type: 'metrics' })) as MetricsEvent
  }

  /** A checkpoint besides the periodic ones. Errors: `NOT_RUNNING`, why it failed, `APPLICATION_EXITED`. */
  async checkpoint(): Promise<CheckpointEvent> {
    return (await this.#request({ type: 'checkpoint' })) as CheckpointEvent
  }

  async plan(): Promise<PlanEvent> {
    return (await this.#request({ type: 'plan' })) as PlanEvent
  }

  async details(): Promise<DetailsEvent> {
    return (await this.#request({ type: 'details' })) as DetailsEvent
  }

  /** With `id`: that one too, with what each subtask answered. */
  async checkpoints(id?: number): Promise<CheckpointsEvent> {
    const command = { type: 'checkpoints', ...(id === undefined ? {} : { id }) } as const
    return (await this.#request(command)) as CheckpointsEvent
  }

  /** Kills the process, as a crash would. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }

  #send(command: ApplicationCommand): void {
    if (this.#control.writable) this.#control.write(encodeLine(command))
  }

  #request(command: ApplicationCommand): Promise<ApplicationEvent> {
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || !this.#control.writable) {
        reject(exitedError(undefined))
        return
      }
      const requestId = ++this.#lastRequestId
      this.#requests.set(requestId, { resolve, reject })
      this.#send({ ...command, requestId })
    })
  }

  #onEvent(event: ApplicationEvent): void {
    switch (event.type) {
      case 'hello':
        if (event.protocol !== APPLICATION_PROTOCOL) this.#giveUp(otherProtocol(event.protocol))
        return
      case 'status':
        this.#state = event.state
        if (event.state === 'FAILED' && event.cause !== undefined) this.#cause = restoreEngineError(event.cause)
        if (event.state === 'RUNNING') this.#onRunning()
        this.#listener.onState?.(event.state, event.cause === undefined ? undefined : restoreEngineError(event.cause))
        return
      case 'checkpoint':
        if (event.requestId === undefined) this.#listener.onCheckpoint?.(event)
        else this.#answer(event.requestId, (request) => request.resolve(event))
        return
      case 'plan':
      case 'details':
      case 'checkpoints':
        if (event.requestId === undefined) this.#onReport(event)
        else this.#answer(event.requestId, (request) => request.resolve(event))
        return
      case 'exception':
        this.#listener.onException?.(restoreEngineError(event.error))
        return
      case 'log':
        this.#listener.onLog?.(event)
        return
      case 'savepoint':
      case 'metrics':
        this.#answer(event.requestId, (request) => request.resolve(event))
        return
      case 'refused':
        this.#answer(event.requestId, (request) => request.reject(restoreEngineError(event.error)))
        return
      default:
      // A later version of the protocol may add events; what isn't known is none of our business.
    }
  }

  #onReport(event: PlanEvent | DetailsEvent | CheckpointsEvent): void {
    if (event.type === 'plan') this.#listener.onPlan?.(event)
    else if (event.type === 'details') this.#listener.onDetails?.(event)
    else this.#listener.onCheckpoints?.(event)
  }

  #answer(requestId: number | undefined, settle: (request: PendingRequest) => void): void {
    const request = requestId === undefined ? undefined : this.#requests.get(requestId)
    if (requestId === undefined || request === undefined) return
    this.#requests.delete(requestId)
    settle(request)
  }

  #giveUp(error: EngineError): void {
    this.#cause = error
    this.kill()
  }

  #onExit(exit: ApplicationExit): void {
    for (const request of this.#requests.values()) request.reject(exitedError(exit))
    this.#requests.clear()
    this.#onNeverRunning(exit.cause ?? exitedError(exit))
  }
}

function commandOf(settings: LaunchSettings): { command: string; args: readonly string[] } {
  const { nodeArguments = [], commandFile, cwd = process.cwd(), isolation } = settings
  const own = { command: process.execPath, args: [...nodeArguments, commandFile, ...runArguments(settings)] }
  return isolation === undefined ? own : isolatedCommand(own, commandFile, cwd, isolation)
}

/** The command line that the settings stand for. */
export function runArguments(settings: LaunchSettings): string[] {
  const { args = [] } = settings
  const options: [string, string | number | undefined][] = [
    ['--name', settings.name],
    ['--dir', settings.directory],
    ['--parallelism', settings.parallelism],
    ['--threads', settings.threads],
    ['--thread-heap-mb', settings.threadHeapMb],
    ['--checkpoints', settings.checkpoints],
    ['--checkpoint-interval', settings.checkpointIntervalMs],
    ['--checkpoint-min-pause', settings.checkpointMinPauseMs],
    ['--from', settings.from],
    ['--latest-since', settings.latestSince],
    ['--otherwise-from', settings.otherwiseFrom],
    ['--properties', settings.propertiesFile],
    ['--epoch', settings.epoch],
    ['--log-level', settings.logLevel],
    ['--control', CONTROL_DESCRIPTOR],
  ]
  return [
    'run',
    settings.application,
    ...options.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)])),
    ...(settings.allowNonRestoredState === true ? ['--allow-non-restored-state'] : []),
    ...(args.length === 0 ? [] : ['--', ...args]),
  ]
}

function settled(event: ApplicationEvent): Savepoint {
  const savepoint = event as SavepointEvent
  if ('error' in savepoint) throw restoreEngineError(savepoint.error as SerializedError)
  const { id, path, bytes, durationMs } = savepoint
  return { id, path, bytes, durationMs }
}

function exitedError(exit: ApplicationExit | undefined): EngineError {
  const how = exit === undefined ? '' : exit.signal === null ? ` with exit code ${exit.code}` : ` by ${exit.signal}`
  return new EngineError('APPLICATION_EXITED', {
    kind: 'unavailable',
    message: `The application's process has ended${how}.`,
    details: { code: exit?.code, signal: exit?.signal, stderr: exit?.stderr },
    cause: exit?.cause,
  })
}

/** What runs there is code of others: what it sends may be anything. */
function violated(cause: unknown): EngineError {
  return new EngineError('APPLICATION_PROTOCOL_VIOLATED', {
    kind: 'application',
    message: `The application's process sent something that is no message of the control protocol.`,
    hint: 'Leave file descriptor 3 to the command; what an application has to tell goes to standard output.',
    cause,
  })
}

function otherProtocol(protocol: number): EngineError {
  return new EngineError('APPLICATION_PROTOCOL_UNKNOWN', {
    kind: 'invalid',
    message: `The application's process speaks version ${protocol} of the control protocol, this program ${APPLICATION_PROTOCOL}.`,
    hint: 'Use the same version of the packages on both sides.',
  })
}
