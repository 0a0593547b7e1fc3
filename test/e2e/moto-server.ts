import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const VERSION = '5.2.5'
const VENV = resolve('.cache/venv-moto')

/** An emulator of AWS that others wrote (moto, Apache-2.0), for S3 and SNS. */
export interface MotoServer {
  readonly endpoint: string
  stop(): Promise<void>
}

/** Starts moto on a free port of 127.0.0.1; installs it into `.cache` first when it isn't there. Needs python3. */
export async function startMoto(log: (line: string) => void): Promise<MotoServer> {
  await installOnce(log)
  const port = await freePort()
  const child = spawn(join(VENV, 'bin/moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const endpoint = `http://127.0.0.1:${port}`
  await ready(endpoint, child)
  return {
    endpoint,
    async stop() {
      if (child.exitCode !== null) return
      const ended = new Promise((resolve_) => child.once('exit', resolve_))
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function installOnce(log: (line: string) => void): Promise<void> {
  const marker = join(VENV, `.moto-${VERSION}`)
  if (existsSync(marker)) return
  log(`installing moto ${VERSION} into .cache`)
  const run = promisify(execFile)
  await rm(VENV, { recursive: true, force: true })
  await mkdir(resolve('.cache'), { recursive: true })
  await run('python3', ['-m', 'venv', VENV])
  await run(join(VENV, 'bin/pip'), ['install', '--quiet', `moto[server]==${VERSION}`])
  // Last, so that an interrupted installation is made again.
  await mkdir(`${marker}.new`)
  await rename(`${marker}.new`, marker)
}

function freePort(): Promise<number> {
  return new Promise((resolve_, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve_(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

async function ready(endpoint: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode} before it was ready`)
    const answer = await fetch(`${endpoint}/moto-api/`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(200)
  }
  child.kill('SIGKILL')
  throw new Error('moto was not ready within a minute')
}
