import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type ApplicationEvent, type CheckpointEvent, JsonLineDecoder } from '@millrace/service/launchers'

/** The application's name at the service. */
export const MANAGED_NAME = 'fraud-detection'

export interface ManagedSettings {
  readonly commandFile: string
  /** The service's data directory. */
  readonly dir: string
  readonly url: string
  readonly env: NodeJS.ProcessEnv
  /** The application module. */
  readonly application: string
  readonly propertiesFile: string
  readonly parallelism: number
  /** At least 1000, as the API wants it. */
  readonly checkpointIntervalMs: number
}

export interface ManagedListener {
  /** Another process of it runs than before. */
  onRestarted(): void
  /** It failed and goes on in the same process. */
  onRestarting(cause: string): void
  onCheckpoint(checkpoint: CheckpointEvent): void
  /** The service has given it up. */
  onGivenUp(error: Error): void
}

const RECONNECT_MS = 100
/** Attempts to connect before the service is asked what has become of it. */
const MISSES_TO_ASK = 30

/**
 * The application inside the service: deployed and stopped through its API by the command, as anybody would, and watched
 * through the control socket in its directory, which outlives neither its process nor the service's.
 */
export class ManagedApplication {
  readonly #settings: ManagedSettings
  readonly #listener: ManagedListener
  #socket: Socket | undefined
  #pid: number | undefined
  #stopping = false
  #closed = false

  constructor(settings: ManagedSettings, listener: ManagedListener) {
    this.#settings = settings
    this.#listener = listener
  }

  /** Creates it, or makes it what it is now, and has it run from its latest state. */
  async deploy(): Promise<void> {
    const { application, propertiesFile, parallelism, checkpointIntervalMs } = this.#settings
    await this.#millrace([
      ...['deploy', application, '--name', MANAGED_NAME, '--properties', propertiesFile],
      ...['--parallelism', String(parallelism), '--checkpoint-interval', String(checkpointIntervalMs)],
    ])
    void this.#watch()
  }

  /** Stops it with a snapshot; with drain event time is ended first. */
  async stop(drain: boolean): Promise<void> {
    this.#stopping = true
    if ((await this.#status()) === 'READY') return
    await this.#millrace(['apps', 'stop', MANAGED_NAME, ...(drain ? ['--drain'] : [])])
  }

  /** No more watching; the application is the service's. */
  close(): void {
    this.#closed = true
    this.#socket?.destroy()
  }

  async #status(): Promise<string> {
    return JSON.parse(await this.#millrace(['apps', 'describe', MANAGED_NAME])).ApplicationStatus
  }

  /** Stays connected to whichever process the application has. */
  async #watch(): Promise<void> {
    for (let misses = 0; !this.#closed; misses++) {
      await this.#listen()
      if (this.#socket !== undefined) misses = 0
      this.#socket = undefined
      if (misses % MISSES_TO_ASK === MISSES_TO_ASK - 1 && !this.#stopping) await this.#lookForEnd()
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS))
    }
  }

  async #lookForEnd(): Promise<void> {
    // A service that doesn't answer is being started again.
    const status = await this.#status().catch(() => 'unknown')
    if (status !== 'READY' || this.#stopping || this.#closed) return
    const log = join(this.#settings.dir, 'apps', MANAGED_NAME, 'logs', 'application.log')
    this.#listener.onGivenUp(new Error(`the application failed for good; its log says why: ${log}`))
  }

  /** Resolves when the connection has ended, or there was none. */
  #listen(): Promise<void> {
    const control = readControl(join(this.#settings.dir, 'apps', MANAGED_NAME, 'run', 'control.json'))
    if (control === undefined) return Promise.resolve()
    const decoder = new JsonLineDecoder()
    const socket = connect(control.socket)
    return new Promise((resolve) => {
      socket.once('connect', () => {
        this.#socket = socket
        if (this.#pid !== undefined && this.#pid !== control.pid && !this.#stopping) this.#listener.onRestarted()
        this.#pid = control.pid
      })
      socket.on('data', (bytes: Buffer) => {
        for (const message of decoder.push(bytes, () => {})) this.#onEvent(message as unknown as ApplicationEvent)
      })
      // Nobody listens any more, or not yet; the next one will.
      socket.on('error', () => {})
      socket.once('close', () => resolve())
    })
  }

  #onEvent(event: ApplicationEvent): void {
    if (event.type === 'checkpoint') this.#listener.onCheckpoint(event)
    if (event.type === 'status' && event.state === 'RESTARTING') {
      this.#listener.onRestarting(event.cause?.message ?? 'a failure')
    }
  }

  /** Runs a command against the service; its answer, one JSON object. */
  #millrace(words: readonly string[]): Promise<string> {
    const { commandFile, dir, url, env } = this.#settings
    const child = spawn(process.execPath, [commandFile, ...words, '--url', url, '--json'], {
      // A terminal's Ctrl-C is for whoever shows the run, not for what it does then.
      detached: true,
      env: { ...env, MILLRACE_HOME: dir },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => {
        if (code === 0) resolve(stdout)
        else reject(new Error(`millrace ${words.slice(0, 2).join(' ')} failed: ${reasonIn(stdout) ?? stderr.trim()}`))
      })
    })
  }
}

/** The message and the hint of a failure that was answered as JSON. */
function reasonIn(stdout: string): string | undefined {
  try {
    const { error } = JSON.parse(stdout) as { error: { message: string; hint?: string } }
    return error.hint === undefined ? error.message : `${error.message} (${error.hint})`
  } catch {
    return undefined
  }
}

function readControl(file: string): { readonly pid: number; readonly socket: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
