import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { detectIsolation } from '@millrace/service'
import { commandFile, millrace } from './millrace-command.ts'

const clockAhead = fileURLToPath(new URL('./servers/clock-ahead.cjs', import.meta.url))
const counting = resolve('packages/cli/src/testing/applications/counting.ts')
const LIMIT_MS = 60_000

/** The execution role that every service begins with. */
export const role = 'arn:aws:iam::000000000000:role/millrace-application'

/** What a job has printed: the tick, how often its key was seen, and the prefix of the configuration. */
export interface Tick {
  readonly tick: number
  readonly prefix: string
}

/** `millrace serve` on a free port with a data directory of its own, and the bundle of the counting application. */
export interface ServedApplications {
  readonly url: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** A folder for whatever a test writes; the data directory is `data` in it. */
  readonly folder: string
  /** File of the bundle. */
  readonly bundle: string
  /** What an application has printed so far. Throws when a count isn't the one that the tick must have. */
  ticks(applicationName: string): Tick[]
  /** Runs `millrace …` as the administrator. */
  millrace(...words: string[]): Promise<string>
  /** Puts the clock of the service ahead by 200 s. */
  goAhead(): Promise<void>
  /** Ends it in good order, and removes the folder. */
  stop(): Promise<void>
}

/** Builds the command and starts a service. `env`: besides this process's own. */
export async function serveApplications(env: NodeJS.ProcessEnv = {}): Promise<ServedApplications> {
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'])
  const folder = await mkdtemp(join(tmpdir(), 'millrace-e2e-applications-'))
  const bundle = join(folder, 'counting.zip')
  await millrace(['build', counting, '--output', bundle], folder)
  const data = join(folder, 'data')
  const { level } = await detectIsolation(commandFile)
  const options = ['serve', '--data', data, '--port', '0', ...(level === 'isolated' ? [] : ['--allow-unisolated'])]
  const child = spawn(process.execPath, ['-r', clockAhead, commandFile, ...options], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told = `${told}${text}`.slice(-10_000)
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const url = await ready(
    child.stdout.setEncoding('utf8'),
    () => child.exitCode,
    () => told,
  )
  const file = readFileSync(join(data, 'credentials'), 'utf8')
  return {
    url,
    accessKeyId: /aws_access_key_id = (\S+)/.exec(file)?.[1] as string,
    secretAccessKey: /aws_secret_access_key = (\S+)/.exec(file)?.[1] as string,
    folder,
    bundle,
    ticks: (name) => ticksIn(join(data, 'apps', name, 'logs/application.log')),
    async millrace(...words) {
      const env = { ...process.env, MILLRACE_HOME: data, MILLRACE_URL: url }
      return (await promisify(execFile)(process.execPath, [commandFile, ...words], { env })).stdout
    },
    async goAhead() {
      child.kill('SIGUSR2')
      await waitFor(() => told.includes('clock is ahead'), 'the clock')
    },
    async stop() {
      process.off('exit', kill)
      const exit = child.exitCode === null ? once(child, 'exit') : undefined
      child.kill('SIGTERM')
      await exit
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

async function ready(
  stdout: NodeJS.ReadableStream,
  exitCode: () => number | null,
  told: () => string,
): Promise<string> {
  let output = ''
  stdout.on('data', (text: string) => {
    output += text
  })
  let url: string | undefined
  await waitFor(async () => {
    if (exitCode() !== null) throw new Error(`millrace serve ended with ${exitCode()}:\n${told()}`)
    url = /^millrace ready (\S+)$/m.exec(output)?.[1]
    return url !== undefined
  }, 'the service')
  return url as string
}

function ticksIn(logFile: string): Tick[] {
  const text = existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''
  // The last line may be half written.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { logger: string; message: string })
    .filter(({ logger }) => logger === 'stdout')
    .map(({ message }) => {
      const [, prefix = '', tick, count] = /^(?:\d+> )?([a-z]*) ?(\d+):(\d+)$/.exec(message) ?? []
      if (Number(count) !== Math.floor(Number(tick) / 2) + 1) throw new Error(`not what state must give: ${message}`)
      return { prefix, tick: Number(tick) }
    })
}

/** Looks again and again until the condition holds. */
export async function waitFor(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
    await sleep(50)
  }
}
