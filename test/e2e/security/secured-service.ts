import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  jsonCall,
  signedHeaders,
  type TestKey,
  type TestRequest,
} from '../../../packages/service/src/access/signed-request-fixture.ts'
import { commandFile, millrace, type RunningCommand, startMillrace } from '../millrace-command.ts'

const LIMIT_MS = 30_000
/** The service may hold it in memory, whatever is sent to it. */
const MEMORY_LIMIT_MIB = 700

/** What came back for a request. */
export interface RawAnswer {
  readonly status: number
  readonly error: string | undefined
  readonly requestId: string | undefined
  readonly text: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** A line of the audit log. */
export interface AuditLine {
  readonly requestId: string
  readonly status: number
  readonly errorCode?: string
}

/** `millrace serve`, the built command, with everything it ever said and answered. */
export class SecuredService {
  readonly folder: string
  readonly url: string
  readonly root: TestKey
  readonly #command: RunningCommand
  /** Must show up nowhere but where it belongs. */
  readonly secrets = new Map<string, string>()
  readonly refused: RawAnswer[] = []
  readonly #outputs: string[] = []

  private constructor(folder: string, command: RunningCommand) {
    this.folder = folder
    this.#command = command
    this.url = /millrace ready (\S+)/.exec(command.output())?.[1] as string
    const value = (name: string, file: string): string =>
      (new RegExp(`${name}\\s*=?\\s*(\\S+)`).exec(readFileSync(join(this.data, file), 'utf8'))?.[1] ?? '') as string
    this.root = {
      accessKeyId: value('aws_access_key_id', 'credentials'),
      secretAccessKey: value('aws_secret_access_key', 'credentials'),
    }
    this.secret("the administrator's key", this.root.secretAccessKey)
    this.secret('the monitoring token', value('', 'monitoring-token'))
  }

