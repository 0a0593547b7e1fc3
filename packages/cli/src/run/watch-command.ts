import { type ChildProcess, spawn } from 'node:child_process'
import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { type Cancellable, systemScheduler } from '@millrace/engine/spi'
import { prepareApplication } from '../application/prepare-application.ts'
import { EXIT } from '../exit-codes.ts'
import { formatError, toStandardError, type Write } from '../terminal.ts'
import type { RunOptions } from './run-options.ts'

/** Editors write a file in several steps; the application runs again once they are through. */
const SETTLE_MS = 30
/** Then a process that is still there is killed. */
const STOP_TIMEOUT_MS = 300

/** Runs an application in a process of its own, and again, from the start, whenever one of its files changes. */
export function watchCommand(options: RunOptions, write: Write = toStandardError): Promise<number> {
  return new Watch(options, write).run()
}

class Watch {
  readonly #options: RunOptions
  readonly #write: Write
  readonly #watchers = new Map<string, FSWatcher>()
  #inputs = new Set<string>()
  #child: ChildProcess | undefined
  #settling: Cancellable | undefined
  #restarting = false
  #end: () => void = () => {}

  constructor(options: RunOptions, write: Write) {
    this.#options = options
    this.#write = write
  }

  async run(): Promise<number> {
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve
    })
    // The child hears a terminal's Ctrl-C by itself and stops as it would without this process.
    process.on('SIGINT', () => this.#end())
    process.on('SIGTERM', () => {
      this.#child?.kill('SIGTERM')
      this.#end()
    })
    this.#watchInputs([resolve(this.#options.application)])
    await this.#start()
    await ended
    for (const watcher of this.#watchers.values()) watcher.close()
    const child = this.#child
    if (child !== undefined && isRunning(child)) await new Promise((resolve) => child.once('close', resolve))
    return EXIT.ok
  }

  async #start(): Promise<void> {
    this.#child = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, ...withoutWatch()], {
      stdio: 'inherit',
    })
    try {
      const { inputs } = await prepareApplication(this.#options.application)
      this.#watchInputs(inputs)
    } catch {
      // The child has just told the same failure; what was watched before still is.
    }
  }

  #watchInputs(inputs: readonly string[]): void {
    this.#inputs = new Set([...this.#inputs, ...inputs])
    for (const folder of new Set([...this.#inputs].map((input) => dirname(input)))) {
      if (this.#watchers.has(folder)) continue
      const watcher = watch(folder, (_event, name) => {
        if (name !== null && [...this.#inputs].some((input) => sameFile(input, folder, name))) this.#changed()
      })
      watcher.on('error', (error) => this.#write(formatError(error)))
      this.#watchers.set(folder, watcher)
    }
  }

  #changed(): void {
    this.#settling?.cancel()
    this.#settling = systemScheduler.after(SETTLE_MS, () => {
      this.#restart().catch((error) => this.#write(formatError(error)))
    })
  }

  async #restart(): Promise<void> {
    if (this.#restarting) {
      this.#changed()
      return
    }
    this.#restarting = true
    await this.#stopChild()
    this.#write(`--- ${this.#options.application} changed, running it again\n`)
    await this.#start()
    this.#restarting = false
  }

  async #stopChild(): Promise<void> {
    const child = this.#child
    if (child === undefined || !isRunning(child)) return
    const closed = new Promise((resolve) => child.once('close', resolve))
    const kill = systemScheduler.after(STOP_TIMEOUT_MS, () => child.kill('SIGKILL'))
    child.kill('SIGHUP')
    await closed
    kill.cancel()
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

function sameFile(input: string, folder: string, name: string): boolean {
  return dirname(input) === folder && basename(input) === name
}

/** This process's own command line, less the option: what stands behind `--` belongs to the application. */
function withoutWatch(): string[] {
  const words = process.argv.slice(2)
  const own = words.indexOf('--')
  return words.filter((word, position) => word !== '--watch' || (own !== -1 && position > own))
}
