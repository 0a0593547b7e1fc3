import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { pythonEnvironment } from './python-environment.ts'

const VERSION = '1.5.33'
const READY_TIMEOUT_MS = 60_000

/** A running ministack: another implementation of AWS APIs, for SNS. It checks no signatures. */
export interface Ministack {
  readonly endpoint: string
  stop(): Promise<void>
}

/** Starts ministack on a free port of 127.0.0.1; installs it into `.cache` first when it isn't there. Needs python3. */
export async function startMinistack(log: (line: string) => void): Promise<Ministack> {
  const programs = await pythonEnvironment('venv-ministack', `ministack==${VERSION}`, log)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-ministack-'))
  const port = String(await freePort())
  const child = spawn(join(programs, 'ministack'), [], {
    cwd: folder,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      TMPDIR: folder,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: port,
      EDGE_PORT: port,
      LOG_LEVEL: 'ERROR',
    },
  })
  const endpoint = `http://127.0.0.1:${port}`
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await ready(endpoint, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoint, stop }
}

async function ready(endpoint: string, child: ChildProcess): Promise<void> {
  const endMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(`${endpoint}/_localstack/health`).catch(() => undefined)
    if (answer?.ok) return
    if (child.exitCode !== null) throw new Error(`ministack ended with ${child.exitCode} before it was ready`)
    if (performance.now() > endMs) throw new Error(`ministack wasn't ready after ${READY_TIMEOUT_MS} ms`)
    await sleep(100)
  }
}
