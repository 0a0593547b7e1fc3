import { EngineError, type LogLevel } from '@millrace/engine/spi'
import {
  type ApplicationExit,
  type ApplicationListener,
  type ApplicationProcess,
  type LaunchSettings,
  launchApplication,
} from '../launchers/index.ts'
import { userOfProcesses } from './job-isolation.ts'
import type { Job, JobExit, SavedState } from './job-launcher.ts'
import type { JobLog } from './job-log.ts'
import { applicationLogger } from './log-line.ts'
import { OutputLines } from './output-lines.ts'
import { withOutsideHint } from './outside-hint.ts'
import type { InspectedProcess, ProcessInspection } from './process-inspection.ts'
import { bytesOfTree, linuxProcessMemory } from './process-memory.ts'

/** Failures before the first RUNNING that a start is given: the job's own restarts would try for ever. */
const attemptsToRun = 3

/** Where a job leaves its savepoints. */
export interface SavepointFolders {
  /** One that nothing has been written to. */
  fresh(): string
  /** One for a savepoint that is only passed through, which nothing has been written to either. */
  passing(): string
  remove(folder: string): Promise<void>
}

/** A job as a process of its own, which writes the application's log. */
export class ProcessJob implements Job {
  readonly running: Promise<void>
  readonly exited: Promise<JobExit>
  readonly #process: ApplicationProcess
  readonly #folders: SavepointFolders
  readonly #log: JobLog
  readonly #output: OutputLines
  /** A failure as it is told to people. */
  readonly #explained: (error: EngineError) => EngineError
  #attempts = 0
  #ran = false
  #lastFailure: EngineError | undefined
  #verdict: EngineError | undefined

  constructor(settings: LaunchSettings, folders: SavepointFolders, log: JobLog, inspection: ProcessInspection) {
    this.#folders = folders
    this.#log = log
    this.#output = new OutputLines((line) => log.write('info', 'stdout', line))
    const { isolation } = settings
    this.#explained = (error) => (isolation === undefined ? error : withOutsideHint(error, isolation))
    this.#process = launchApplication(settings, { ...this.#listener(), ...inspection.listener })
    inspection.attach(inspected(this.#process, userOfProcesses(isolation)))
    this.running = this.#process.running.then(
      () => {
        this.#ran = true
      },
      (error) => {
        throw this.#lastFailure ?? error
      },
    )
    this.running.catch(() => {})
    this.exited = this.#process.exited.then((exit) => {
      const end = this.#onExit(exit)
      inspection.processEnded(end)
      return end
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  async stop({ drain = false }: { readonly drain?: boolean } = {}): Promise<SavedState> {
    const folder = this.#folders.fresh()
    const { bytes } = await this.#process.stop({ path: folder, drain })
    // Not the path that it tells: code of others runs there, and what lies at this path will be handed out and removed.
    return { folder, sizeBytes: bytes }
  }

  async savepoint(): Promise<SavedState> {
    const folder = this.#folders.fresh()
    const { bytes } = await this.#process.savepoint(folder)
    return { folder, sizeBytes: bytes }
  }

  async suspend(): Promise<void> {
    const path = this.#folders.passing()
    await this.#process.stop({ path })
    // The same state is the newest of the checkpoints.
    await this.#folders.remove(path)
  }

  cancel(): void {
    void this.#process.cancel()
  }

  setLogLevel(level: LogLevel, loggers: Readonly<Record<string, LogLevel>>): void {
    const before = this.#log.levels.loggers
    this.#log.setLevels({ level, loggers })
    this.#process.setLogLevel(level)
    for (const name of new Set([...Object.keys(before), ...Object.keys(loggers)])) {
      if (before[name] !== loggers[name]) this.#process.setLoggerLevel(name, loggers[name] ?? null)
    }
  }

  kill(): void {
    this.#process.kill()
  }

  /** Kills it for a reason that it can't tell itself. */
  fail(cause: EngineError): void {
    this.#verdict ??= cause
    this.#lastFailure = this.#verdict
    this.#log.failure('job', cause)
    this.kill()
  }

  #listener(): ApplicationListener {
    const log = this.#log
    return {
      onState: (state, cause) => {
        log.write('info', 'job', `job ${state.toLowerCase()}`)
        if (cause !== undefined) this.#lastFailure = this.#explained(cause)
        if (state === 'RESTARTING' && !this.#ran && ++this.#attempts >= attemptsToRun) this.kill()
      },
      onCheckpoint: ({ id, bytes, durationMs }) =>
        log.write('debug', 'checkpoints', 'checkpoint complete', { id, bytes, durationMs: Math.round(durationMs) }),
      onException: (error) => {
        this.#lastFailure = this.#explained(error)
        log.failure('job', this.#lastFailure)
      },
      onLog: ({ timestampMs, level, message, fields }) => {
        log.write(level, applicationLogger(fields), message, fields, timestampMs)
      },
      onOutput: (bytes) => this.#output.push(bytes),
    }
  }

  #onExit(exit: ApplicationExit): JobExit {
    this.#output.end()
    const { state } = exit
    const stderr = exit.stderr.trim()
    if (stderr !== '') for (const line of stderr.split('\n')) this.#log.write('error', 'stderr', line)
    if (this.#verdict !== undefined) return { outcome: 'FAILED', cause: this.#verdict }
    if (state === 'FINISHED' || state === 'STOPPED' || state === 'CANCELED') return { outcome: state, cause: undefined }
    return { outcome: 'FAILED', cause: this.#explained(exit.cause ?? died(exit, stderr)) }
  }
}

/** The process as far as it is inspected; its memory is what the operating system tells, where it does. */
function inspected(running: ApplicationProcess, userId: number | undefined): InspectedProcess {
  const { pid } = running
  return {
    plan: () => running.plan(),
    details: () => running.details(),
    checkpoints: (id) => running.checkpoints(id),
    metrics: () => running.metrics(),
    checkpoint: () => running.checkpoint(),
    savepoint: (path) => running.savepoint(path),
    memoryBytes: async () => {
      if (pid === undefined || process.platform !== 'linux') return undefined
      return (await bytesOfTree(linuxProcessMemory, pid, userId)).reduce((sum, bytes) => sum + bytes, 0)
    },
  }
}

function died({ code, signal }: ApplicationExit, stderr: string): EngineError {
  const lastLine = stderr.split('\n').at(-1) ?? ''
  return new EngineError('APPLICATION_EXITED', {
    kind: 'unavailable',
    message:
      `The application's process has ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}.` +
      (lastLine === '' ? '' : ` Its last words: ${lastLine.slice(0, 200)}`),
    details: { code, signal },
  })
}
