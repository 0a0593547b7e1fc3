import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { commandPaths } from './command-paths.ts'
import { type FoundTools, findNamespaceTools, findOwnUserTools } from './find-tools.ts'
import { isolatedCommand } from './isolated-command.ts'
import type { IsolationMeans, NamespaceMeans, NamespaceTools } from './isolation-settings.ts'
import { trialUserId } from './job-user.ts'

/** Whether jobs can be isolated on this machine; plain data. */
export type Isolation =
  | { readonly level: 'isolated'; readonly means: IsolationMeans }
  | { readonly level: 'process'; readonly reason: string }

/**
 * Finds out by isolating a small program, by each means in turn. In namespaces it must find its folder, must be able to
 * write into it, and must see neither a file that lies beside it nor this process. As a user of its own it must be able
 * to read the command and to get to the folders, and must not be able to read the file beside, nor the environment of
 * this process, nor to signal it.
 *
 * `folders`: in which its files will lie; others than they need not be open to it.
 */
export async function detectIsolation(commandFile: string, folders: readonly string[] = []): Promise<Isolation> {
  if (process.platform !== 'linux') return { level: 'process', reason: `${process.platform} has no Linux namespaces` }
  const trial = { commandFile, folders }
  const isRoot = process.getuid?.() === 0
  const byNamespaces = await firstThatWorks(findNamespaceTools(), (tools) => namespaceMeans(isRoot, tools), trial)
  if (byNamespaces.level === 'isolated' || !isRoot) return byNamespaces
  const byUser = await firstThatWorks(findOwnUserTools(), (tools) => [{ by: 'user', user: 'own-user', tools }], trial)
  if (byUser.level === 'isolated') return byUser
  return { level: 'process', reason: `${byNamespaces.reason}; as a user of its own: ${byUser.reason}` }
}

/** What `millrace serve` and the applications' logs say. */
export function describeIsolation(isolation: Isolation): string {
  if (isolation.level === 'process') return 'process (not isolated)'
  const { by, user } = isolation.means
  if (by === 'user') return 'isolated (a user of its own)'
  return user === 'own-user' ? 'isolated (namespaces, a user of its own)' : 'isolated (namespaces)'
}

function namespaceMeans(isRoot: boolean, tools: NamespaceTools): NamespaceMeans[] {
  const ownUser = { by: 'namespaces', user: 'own-user', tools } as const
  return [
    ...(isRoot ? [true, false].map((userNamespace) => ({ ...ownUser, userNamespace })) : []),
    { by: 'namespaces', user: 'same-user', userNamespace: true, tools },
  ]
}

interface Trial {
  readonly commandFile: string
  readonly folders: readonly string[]
}

async function firstThatWorks<Tools>(
  found: FoundTools<Tools>,
  meansOf: (tools: Tools) => readonly IsolationMeans[],
  trial: Trial,
): Promise<Isolation> {
  if ('missing' in found) {
    return { level: 'process', reason: `util-linux is incomplete: there is no ${found.missing.join(', no ')}` }
  }
  let reason = ''
  for (const means of meansOf(found.tools)) {
    const failure = await tryMeans(means, trial)
    if (failure === undefined) return { level: 'isolated', means }
    reason ||= failure
  }
  return { level: 'process', reason }
}

const IN_NAMESPACES = `
const { readFileSync, readlinkSync, writeFileSync } = require('node:fs')
const { own, secret, namespace } = JSON.parse(process.argv[1])
writeFileSync(own, 'x')
try { readFileSync(secret); console.error('it sees files of others'); process.exit(1) } catch {}
if (readlinkSync('/proc/self/ns/pid') === namespace) { console.error('it sees processes of others'); process.exit(1) }
`

const AS_OWN_USER = `
const { accessSync, constants, readFileSync, writeFileSync } = require('node:fs')
const { own, secret, service, read, reach } = JSON.parse(process.argv[1])
function must(what, act) {
  try { act() } catch (error) { console.error('it can not ' + what + ' (' + error.code + ')'); process.exit(1) }
}
function mustNot(what, act) {
  try { act() } catch { return }
  console.error('it can ' + what)
  process.exit(1)
}
must('write into a folder of its own', () => writeFileSync(own, 'x'))
for (const path of read) must('read ' + path, () => accessSync(path, constants.R_OK))
for (const path of reach) must('get to what is in ' + path, () => accessSync(path, constants.X_OK))
mustNot('read files of others', () => readFileSync(secret))
mustNot('read the environment of this process', () => readFileSync('/proc/' + service + '/environ'))
mustNot('signal this process', () => process.kill(service, 0))
`

/** Undefined when it works, otherwise why it doesn't. */
async function tryMeans(means: IsolationMeans, { commandFile, folders }: Trial): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-isolation-'))
  try {
    const own = join(folder, 'own')
    const secret = join(folder, 'secret')
    // In namespaces it isn't even there.
    writeFileSync(secret, 'x', { mode: means.by === 'user' ? 0o600 : 0o644 })
    mkdirSync(own)
    chmodSync(own, 0o777)
    if (means.by === 'user') chmodSync(folder, 0o711)
    const userId = means.user === 'own-user' ? { userId: trialUserId() } : {}
    const settings = { means, readOnly: [], readWrite: [own], ...userId, maxProcesses: 256, maxOpenFiles: 256 }
    const told = {
      own: join(own, 'file'),
      secret,
      service: process.pid,
      namespace: readlinkSync('/proc/self/ns/pid'),
      read: [commandFile, ...commandPaths(commandFile)],
      reach: folders.map((path) => dirname(resolve(path))),
    }
    const program = ['-e', means.by === 'user' ? AS_OWN_USER : IN_NAMESPACES, JSON.stringify(told)]
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
