import { existsSync, readFileSync, statSync } from 'node:fs'
import { commandPaths } from './command-paths.ts'
import { isolationScript, type ShownPath } from './isolation-script.ts'
import type { IsolationSettings, NamespaceMeans, NamespaceTools } from './isolation-settings.ts'
import { isInside, readMountTable } from './mount-table.ts'
import { ownUserWords } from './own-user-command.ts'
import { systemPaths } from './system-paths.ts'

/** The new root is built at one of these; the programs that build it need nothing in them. */
const BUILDING_SITES = ['/sys', '/mnt', '/media', '/srv', '/boot', '/opt', '/home']
const NO_RIGHTS = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all']

/** A program and its arguments. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
}

/**
 * A command line that runs a Node program as an isolated job in place of the given one. The program keeps its file
 * descriptors, environment and paths; killing the process that is spawned ends it and whatever it has started, and so
 * does the end of this process.
 */
export function isolatedCommand(
  { command, args }: Command,
  commandFile: string,
  workingDirectory: string,
  settings: IsolationSettings,
): Command {
  const { means, userId } = settings
  const { setpriv, prlimit } = means.tools
  const words = [
    ...(means.by === 'user'
      ? ownUserWords(means, userId as number)
      : namespaceWords(means, commandFile, workingDirectory, settings)),
    ...[prlimit, '--core=0', ...limits(settings)],
    ...[setpriv, ...NO_RIGHTS, '--', command, ...args],
  ]
  return { command: words[0] as string, args: words.slice(1) }
}

/** The words that run a program in a view of its own, before those of the program itself. */
function namespaceWords(
  means: NamespaceMeans,
  commandFile: string,
  workingDirectory: string,
  settings: IsolationSettings,
): string[] {
  const { tools } = means
  const mounts = readMountTable()
  const shown = shownPaths(commandFile, workingDirectory, settings)
  const view = {
    shown,
    links: systemPaths().links,
    workingDirectory,
    buildingSite: buildingSite(shown, tools),
  }
  return [
    ...[tools.setpriv, '--pdeathsig', 'KILL', '--'],
    ...[tools.unshare, ...(means.user === 'same-user' ? ['--user', '--map-root-user'] : [])],
    ...['--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child=KILL', '--'],
    ...[tools.sh, '-c', isolationScript(view, means, mounts), 'millrace-job'],
    ...userWords(means, settings.userId),
  ]
}

/** Becomes the job's user, in a user namespace where no other can be made. */
function userWords({ user, userNamespace, tools }: NamespaceMeans, userId: number | undefined): string[] {
  if (user === 'same-user') return []
  const become = [tools.setpriv, '--reuid', String(userId), '--regid', String(userId), '--clear-groups', '--']
  if (!userNamespace) return become
  const closed = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
  return [...become, tools.unshare, '--user', '--map-root-user', '--', tools.sh, '-c', closed, 'millrace-job']
}

/** Never more than this process may itself: raising a limit takes rights that the job's namespace doesn't have. */
function limits({ maxOpenFiles, maxProcesses }: IsolationSettings): string[] {
  const own = readFileSync('/proc/self/limits', 'utf8')
  const least = (name: string, wanted: number): number => {
    const hard = new RegExp(`^${name} +\\S+ +(\\d+)`, 'm').exec(own)?.[1]
    return Math.min(wanted, Number(hard ?? wanted))
  }
  return [`--nofile=${least('Max open files', maxOpenFiles)}`, `--nproc=${least('Max processes', maxProcesses)}`]
}

function shownPaths(
  commandFile: string,
  workingDirectory: string,
  { readOnly, readWrite }: IsolationSettings,
): ShownPath[] {
  const reading = [...systemPaths().paths, ...commandPaths(commandFile), ...readOnly]
  const kindOf = (path: string): 'file' | 'folder' => (statSync(path).isDirectory() ? 'folder' : 'file')
  return [
    ...reading.map((path) => ({ path, access: 'read' }) as const),
    ...[workingDirectory, ...readWrite].map((path) => ({ path, access: 'write' }) as const),
  ].flatMap(({ path, access }) => (existsSync(path) ? [{ path, access, kind: kindOf(path) }] : []))
}

function buildingSite(shown: readonly ShownPath[], tools: NamespaceTools): string {
  const needed = [...shown.map(({ path }) => path), ...Object.values(tools)]
  const isFree = (folder: string): boolean => !needed.some((path) => isInside(path, folder))
  return BUILDING_SITES.find((folder) => existsSync(folder) && isFree(folder)) ?? '/sys'
}
