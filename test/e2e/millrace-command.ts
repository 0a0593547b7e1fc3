import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The built command of this checkout. */
export const commandFile = fileURLToPath(new URL('../../packages/cli/dist/millrace.mjs', import.meta.url))

/** How a command ended. */
export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A `millrace` command that is running. */
export interface RunningCommand {
  readonly process: ChildProcess
  readonly result: Promise<CommandResult>
  /** Standard output so far. */
  output(): string
  /** Resolves when standard error or output has shown the text; rejects when the command ends without. */
  shows(text: string): Promise<void>
}

/** Starts `millrace …args` in a folder. `environment`: variables besides this process's own. */
export function startMillrace(
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): RunningCommand {
  const env = { ...process.env, ...environment }
  const child = spawn(process.execPath, [commandFile, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const waiting = new Set<() => void>()
  let stdout = ''
  let stderr = ''
  let ended = false
  const look = (): void => {
    for (const check of [...waiting]) check()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    look()
  })
  const result = new Promise<CommandResult>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      ended = true
      look()
      resolve({ exitCode: code ?? -1, stdout, stderr: signal === null ? stderr : `${stderr}\nended by ${signal}` })
    })
  })
  return {
    process: child,
    result,
    output: () => stdout,
    shows: (text) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (stdout.includes(text) || stderr.includes(text)) resolve()
          else if (ended) reject(new Error(`millrace ${args[0]} ended without showing '${text}':\n${stdout}${stderr}`))
          else return
          waiting.delete(check)
        }
        waiting.add(check)
        check()
      }),
  }
}

/** Runs `millrace …args` to its end. Throws when it doesn't end with the expected code. */
export async function millrace(args: readonly string[], cwd: string, expectedCode = 0): Promise<CommandResult> {
  const result = await startMillrace(args, cwd).result
  if (result.exitCode !== expectedCode) {
    throw new Error(
      `millrace ${args.join(' ')} ended with ${result.exitCode}, not ${expectedCode}:\n${result.stdout}${result.stderr}`,
    )
  }
  return result
}
