import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './servers/free-port.ts'
import { pythonEnvironment } from './servers/python-environment.ts'

const VERSION = '5.2.5'

/** An emulator of AWS that others wrote (moto, Apache-2.0), for S3 and SNS. */
export interface MotoServer {
  readonly endpoint: string
  stop(): Promise<void>
}

/** Starts moto on a free port of 127.0.0.1; installs it into `.cache` first when it isn't there. Needs python3. */
export async function startMoto(log: (line: string) => void): Promise<MotoServer> {
  const programs = await pythonEnvironment('venv-moto', `moto[server]==${VERSION}`, log)
  const port = await freePort()
  const child = spawn(join(programs, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
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
