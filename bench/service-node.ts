import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type ApplicationConfiguration,
  CreateApplicationCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  KinesisAnalyticsV2Client,
  StartApplicationCommand,
  StopApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2'
import { type LineChild, spawnLines } from '../examples/fraud-detection/src/start/child-lines.ts'
import { signedFetch } from '../packages/cli/src/service/signed-fetch.ts'
import { keepEnvironment } from '../test/e2e/kept-environment.ts'

const commandFile = fileURLToPath(import.meta.resolve('millrace/command'))
const REGION = 'us-east-1'
const ROLE = 'arn:aws:iam::000000000000:role/millrace-application'
const STATUS_POLL_MS = 20
const STATUS_LIMIT_MS = 120_000

/** An application's configuration without its code. */
export type ApplicationSettings = Omit<ApplicationConfiguration, 'ApplicationCodeConfiguration'>

/** A single node as its user starts it, `millrace serve` with a data directory of its own, and a client for it. */
export class ServiceNode {
  /** Its data directory. */
  readonly dir: string
  /** That all applications may write to. */
  readonly outputDirectory: string
  readonly url: string
  readonly client: KinesisAnalyticsV2Client
  /** For the AWS SDK of other processes. */
  readonly env: NodeJS.ProcessEnv
  readonly #child: LineChild
  readonly #root: string
  readonly #restoreEnvironment: () => void

  private constructor(root: string, url: string, env: NodeJS.ProcessEnv, child: LineChild) {
    this.#restoreEnvironment = keepEnvironment()
    // Also for the AWS SDK in this process.
    Object.assign(process.env, env)
    const { dir, outputDirectory } = placesIn(root)
    this.#root = root
    this.dir = dir
    this.outputDirectory = outputDirectory
    this.url = url
    this.env = env
    this.#child = child
    this.client = new KinesisAnalyticsV2Client({ endpoint: url, region: REGION, credentials: accessKeyIn(dir) })
  }

  static async start(): Promise<ServiceNode> {
    const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    const { dir, outputDirectory } = placesIn(root)
    mkdirSync(outputDirectory)
    // Where the node is root its applications are users of their own.
    chmodSync(outputDirectory, 0o1777)
    const plain = { ...process.env, AWS_REGION: REGION, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }
    const { child, url } = await ready(
      [commandFile, 'serve', '--data', dir, '--port', '0', '--folder', outputDirectory],
      plain,
    )
    const { accessKeyId, secretAccessKey } = accessKeyIn(dir)
    const env = {
      ...plain,
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      MILLRACE_HOME: dir,
    }
    return new ServiceNode(root, url, env, child)
  }

  get pid(): number {
    return this.#child.process.pid as number
  }

  /** The node's process and all that it has started. */
  processes(): number[] {
    return withDescendants(this.pid)
  }

  /** Where an application's process has its control socket. */
  runDirectory(name: string): string {
    return join(this.dir, 'apps', name, 'run')
  }

  /** The process of an application itself, below those that isolate it; undefined while it has none. */
  jobPid(name: string): number | undefined {
    const directory = this.runDirectory(name)
    return this.processes().findLast((pid) => argumentsOf(pid).includes(directory))
  }

  async create(name: string, bundle: Uint8Array, configuration: ApplicationSettings): Promise<void> {
    await this.client.send(
      new CreateApplicationCommand({
        ApplicationName: name,
        RuntimeEnvironment: 'FLINK-1_20',
        ServiceExecutionRole: ROLE,
        ApplicationConfiguration: {
          ...configuration,
          ApplicationCodeConfiguration: { CodeContentType: 'ZIPFILE', CodeContent: { ZipFileContent: bundle } },
        },
      }),
    )
  }

  async start(name: string): Promise<void> {
    await this.client.send(new StartApplicationCommand({ ApplicationName: name }))
  }