  /** Starts one in a new folder, with the key of its store in its environment. `more`: other variables there. */
  static async start(
    folder: string,
    options: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<SecuredService> {
    const encryptionKey = randomBytes(32).toString('hex')
    const environment = { MILLRACE_ACCESS_KEY: encryptionKey, AWS_SECRET_ACCESS_KEY: randomBytes(20).toString('hex') }
    const args = ['serve', '--port', '0', '--data', join(folder, 'data'), ...options]
    const command = startMillrace(args, folder, { ...environment, ...more })
    await command.shows('millrace ready')
    const service = new SecuredService(folder, command)
    service.secret('the key of the store', encryptionKey)
    service.secret("the service's own key", environment.AWS_SECRET_ACCESS_KEY)
    return service
  }

  get data(): string {
    return join(this.folder, 'data')
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get pid(): number {
    return this.#command.process.pid as number
  }

  /** Declares a text that nobody may find. */
  secret(name: string, text: string): void {
    assert.ok(text.length >= 12, `${name} is too short to look for`)
    this.secrets.set(name, text)
  }

  /** Sends a request with these headers and this host as they are. */
  send(request: TestRequest, headers: Readonly<Record<string, string>>): Promise<RawAnswer> {
    const { method = 'POST', path = '/', body = '' } = request
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        { host: '127.0.0.1', port: this.port, method, path, headers, agent: false },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('latin1')
            const header = (name: string): string | undefined => response.headers[name]?.toString()
            const answer = {
              status: response.statusCode ?? 0,
              error: header('x-amzn-errortype'),
              requestId: header('x-amzn-requestid'),
              text,
              headers: response.headers,
            }
            if (answer.status >= 400) this.refused.push(answer)
            resolve(answer)
          })
        },
      )
      sent.on('error', (error) => reject(new Error(`${method} ${path} ended without an answer`, { cause: error })))
      sent.end(method === 'GET' || method === 'HEAD' ? undefined : body)
    })
  }

  /** Sends a request that is signed as it should be. */
  signed(key: TestKey, request: TestRequest): Promise<RawAnswer> {
    return this.send(request, signedHeaders(this.url, key, request))
  }

  /** Calls an operation, such as `KinesisAnalytics_20180523.DescribeApplication`. */
  call(key: TestKey, target: string, input: object = {}): Promise<RawAnswer> {
    return this.signed(key, jsonCall(target, input))
  }

  /** As the administrator; it has to be taken. */
  async must<T = Record<string, unknown>>(target: string, input: object = {}): Promise<T> {
    const answer = await this.call(this.root, target, input)
    assert.equal(answer.status, 200, `${target}: ${answer.text.slice(0, 300)}`)
    return (answer.text === '' ? {} : JSON.parse(answer.text)) as T
  }

  /** What DescribeApplication says of it. */
  async statusOf(ApplicationName: string): Promise<string> {
    const { ApplicationDetail } = await this.must<{ ApplicationDetail: { ApplicationStatus: string } }>(
      'KinesisAnalytics_20180523.DescribeApplication',
      { ApplicationName },
    )
    return ApplicationDetail.ApplicationStatus
  }

  /** A user with one policy of these statements. */
  async user(UserName: string, Statement: object, Tags: object = {}): Promise<TestKey> {
    await this.must('MillraceAccess.CreateUser', { UserName, Tags })
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
    await this.must('MillraceAccess.PutPolicy', { UserName, PolicyName: 'test', PolicyDocument })
    const { AccessKey } = await this.must<{ AccessKey: { AccessKeyId: string; SecretAccessKey: string } }>(
      'MillraceAccess.CreateAccessKey',
      { UserName },
    )
    this.secret(`the key of ${UserName}`, AccessKey.SecretAccessKey)
    return { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey }
  }

  /** A command against it, as the administrator. */
  async command(...args: readonly string[]): Promise<string> {
    const before = { url: process.env['MILLRACE_URL'], home: process.env['MILLRACE_HOME'] }
    Object.assign(process.env, { MILLRACE_URL: this.url, MILLRACE_HOME: this.data })
    try {
      const { stdout, stderr } = await millrace(args, this.folder)
      this.#outputs.push(stdout, stderr)
      return stdout
    } finally {
      restore('MILLRACE_URL', before.url)
      restore('MILLRACE_HOME', before.home)
    }
  }

  async audit(): Promise<AuditLine[]> {
    // Lines are written at most 100 ms late.
    await sleep(400)
    return readdirSync(join(this.data, 'audit'))
      .flatMap((name) => readFileSync(join(this.data, 'audit', name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditLine)
  }

  /** What a service that is well does: it says so, describes an application, and is small. */
  async assertWell(): Promise<void> {
    const { status } = await this.send({ method: 'GET', path: '/healthz' }, { host: new URL(this.url).host })
    assert.equal(status, 200)
    await this.must('KinesisAnalytics_20180523.ListApplications')
    assert.ok(this.peakMiB() < MEMORY_LIMIT_MIB, `the service has held ${this.peakMiB()} MiB`)
  }

  /** The most it has ever held in memory; 0 where the system doesn't tell. */
  peakMiB(): number {
    const file = `/proc/${this.pid}/status`
    if (!existsSync(file)) return 0
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]) / 1024)
  }

  /** Its logs, those of its applications, the audit log, and what commands have printed. */
  writtenTexts(): Map<string, string> {
    const texts = new Map<string, string>([['output of the service', this.#command.output()]])
    for (const folder of ['audit', ...readdirSync(join(this.data, 'apps')).map((name) => `apps/${name}/logs`)]) {
      if (!existsSync(join(this.data, folder))) continue
      for (const name of readdirSync(join(this.data, folder)))
        texts.set(`${folder}/${name}`, readFileSync(join(this.data, folder, name), 'utf8'))
    }
    texts.set('output of commands', this.#outputs.join('\n'))
    return texts
  }

  /** Ends it in good order, and answers with what it has said on standard error. */
  async end(): Promise<string> {
    this.#command.process.kill('SIGTERM')
    const { exitCode, stderr } = await this.#command.result
    assert.equal(exitCode, 0, stderr)
    return stderr
  }

  kill(): void {
    this.#command.process.kill('SIGKILL')
  }
}

/** Bundles an application of this repository. */
export function bundleOf(file: string, output: string): Buffer {
  execFileSync(process.execPath, [commandFile, 'build', file, '--output', output], { stdio: 'pipe' })
  return readFileSync(output)
}

/** Waits until something holds. Errors: when it doesn't. */
export async function waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`waited ${LIMIT_MS} ms for ${what}`)
    await sleep(50)
  }
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
