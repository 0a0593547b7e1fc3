import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

const version = '0.6.2'
const readyTimeoutMs = 60_000
const cache = fileURLToPath(new URL('../../../.cache/kinesis-local/', import.meta.url))
const loopbackOnly = fileURLToPath(new URL('./loopback-only.cjs', import.meta.url))

/** A running kinesis-local: another implementation of the Kinesis API, which checks no signatures. */
export interface KinesisLocal {
  /** Its plain HTTP/1.1 port. */
  readonly url: string
  stop(): Promise<void>
}

/** Installs kinesis-local from npm into `.cache/kinesis-local` unless it is there, and starts it on free ports of 127.0.0.1. */
export async function startKinesisLocal(log: (line: string) => void): Promise<KinesisLocal> {
  const folder = await installed(log)
  const [tlsPort, plainPort] = [await freePort(), await freePort()]
  // It reads its certificate from the working directory.
  const child = spawn(process.execPath, ['-r', loopbackOnly, 'main.js'], {
    cwd: folder,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      KINESIS_MOCK_TLS_PORT: String(tlsPort),
      KINESIS_MOCK_PLAIN_PORT: String(plainPort),
      LOG_LEVEL: 'ERROR',
      SHARD_LIMIT: '200',
      AWS_REGION: 'us-east-1',
    },
  })
  const kill = () => void child.kill('SIGKILL')
  // It doesn't notice that its parent is gone.
  process.once('exit', kill)
  const stop = async () => {
    process.off('exit', kill)
    if (child.exitCode !== null || child.signalCode !== null) return
    kill()
    await once(child, 'exit')
  }
  try {
    await ready(child, plainPort)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `http://127.0.0.1:${plainPort}`, stop }
}

async function installed(log: (line: string) => void): Promise<string> {
  const folder = join(cache, 'node_modules', 'kinesis-local')
  const complete = join(cache, `complete-${version}`)
  try {
    await access(complete)
    return folder
  } catch {
    log(`installing kinesis-local ${version} from npm`)
  }
  await mkdir(cache, { recursive: true })
  await writeFile(join(cache, 'package.json'), '{ "private": true }\n')
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save']
  await promisify(execFile)('npm', ['install', ...options, `kinesis-local@${version}`], { cwd: cache })
  await writeFile(complete, '')
  return folder
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  const endMs = Date.now() + readyTimeoutMs
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error(`kinesis-local ended with code ${child.exitCode} before it was ready`)
    if (Date.now() > endMs) throw new Error(`kinesis-local wasn't ready after ${readyTimeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
