import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningCommand, startMillrace } from './millrace-command.ts'

/** One `millrace serve` of a test with several, in a folder of its own; killed, stopped and woken with all its processes. */
export class ZoneNode {
  readonly dataDirectory: string
  readonly #folder: string
  readonly #options: readonly string[]
  readonly #environment: Readonly<Record<string, string>>
  #command: RunningCommand | undefined

  /** `environment`: variables besides this process's own. */
  constructor(
    folder: string,
    name: string,
    options: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.#folder = folder
    this.dataDirectory = join(folder, name)
    this.#options = options
    this.#environment = environment
  }

  async start(): Promise<void> {
    const options = ['serve', '--data', this.dataDirectory, '--port', '0', ...this.#options]
    this.#command = startMillrace(options, this.#folder, this.#environment)
    await this.#command.shows('millrace ready')
  }

  get isUp(): boolean {
    return this.#command !== undefined
  }

  get url(): string {
    return /millrace ready (\S+)/.exec(this.#running.output())?.[1] as string
  }

  /** Its id among the nodes of the store. */
  get id(): string {
    return readFileSync(join(this.dataDirectory, 'node-id'), 'utf8').trim()
  }

  runDirectory(application: string): string {
    return join(this.dataDirectory, 'apps', application, 'run')
  }

  applicationLog(application: string): string {
    return readFileSync(join(this.dataDirectory, 'apps', application, 'logs', 'application.log'), 'utf8')
  }

  /** The process of an application's job; undefined while it has none. */
  jobPid(application: string): number | undefined {
    const directory = this.runDirectory(application)
    return this.#processes().findLast((pid) => argumentsOf(pid).includes(directory))
  }

  /** Resolves when the node has told this since it was started. */
  says(text: string): Promise<void> {
    return this.#running.shows(text)
  }

  /** SIGKILL to the node and everything below it. */
  async kill(): Promise<void> {
    const command = this.#command
    if (command === undefined) return
    this.signal('SIGKILL')
    this.#command = undefined
    await command.result
  }

  /** To the node and everything below it. */
  signal(signal: NodeJS.Signals): void {
    for (const pid of this.#processes()) signalTo(pid, signal)
  }

  /** To the node's own process. */
  signalSelf(signal: NodeJS.Signals): void {
    signalTo(this.#running.process.pid as number, signal)
  }

  /** SIGTERM; answers with its exit code. */
  async terminate(): Promise<number | undefined> {
    const command = this.#command
    command?.process.kill('SIGTERM')
    this.#command = undefined
    return (await command?.result)?.exitCode
  }

  get #running(): RunningCommand {
    if (this.#command === undefined) throw new Error(`${this.dataDirectory} has no process`)
    return this.#command
  }

  #processes(): number[] {
    return withDescendants(this.#running.process.pid as number)
  }
}

/** The exit code of a process whose parent, which is stopped, hasn't asked for it yet; undefined while it lives. */
export async function exitCodeOf(pid: number, limitMs: number): Promise<number | undefined> {
  const untilMs = performance.now() + limitMs
  for (;;) {
    const fields = statOf(pid)
    if (fields?.[0] === 'Z') return Number(fields[49]) >> 8
    if (fields === undefined) throw new Error(`process ${pid} is gone`)
    if (performance.now() > untilMs) return undefined
    await sleep(20)
  }
}

export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It has just ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function withDescendants(root: number): number[] {
  const childrenOf = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const parent = Number.isInteger(pid) ? Number(statOf(pid)?.[1]) : Number.NaN
    if (!Number.isNaN(parent)) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), pid])
  }
  const found = [root]
  for (const pid of found) found.push(...(childrenOf.get(pid) ?? []))
  return found
}

/** The fields of `/proc/PID/stat` behind the name, which may hold anything; undefined for one that is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text
      .slice(text.lastIndexOf(')') + 2)
      .trimEnd()
      .split(' ')
  } catch {
    return undefined
  }
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has just ended.
    return []
  }
}
