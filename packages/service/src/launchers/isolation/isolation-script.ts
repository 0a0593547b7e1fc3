import { dirname } from 'node:path'
import type { NamespaceMeans } from './isolation-settings.ts'
import { isInside, type Mount, mountOf, mountsBelow } from './mount-table.ts'
import { shellWord, shellWords } from './shell-words.ts'

/** Exit code of a job whose view of the machine couldn't be built. */
export const ISOLATION_FAILED = 97

/** For files that programs keep for a moment; memory, so it is small. */
const TEMPORARY_MB = 64
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom']

/** A path as a job sees it. */
export interface ShownPath {
  readonly path: string
  readonly kind: 'file' | 'folder'
  readonly access: 'read' | 'write'
}

/** A job's whole view of the machine. */
export interface View {
  readonly shown: readonly ShownPath[]
  /** Symbolic link to its target. */
  readonly links: ReadonlyMap<string, string>
  readonly workingDirectory: string
  /** A folder of this machine that the root is built at: nothing of what is shown lies in it. */
  readonly buildingSite: string
}

/**
 * A shell's program, first process of new mount, PID, IPC and UTS namespaces: makes a root that shows what the view says
 * and nothing else, changes to it, and runs its arguments as a child. It stays, so that the child doesn't have to be an
 * init: it reaps what the child leaves, and its end ends every process of the namespace. A child that a signal ended
 * makes its exit code 128 plus the signal's number.
 * Source: pivot_root(2), mount_namespaces(7), pid_namespaces(7).
 */
export function isolationScript(view: View, means: NamespaceMeans, mounts: readonly Mount[]): string {
  const { mount, umount, pivot_root } = means.tools
  const shown = uncovered(view.shown)
  const at = (path: string): string => `${view.buildingSite}${path}`
  // One program for all of them: a program for each would take a millisecond for each.
  const table = [
    ...shown.map(({ path, access }) => {
      const { noexec } = mountOf(mounts, path) ?? { noexec: false }
      return tableLine(path, at(path), 'none', `rbind,${flags(access, noexec)}`)
    }),
    ...DEVICES.map((name) => tableLine(`/dev/${name}`, at(`/dev/${name}`), 'none', 'bind')),
    tableLine('proc', at('/proc'), 'proc', 'nosuid,nodev,noexec'),
  ]
  const below = shown.flatMap(({ path, access }) => (access === 'read' ? mountsBelow(mounts, path) : []))
  const files = shown.filter(({ kind }) => kind === 'file').map(({ path }) => path)
  const folders = shown.map(({ kind, path }) => (kind === 'folder' ? path : dirname(path)))
  const steps = [
    `${mount} -n -t tmpfs -o mode=755,size=2m,nosuid,nodev tmpfs ${view.buildingSite}`,
    `cd ${view.buildingSite}`,
    'mkdir proc tmp dev .old',
    `${mount} -n -t tmpfs -o mode=1777,size=${TEMPORARY_MB}m,nosuid,nodev tmpfs tmp`,
    `mkdir -p ${shellWords([...new Set([...folders, ...[...view.links.keys()].map(dirname)])].map(inside))}`,
    `touch ${shellWords([...DEVICES.map((name) => `/dev/${name}`), ...files].map(inside))}`,
    `printf '%s\\n' ${shellWords(table)} > .mounts`,
    `${mount} -n -a -T ${at('/.mounts')}`,
    'ln -s /proc/self/fd dev/fd',
    ...below.map(
      ({ path, noexec }) => `${mount} -n -o remount,bind,${flags('read', noexec)} ${shellWord(inside(path))}`,
    ),
    ...[...view.links].map(([path, target]) => `ln -s ${shellWords([target, inside(path)])}`),
    `${pivot_root} . .old`,
    'cd /',
    `${umount} -n -l /.old`,
    'rmdir /.old',
    'rm /.mounts',
    `${mount} -n -o remount,bind,ro,nosuid,nodev /`,
    ...(means.user === 'same-user' ? ownNamespaceSteps(mount) : []),
    `cd ${shellWord(view.workingDirectory)}`,
  ]
  return `${steps.join(' &&\n')} || exit ${ISOLATION_FAILED}\n"$@"\nexit $?\n`
}

/**
 * In the user namespace of the job itself: no further ones can be made, and settings of the kernel can't be changed even
 * where this process is root outside.
 */
function ownNamespaceSteps(mount: string): string[] {
  return ['echo 0 > /proc/sys/user/max_user_namespaces', `${mount} -n --bind -o ro /proc/sys /proc/sys`]
}

/** Sorted so that a folder comes before what is in it; what a folder of the same access shows already is left out. */
function uncovered(shown: readonly ShownPath[]): ShownPath[] {
  const sorted = [...new Map(shown.map((path) => [path.path, path])).values()].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  )
  return sorted.filter((one) => {
    const around = sorted.filter((other) => other !== one && isInside(one.path, other.path)).at(-1)
    return around === undefined || around.access !== one.access
  })
}

function flags(access: ShownPath['access'], noexec: boolean): string {
  return `${access === 'read' ? 'ro,' : ''}nosuid,nodev${noexec ? ',noexec' : ''}`
}

/** A line as of fstab(5): blanks and backslashes in paths are octal numbers. */
function tableLine(source: string, target: string, type: string, options: string): string {
  const escaped = (path: string): string =>
    path.replaceAll(/[\s\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
  return `${escaped(source)} ${escaped(target)} ${type} ${options} 0 0`
}

/** A path below the new root, which is the working directory while it is built. */
function inside(path: string): string {
  return `.${path}`
}
