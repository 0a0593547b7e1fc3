import { readFileSync } from 'node:fs'

/** A mount of this process's namespace, as far as it matters for showing it to a job. */
export interface Mount {
  readonly path: string
  readonly noexec: boolean
}

/** The mounts of this process, topmost last. Source: proc(5), `/proc/[pid]/mountinfo`. */
export function readMountTable(text = readFileSync('/proc/self/mountinfo', 'utf8')): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, , , , path = '/', options = ''] = line.split(' ')
      return { path: unescaped(path), noexec: options.split(',').includes('noexec') }
    })
}

/** The mount that holds a path. */
export function mountOf(table: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined
  for (const mount of table) {
    if (isInside(path, mount.path) && (found === undefined || mount.path.length >= found.path.length)) found = mount
  }
  return found
}

/** The mounts below a path, without the one at it. */
export function mountsBelow(table: readonly Mount[], path: string): Mount[] {
  return table.filter((mount) => mount.path !== path && isInside(mount.path, path))
}

/** Whether a path is a folder or something in it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

/** Blanks and backslashes in paths come as octal numbers. */
function unescaped(path: string): string {
  return path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
