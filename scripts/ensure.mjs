import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url))

const say = (text) => process.stderr.write(`${text}\n`)

/**
 * Makes the checkout ready to run: installs what the lock file names and isn't there, builds what has changed.
 * Node alone must be enough to get here, so this file and those beside it import no package until it has run.
 */
export async function ensure({ types = false } = {}) {
  ensureInstalled()
  const { buildPackages } = await import('./build.mjs')
  await buildPackages({ types, log: say })
}

/** Installs dependencies unless all of them are there. */
export function ensureInstalled() {
  if (isInstalled()) return
  say('installing dependencies (npm ci)…')
  const npm = process.env.npm_execpath
  const [command, args] = npm === undefined ? ['npm', []] : [process.execPath, [npm]]
  const result = spawnSync(command, [...args, 'ci', '--no-audit', '--no-fund'], {
    cwd: root,
    // Standard output belongs to the command that asked for this.
    stdio: ['ignore', 2, 2],
    shell: npm === undefined && process.platform === 'win32',
  })
  if (result.status === 0) return
  say(`npm ci failed${result.error === undefined ? '' : `: ${result.error.message}`}`)
  process.exit(result.status ?? 1)
}

/** Whether what npm has installed (its hidden lock file) is what the lock file asks for. */
function isInstalled() {
  const hidden = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden)) return false
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.startsWith('node_modules/') || optional || link || installed[path]?.version === version,
  )
}

/** Runs a program in this one's place: same terminal, its exit code ours, our signals passed on. Resolves to the code. */
export function runForwarding(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    // A terminal's Ctrl-C reaches the child by itself; this process only has to outlive it.
    const forward = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      for (const name of signals) process.off(name, forward)
      resolve(code ?? 128 + (signalNumbers[signal] ?? 0))
    })
  })
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** Arguments that run a TypeScript file against the built packages. */
export const tsxArguments = (file, args) => ['--enable-source-maps', '--import', 'tsx', file, ...args]
