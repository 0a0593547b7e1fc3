import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ensureInstalled, root } from './ensure.mjs'

/*
 * Builds every package into its dist: `npm run build` for JavaScript, `npm run build -- --types` with declarations,
 * as for packing. What hasn't changed isn't built again.
 */

const cacheFolder = join(root, 'node_modules', '.cache', 'millrace-build')

/** Modules that are started by file, not imported: no package export names them. */
const startedByFile = { cli: { 'application-worker': 'src/application-worker.ts' } }

/** Builds all packages that changed; several processes may ask at once. */
export async function buildPackages({ types = false, log = () => {} } = {}) {
  mkdirSync(cacheFolder, { recursive: true })
  const names = readdirSync(join(root, 'packages')).filter((name) => existsSync(join(root, 'packages', name, 'src')))
  const release = await lock()
  try {
    const stale = names.map((name) => describe(name, types)).filter((description) => !description.fresh)
    if (stale.length === 0) return
    log(`building ${stale.map(({ name }) => name).join(', ')}${types ? ' with declarations' : ''}…`)
    const startedAt = performance.now()
    for (const description of stale) await buildPackage(description, { types, log })
    linkCommand()
    log(`built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  } finally {
    release()
  }
}

/** What a package is built of, and whether its dist is of just that. */
function describe(name, types) {
  const folder = join(root, 'packages', name)
  const stampFile = join(cacheFolder, `${name}.json`)
  const hash = hashOf(folder)
  const stamp = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {}
  const fresh = stamp.hash === hash && (stamp.types || !types) && existsSync(join(folder, 'dist'))
  return { name, folder, stampFile, hash, fresh }
}

function hashOf(folder) {
  const hash = createHash('sha256')
  const files = sourcesBelow(join(folder, 'src')).sort()
  for (const file of [...files, join(folder, 'package.json'), fileURLToPath(import.meta.url)]) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

function sourcesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sourcesBelow(path)
    return entry.name.endsWith('.test.ts') ? [] : [path]
  })
}

async function buildPackage({ name, folder, stampFile, hash }, { types, log }) {
  const { build } = await import('tsdown')
  const temporary = join(folder, `dist.${process.pid}`)
  rmSync(stampFile, { force: true })
  try {
    await build({
      config: false,
      cwd: folder,
      entry: entriesOf(name, folder, { types, log }),
      outDir: temporary,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      dts: types,
      sourcemap: true,
      tsconfig: join(root, 'tsconfig.json'),
      // Another package of the workspace stays an import: one copy of the engine in a process.
      deps: { neverBundle: [/^@millrace\//, /^millrace(\/|$)/] },
      logLevel: 'warn',
    })
    replaceFolder(join(folder, 'dist'), temporary)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
  writeFileSync(stampFile, JSON.stringify({ hash, types }))
}

/** Output name → source, from the package's exports and commands. */
function entriesOf(name, folder, { types, log }) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const entries = { ...startedByFile[name] }
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    const source = target['millrace-source'] ?? target.source
    if (source === undefined) continue
    const output = target.default.replace(/^\.\/dist\//, '').replace(/\.mjs$/, '')
    if (existsSync(join(folder, source))) entries[output] = source
    else if (types) throw new Error(`packages/${name} exports ${subpath}, but ${source} doesn't exist`)
    else log(`packages/${name}: export ${subpath} is left out, ${source} doesn't exist`)
  }
  for (const output of Object.values(manifest.bin ?? {})) {
    const command = output.replace(/^(\.\/)?dist\//, '').replace(/\.mjs$/, '')
    entries[command] = `src/${command}.ts`
  }
  return entries
}

/** The old folder is out of the way for the time of two renames, not of a build: other processes may be loading from it. */
function replaceFolder(folder, replacement) {
  const old = `${folder}.old.${process.pid}`
  if (existsSync(folder)) renameSync(folder, old)
  renameSync(replacement, folder)
  rmSync(old, { recursive: true, force: true })
}

/** npm links commands when it installs, and then this one isn't built yet. */
function linkCommand() {
  const command = join(root, 'packages', 'cli', 'dist', 'millrace.mjs')
  const link = join(root, 'node_modules', '.bin', 'millrace')
  if (process.platform === 'win32' || !existsSync(command)) return
  chmodSync(command, 0o755)
  if (!existsSync(link)) {
    rmSync(link, { force: true })
    symlinkSync(relative(dirname(link), command), link)
  }
}

/** One build at a time; the lock of a process that is gone, or that is a minute old, is taken over. */
async function lock() {
  const folder = join(cacheFolder, 'lock')
  const owner = join(folder, 'pid')
  for (;;) {
    try {
      mkdirSync(folder)
      writeFileSync(owner, String(process.pid))
      return () => rmSync(folder, { recursive: true, force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (isAbandoned(folder, owner)) rmSync(folder, { recursive: true, force: true })
    else await sleep(50)
  }
}

function isAbandoned(folder, owner) {
  try {
    if (Date.now() - statSync(folder).mtimeMs > 60_000) return true
    const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : 0
    if (pid > 0) process.kill(pid, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  ensureInstalled()
  const log = (text) => process.stderr.write(`${text}\n`)
  await buildPackages({ types: process.argv.includes('--types'), log })
  log('everything is built')
}
