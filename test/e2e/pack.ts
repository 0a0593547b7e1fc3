import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const PACKAGES = ['engine', 'connectors', 'service', 'cli']
const WATCH_RERUNS = 5

/**
 * The public packages as a stranger gets them: packed, installed into an empty folder from the tarballs. There the
 * READMEs' applications run with `npx millrace run app.ts` and have types under `bundler` and `nodenext`, `--watch` runs
 * one again in under a second, and `npx millrace init` makes such a folder. Needs npm, and its registry or cache.
 */
export async function run(log: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pack-'))
  try {
    const project = join(folder, 'project')
    mkdirSync(project)
    install(project, pack(folder, log), log)
    for (const readme of ['README.md', 'packages/cli/README.md']) runReadme(project, readme, log)
    initFolder(project, log)
    await watch(project, log)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function pack(folder: string, log: (line: string) => void): string[] {
  execute(repository, process.execPath, ['scripts/build.mjs', '--types'])
  const names = PACKAGES.map((name) => `./packages/${name}`)
  const packed = JSON.parse(npm(repository, 'pack', '--json', '--pack-destination', folder, ...names)) as {
    filename: string
    size: number
    files: { path: string }[]
  }[]
  for (const { filename, files } of packed) {
    const stray = files.filter(({ path }) => !/^(dist\/|README\.md$|LICENSE$|package\.json$)/.test(path))
    assert.deepEqual(stray, [], `${filename} has files that don't belong into it`)
    assert.ok(
      files.some(({ path }) => path.endsWith('.d.mts')),
      `${filename} has no declarations`,
    )
  }
  const kilobytes = packed.map(({ filename, size }) => `${filename} ${Math.ceil(size / 1024)} KiB`)
  log(`packed ${kilobytes.join(', ')}`)
  return packed.map(({ filename }) => join(folder, filename))
}

function install(project: string, tarballs: readonly string[], log: (line: string) => void): void {
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  const typescript = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).devDependencies.typescript
  npm(project, 'install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs, `typescript@${typescript}`)
  assert.match(npx(project, 'millrace', '--version'), /^\d+\.\d+\.\d+/)
  log('installed from the tarballs')
}

/** Runs a README's first application, and checks its types in both ways of resolving modules. */
function runReadme(project: string, readme: string, log: (line: string) => void): void {
  const source = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(repository, readme), 'utf8'))?.[1] ?? ''
  assert.match(source, /export default defineApplication/, `${readme} shows no application`)
  writeFileSync(join(project, 'app.ts'), source)
  const rows = npx(project, 'millrace', 'run', 'app.ts').trim().split('\n')
  assert.ok(rows.length > 3, `the application of ${readme} printed ${rows.length} rows`)
  for (const [moduleResolution, module] of [
    ['bundler', 'esnext'],
    ['nodenext', 'nodenext'],
  ] as const) {
    const compilerOptions = { target: 'es2023', module, moduleResolution, strict: true, noEmit: true, types: [] }
    const config = { compilerOptions: { ...compilerOptions, skipLibCheck: true }, files: ['app.ts'] }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
    npx(project, 'tsc', '-p', 'tsconfig.json')
  }
  log(`the application of ${readme} runs (${rows.length} rows) and has types under bundler and nodenext`)
}

function initFolder(project: string, log: (line: string) => void): void {
  npx(project, 'millrace', 'init', 'first')
  const made = join(project, 'first')
  const version = JSON.parse(readFileSync(join(made, 'package.json'), 'utf8')).dependencies.millrace
  assert.equal(version, npx(project, 'millrace', '--version').trim())
  // Not published yet: the packages above it stand in for its own.
  assert.ok(npx(made, 'millrace', 'run', 'app.ts').trim().split('\n').length > 3)
  npx(made, 'tsc', '-p', '.')
  log('millrace init made a folder whose application runs and has types')
}

async function watch(project: string, log: (line: string) => void): Promise<void> {
  const file = join(project, 'watched.ts')
  const write = (version: number): void =>
    writeFileSync(
      file,
      `import { defineApplication } from 'millrace'
       export default defineApplication({
         name: 'watched',
         build: (env) => void env.fromCollection(['version ${version}']).print(),
       })`,
    )
  write(0)
  const command = join(project, 'node_modules', 'millrace', 'dist', 'millrace.mjs')
  const child = spawn(process.execPath, [command, 'run', file, '--watch'], {
    cwd: project,
    stdio: ['ignore', 'pipe', 2],
  })
  try {
    const prints = printedLines(child)
    await prints('version 0')
    const rerunsMs: number[] = []
    for (let version = 1; version <= WATCH_RERUNS; version++) {
      const changedMs = performance.now()
      write(version)
      await prints(`version ${version}`)
      rerunsMs.push(Math.round(performance.now() - changedMs))
    }
    const medianMs = rerunsMs.toSorted((a, b) => a - b)[WATCH_RERUNS >> 1] as number
    log(`--watch: from the change to the first output ${rerunsMs.join(', ')} ms, median ${medianMs}`)
    assert.ok(medianMs < 1000, `the median is ${medianMs} ms`)
  } finally {
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    await closed
  }
}

/** Answers with a function that waits for a line of standard output. */
function printedLines(child: ChildProcess): (line: string) => Promise<void> {
  let text = ''
  let look = (): void => {}
  child.stdout?.on('data', (bytes: Buffer) => {
    text += bytes.toString()
    look()
  })
  return (line) =>
    new Promise((resolve, reject) => {
      child.once('close', () => reject(new Error(`ended without printing '${line}':\n${text}`)))
      look = () => {
        if (text.includes(`${line}\n`)) resolve()
      }
      look()
    })
}

const npm = (cwd: string, ...args: string[]): string => {
  const cli = process.env['npm_execpath']
  return cli === undefined ? execute(cwd, 'npm', args) : execute(cwd, process.execPath, [cli, ...args])
}

/** What `npx` runs: the command in the nearest `node_modules/.bin`. Never one it would have to download. */
function npx(cwd: string, command: string, ...args: string[]): string {
  return npm(cwd, 'exec', '--no', '--', command, ...args)
}

function execute(cwd: string, command: string, args: readonly string[]): string {
  assert.ok(existsSync(cwd))
  // What npm says about itself to the scripts it runs would reach the npm that runs here.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!execpath)/i.test(name)))
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (error !== undefined) throw error
  assert.equal(status, 0, `${command} ${args.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`)
  return stdout
}
