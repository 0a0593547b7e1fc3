import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
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
import { commandFile, millrace, type RunningCommand, startMillrace } from './millrace-command.ts'
import { pythonEnvironment } from './servers/python-environment.ts'

const howTos = fileURLToPath(new URL('../../docs/how-to/', import.meta.url))
const gettingStarted = fileURLToPath(new URL('../../docs/getting-started.md', import.meta.url))
const AWS_CLI = 'awscli==1.46.3'
const LIMIT_MS = 120_000
/** What the pages say, and the port where the test's service is. */
const DOCUMENTED_URL = 'http://127.0.0.1:7700'
/** Those that begin without an application. */
const BEGINS_EMPTY = new Set(['deploy.md'])
/** Its commands need two nodes, PostgreSQL and a kill at the right moment: fail-over.ts does what it says. */
const ELSEWHERE = new Set(['fail-over.md'])

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
  for (const page of readdirSync(howTos).filter((name) => name.endsWith('.md') && !ELSEWHERE.has(name))) {
    const steps = stepsOf(readFileSync(join(howTos, page), 'utf8'))
    assert.ok(steps.length > 0, `${page} has no commands`)
    const programs = await programsFor(steps, log)
    const missing = programs === undefined ? ['python3'] : missingOf(steps)
    if (missing.length > 0) {
      log(`not run: needs ${missing.join(', ')}`)
      continue
    }
    const reader = new Reader(programs ?? [], serveOptions)
    try {
      await reader.begin(!BEGINS_EMPTY.has(page))
      for (const step of steps) await reader.follow(page, step)
      log(`${page}: ${reader.commands} commands`)
    } finally {
      reader.leave()
    }
  }
}

/** `sh` blocks, each with the `text` block right behind it. */
function stepsOf(page: string): Step[] {
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, text = '']) => ({
    language,
    text,
  }))
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
  return ['bash', 'jq', 'openssl'].filter((program) => {
    return (program === 'bash' || uses(steps, program)) && spawnSync(program, ['--version']).error !== undefined
  })
}

/** Somebody with a folder, a shell and a service. */
class Reader {
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-how-to-'))
  readonly #work = join(this.#folder, 'work')
  readonly #serveOptions: readonly string[]
  readonly #env: Record<string, string>
  #node: RunningCommand | undefined
  commands = 0

  constructor(programs: readonly string[], serveOptions: readonly string[]) {
    this.#serveOptions = serveOptions
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
    }
  }

  /** A service, the application of the guide in a file and, when asked for, deployed under its name. */
  async begin(isDeployed: boolean): Promise<void> {
    const [, visits] = /```ts\n(\/\/ visits\.ts\n[\s\S]*?)```/.exec(readFileSync(gettingStarted, 'utf8')) ?? []
    writeFileSync(join(this.#work, 'visits.ts'), visits as string)
    await this.#serve([])
    if (!isDeployed) return
    const options = ['--name', 'visits', '--url', this.#env['MILLRACE_URL'] as string, '--checkpoint-interval', '1000']
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

  leave(): void {
    this.#node?.process.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  /** In place of the service that ran, on a free port and on loopback alone. */
  async #serve(words: readonly string[]): Promise<void> {
    this.#node?.process.kill('SIGTERM')
    await this.#node?.result
    const options = words.map((word, index) => (words[index - 1] === '--host' ? '127.0.0.1' : word))
    this.#node = startMillrace(['serve', ...options, '--port', '0', ...this.#serveOptions], this.#work)
    await this.#node.shows('millrace ready')
    this.#env['MILLRACE_URL'] = /millrace ready (\S+)/.exec(this.#node.output())?.[1] as string
  }

  /** Until it has shown something, which is the answer. */
  async #watch(line: string): Promise<string> {
    const words = [...line.replace(/ +#.*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word)
    const [, ...options] = [...(words as string[]), '--url', this.#env['MILLRACE_URL'] as string]
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
    const state = join(this.#folder, 'state')
    const script = `
${existsSync(state) ? `. ${state}` : ''}
export MILLRACE_URL=${this.#env['MILLRACE_URL']}
set -eu -o pipefail
trap '{ export -p; printf "cd %q\\n" "$PWD"; } > ${state}' EXIT
exec 2>&1
${lines.replaceAll(DOCUMENTED_URL, this.#env['MILLRACE_URL'] as string)}`
    const child = promisify(execFile)('bash', ['-c', script], { cwd: this.#work, env: this.#env, timeout: LIMIT_MS })
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