  async version(name: string): Promise<number> {
    return (await this.#describe(name)).ApplicationVersionId as number
  }

  /** Resolves when it has that status; rejects when it comes to rest in another. */
  async reaches(name: string, wanted: 'RUNNING' | 'READY'): Promise<void> {
    const untilMs = performance.now() + STATUS_LIMIT_MS
    for (;;) {
      const { ApplicationStatus: status } = await this.#describe(name)
      if (status === wanted) return
      const atRest = status === 'RUNNING' || status === 'READY'
      if (atRest || performance.now() > untilMs) {
        throw new Error(`${name} is ${status}, not ${wanted}:\n${this.log(name).slice(-2000)}`)
      }
      await sleep(STATUS_POLL_MS)
    }
  }

  async startAndWait(name: string): Promise<void> {
    await this.start(name)
    await this.reaches(name, 'RUNNING')
  }

  /** With a snapshot unless forced. */
  async stop(name: string, force: boolean): Promise<void> {
    await this.client.send(new StopApplicationCommand({ ApplicationName: name, Force: force }))
    await this.reaches(name, 'READY')
  }

  async delete(name: string): Promise<void> {
    const { CreateTimestamp } = await this.#describe(name)
    await this.client.send(new DeleteApplicationCommand({ ApplicationName: name, CreateTimestamp }))
  }

  /** Asks Flink's REST API of an application; answers with its JSON. */
  async flink(name: string, method: 'GET' | 'PUT', path: string, body?: object): Promise<unknown> {
    const signed = { method, target: `/apps/${name}/flink${path}`, service: 'kinesisanalytics' }
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await signedFetch(this.url, { ...signed, ...content }, REGION, accessKeyIn(this.dir))
    if (!response.ok)
      throw new Error(`${method} ${path} was answered with ${response.status}: ${await response.text()}`)
    return response.json()
  }

  log(name: string): string {
    return readFileSync(join(this.dir, 'apps', name, 'logs', 'application.log'), 'utf8')
  }

  async close(): Promise<void> {
    this.client.destroy()
    const killing = setTimeout(() => this.#child.kill('SIGKILL'), 30_000)
    this.#child.kill()
    await this.#child.exited
    clearTimeout(killing)
    // Others in this process have nodes, keys and stores of their own.
    this.#restoreEnvironment()
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 10 })
  }

  async #describe(name: string) {
    const { ApplicationDetail } = await this.client.send(new DescribeApplicationCommand({ ApplicationName: name }))
    if (ApplicationDetail === undefined) throw new Error(`${name} is not described`)
    return ApplicationDetail
  }
}

/** A zip of the application as `millrace build` makes it. */
export async function bundleOf(application: string): Promise<Uint8Array> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    const file = join(dir, 'bundle.zip')
    const child = spawnLines([commandFile, 'build', application, '--output', file], {
      env: process.env,
      onLine: () => {},
    })
    const { code } = await child.exited
    if (code !== 0) throw new Error(`millrace build failed: ${child.stderr()}`)
    return readFileSync(file)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Where an application's process can be asked. */
export function controlOf(runDirectory: string): { readonly socket: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(runDirectory, 'control.json'), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function placesIn(root: string): { readonly dir: string; readonly outputDirectory: string } {
  return { dir: join(root, 'data'), outputDirectory: join(root, 'output') }
}

async function ready(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ child: LineChild; url: string }> {
  let found: (url: string) => void = () => {}
  const url = new Promise<string>((resolve) => {
    found = resolve
  })
  const child = spawnLines(args, {
    env,
    detached: true,
    onLine: (line) => {
      const address = /^millrace ready (\S+)/.exec(line)?.[1]
      if (address !== undefined) found(address)
    },
  })
  const exited = once(child.process, 'exit').then(() => {
    throw new Error(`millrace serve ended: ${child.stderr()}`)
  })
  exited.catch(() => {})
  return { child, url: await Promise.race([url, exited]) }
}

function accessKeyIn(dir: string): { readonly accessKeyId: string; readonly secretAccessKey: string } {
  const text = readFileSync(join(dir, 'credentials'), 'utf8')
  const value = (name: string): string => new RegExp(`^${name}\\s*=\\s*(\\S+)`, 'm').exec(text)?.[1] ?? ''
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') }
}

function withDescendants(root: number): number[] {
  const childrenOf = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const parent = Number.isInteger(pid) ? parentOf(pid) : undefined
    if (parent !== undefined) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), pid])
  }
  const found = [root]
  for (const pid of found) found.push(...(childrenOf.get(pid) ?? []))
  return found
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has just ended.
    return []
  }
}

function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in brackets, which may hold anything.
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    // It has just ended.
    return undefined
  }
}
