import { execFileSync, spawn } from 'node:child_process'
import { openSync, readdirSync, readFileSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, WatermarkStrategy } from 'millrace'
import { type NetworkTargets, reachOverNetwork } from './hostile-network.ts'

/**
 * Code that means harm. Property group `attack`: `what` it does, `targets` as JSON (see test/e2e/hostile-bundle.ts).
 * What comes of each attempt is printed as `name=outcome`: an error's code, or what it got.
 */
export default defineApplication({
  name: 'hostile',
  build(env, { properties }) {
    const { what = '', targets = '{}' } = properties['attack'] ?? {}
    if (isMainThread) attack(what, JSON.parse(targets) as Targets)
    const ticks = datagen({ count: 1e6, recordsPerSecond: 5, generate: (index) => index })
    env.fromSource(ticks, WatermarkStrategy.noWatermarks(), 'ticks').uid('ticks').print()
  },
})

interface Targets {
  readonly read?: readonly string[]
  readonly list?: readonly string[]
  readonly write?: readonly string[]
  readonly signal?: readonly number[]
  readonly commands?: readonly (readonly string[])[]
  readonly links?: readonly (readonly [string, string])[]
  readonly network?: NetworkTargets
}

function attack(what: string, targets: Targets): void {
  if (what === 'reach') reach(targets)
  if (what === 'output') for (let i = 0; i < 200_000; i++) writeAll(1, `${'x'.repeat(500)}\n`)
  if (what === 'garbage') for (let i = 0; i < 2_000; i++) writeAll(3, `{"type":"status","state":${i}}\nno json ${i}\n`)
  if (what === 'line') for (let i = 0; i < 64; i++) writeAll(3, 'x'.repeat(1 << 20))
  if (what === 'forks') forks()
  if (what === 'memory') memory()
  if (what === 'network') void network(targets.network)
}

function reach({ read = [], list = [], write = [], signal = [], commands = [], links = [] }: Targets): void {
  for (const path of read) attempt(`read ${path}`, () => readFileSync(path, 'latin1').slice(0, 60))
  for (const path of list) attempt(`list ${path}`, () => readdirSync(path).sort().join(' '))
  for (const path of write) attempt(`write ${path}`, () => writeFileSync(path, 'harm'))
  for (const pid of signal) attempt(`signal ${pid}`, () => process.kill(pid, 'SIGKILL'))
  for (const [command = '', ...args] of commands) {
    attempt(`run ${[command, ...args].join(' ')}`, () =>
      execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' }),
    )
  }
  for (const [path, target] of links) attempt(`link ${path}`, () => symlinkSync(target, path))
  attempt('open memory of init', () => openSync('/proc/1/mem', 'r'))
  attempt('become another user', () => process.setuid?.(1000))
  attempt('processes', () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())
      .join(' '),
  )
  attempt('rights', () => /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  attempt('temporary folder', () => tmpdir())
  attempt('environment', () => Object.keys(process.env).sort().join(' '))
}

/** It goes on beside the job. */
async function network(targets: NetworkTargets | undefined): Promise<void> {
  if (targets === undefined) throw new Error('There is nobody to attack.')
  for (const [name, outcome] of await reachOverNetwork(targets)) writeAll(1, `${name}=${outcome}\n`)
  writeAll(1, 'network=done\n')
}

function attempt(name: string, act: () => unknown): void {
  let outcome: string
  try {
    outcome = `GOT ${String(act())}`
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string }
    outcome = code ?? (stderr ?? message).trim().replaceAll('\n', ' ')
  }
  writeAll(1, `${name}=${outcome}\n`)
}

/** Output and the socket to the service, which is descriptor 3, don't wait for their reader by themselves. */
function writeAll(descriptor: number, text: string): void {
  for (let bytes = Buffer.from(text); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

function forks(): void {
  let started = 0
  for (let i = 0; i < 5_000; i++) {
    // Every second one leaves its parent's session.
    const child = spawn('sleep', ['1000'], { stdio: 'ignore', detached: i % 2 === 0 })
    child.on('error', () => {})
    if (child.pid === undefined) break
    started++
  }
  writeAll(1, `forks=${started}\n`)
}

function memory(): void {
  const kept: Buffer[] = []
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (let i = 0; i < 400; i++) {
    kept.push(Buffer.alloc(16 << 20, i))
    Atomics.wait(pause, 0, 0, 50)
  }
  writeAll(1, `memory=${kept.length}\n`)
}
