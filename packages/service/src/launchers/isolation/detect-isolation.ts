import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findIsolationTools } from './find-tools.ts'
import { isolatedCommand } from './isolated-command.ts'
import type { IsolationMeans } from './isolation-settings.ts'
import { firstUserId } from './job-user.ts'

/** Whether jobs can be isolated on this machine; plain data. */
export type Isolation =
  | { readonly level: 'isolated'; readonly means: IsolationMeans }
  | { readonly level: 'process'; readonly reason: string }

/**
 * Finds out by isolating a small program, as each kind of user in turn: it must find its folder, must be able to write
 * into it, and must see neither a file that lies beside it nor this process.
 */
export async function detectIsolation(commandFile: string): Promise<Isolation> {
  if (process.platform !== 'linux') return { level: 'process', reason: `${process.platform} has no Linux namespaces` }
  const tools = findIsolationTools()
  if (Array.isArray(tools)) {
    return { level: 'process', reason: `util-linux is incomplete: there is no ${tools.join(', no ')}` }
  }
  const found = tools as IsolationMeans['tools']
  const isRoot = process.getuid?.() === 0
  const candidates: IsolationMeans[] = [
    ...(isRoot ? [{ user: 'own-user', userNamespace: true, tools: found } as const] : []),
    ...(isRoot ? [{ user: 'own-user', userNamespace: false, tools: found } as const] : []),
    { user: 'same-user', userNamespace: true, tools: found },
  ]
  let reason = ''
  for (const means of candidates) {
    const failure = await tryMeans(means, commandFile)
    if (failure === undefined) return { level: 'isolated', means }
    reason ||= failure
  }
  return { level: 'process', reason }
}

/** What `millrace serve` and the applications' logs say. */
export function describeIsolation(isolation: Isolation): string {
  if (isolation.level === 'process') return 'process (not isolated)'
  return isolation.means.user === 'own-user' ? 'isolated (namespaces, a user of its own)' : 'isolated (namespaces)'
}

const PROGRAM = `
const { readFileSync, readlinkSync, writeFileSync } = require('node:fs')
const [secret, own, namespace] = process.argv.slice(1)
writeFileSync(own, 'x')
try { readFileSync(secret); console.error('it sees files of others'); process.exit(1) } catch {}
if (readlinkSync('/proc/self/ns/pid') === namespace) { console.error('it sees processes of others'); process.exit(1) }
`

/** Undefined when it works, otherwise why it doesn't. */
async function tryMeans(means: IsolationMeans, commandFile: string): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-isolation-'))
  try {
    const own = join(folder, 'own')
    const secret = join(folder, 'secret')
    writeFileSync(secret, 'x', { mode: 0o644 })
    mkdirSync(own)
    chmodSync(own, 0o777)
    const userId = means.user === 'own-user' ? { userId: firstUserId() } : {}
    const settings = { means, readOnly: [], readWrite: [own], ...userId, maxProcesses: 256, maxOpenFiles: 256 }
    const program = ['-e', PROGRAM, secret, join(own, 'file'), readlinkSync('/proc/self/ns/pid')]
    const { command, args } = isolatedCommand({ command: process.execPath, args: program }, commandFile, own, settings)
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'] } })
    const [stderr, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    if (code === 0) return undefined
    return stderr.trim().split('\n').at(-1) || `the trial ended with ${signal ?? `exit code ${code}`}`
  } catch (error) {
    return (error as Error).message
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
