import { accessSync, constants, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { IsolationTools } from './isolation-settings.ts'

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/run/current-system/sw/bin']
const NAMES = ['sh', 'unshare', 'setpriv', 'mount', 'umount', 'pivot_root', 'prlimit'] as const

/** The programs isolation takes, or the names of those that aren't there; those of BusyBox lack what is needed. */
export function findIsolationTools(): IsolationTools | readonly string[] {
  const found = NAMES.map((name) => [name, pathOf(name)] as const)
  const missing = found.flatMap(([name, path]) => (path === undefined ? [name] : []))
  return missing.length > 0 ? missing : (Object.fromEntries(found) as unknown as IsolationTools)
}

function pathOf(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return name === 'sh' || basename(realpathSync(path)) !== 'busybox'
    } catch {
      // The next folder may have it.
      return false
    }
  })
}
