import { accessSync, constants, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { NamespaceTools, OwnUserTools } from './isolation-settings.ts'

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/run/current-system/sw/bin']
const NAMESPACES = ['sh', 'unshare', 'setpriv', 'mount', 'umount', 'pivot_root', 'prlimit'] as const
const OWN_USER = ['sh', 'setsid', 'setpriv', 'prlimit'] as const

/** Programs by name, or the names of those that aren't there. */
export type FoundTools<Tools> = { readonly tools: Tools } | { readonly missing: readonly string[] }

export function findNamespaceTools(): FoundTools<NamespaceTools> {
  return find(NAMESPACES)
}

export function findOwnUserTools(): FoundTools<OwnUserTools> {
  return find(OWN_USER)
}

function find<Name extends string>(names: readonly Name[]): FoundTools<Readonly<Record<Name, string>>> {
  const found = names.map((name) => [name, pathOf(name)] as const)
  const missing = found.flatMap(([name, path]) => (path === undefined ? [name] : []))
  return missing.length > 0 ? { missing } : { tools: Object.fromEntries(found) as Record<Name, string> }
}

/** Those of BusyBox lack what is needed. */
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
