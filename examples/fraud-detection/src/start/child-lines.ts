import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A child that talks in lines on standard output and dies with us: its standard input closes when we are gone. */
export interface LineChild {
  readonly process: ChildProcess
  /** Resolves with how it ended. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** The last of what it wrote to standard error. */
  stderr(): string
  send(message: object): void
  kill(signal?: NodeJS.Signals): void
}

const STDERR_KEPT = 16_384

export function spawnLines(
  args: readonly string[],
  options: {
    readonly env: NodeJS.ProcessEnv
    /** In a process group of its own. */
    readonly detached?: boolean
    readonly onLine: (line: string) => void
  },
): LineChild {
  const { env, detached = false } = options
  const settings: SpawnOptions = { env, detached, stdio: ['pipe', 'pipe', 'pipe'] }
  const child = spawn(process.execPath, [...args], settings)
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-STDERR_KEPT)
  })
  // Writing to a child that has just died is answered by its exit.
  child.stdin?.on('error', () => {})
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', options.onLine)
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return {
    process: child,
    exited,
    stderr: () => stderr,
    send: (message) => void child.stdin?.write(`${JSON.stringify(message)}\n`),
    kill: (signal = 'SIGTERM') => void child.kill(signal),
  }
}
