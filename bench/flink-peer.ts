import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What Flink measured of itself, in ms. */
export interface PeerLatency {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** Real Flink on the same events. */
export interface FlinkPeer {
  latency(settings: {
    readonly eventsPerSecond: number
    readonly events: number
    readonly bufferTimeoutMs: number
  }): Promise<PeerLatency>
}

/**
 * The peer beside this repository, or where `MILLRACE_PEERS` says; it needs Java and Maven. Its folder `flink-nexmark`
 * holds `run.sh`, which prints one JSON line. Else the reason why it isn't there.
 */
export function findFlinkPeer(): FlinkPeer | string {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const peers = process.env['MILLRACE_PEERS'] ?? resolve(root, '../shared/peers')
  const script = join(peers, 'flink-nexmark', 'run.sh')
  if (!existsSync(script)) return `there is no ${script} (MILLRACE_PEERS names the folder of peers)`
  for (const tool of ['java', 'mvn']) {
    if (spawnSync(tool, ['-version'], { stdio: 'ignore' }).error !== undefined) return `${tool} isn't found`
  }
  return {
    async latency({ eventsPerSecond, events, bufferTimeoutMs }) {
      const line = await lastLine(script, [
        ...['--query', 'latency', '--parallelism', '2'],
        ...['--per-second', String(eventsPerSecond), '--events', String(events)],
        ...['--buffer-timeout', String(bufferTimeoutMs)],
      ])
      const { p50Ms, p99Ms, p999Ms } = JSON.parse(line) as { p50Ms: number; p99Ms: number; p999Ms: number }
      return { p50: p50Ms, p99: p99Ms, p999: p999Ms }
    },
  }
}

async function lastLine(script: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', [script, ...args], { maxBuffer: 1 << 26 })
  return stdout.trim().split('\n').at(-1) as string
}
