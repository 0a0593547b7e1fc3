import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { isInside } from './mount-table.ts'

/** Folders of programs and libraries. Where one is a link (`/lib` to `usr/lib`), the job has the same link. */
const FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store']

/** What libraries read of `/etc`: where libraries are, how names are resolved, whom TLS trusts, the time zone. */
const SETTINGS = [
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/ld-musl-x86_64.path',
  '/etc/alternatives',
  '/etc/hosts',
  '/etc/resolv.conf',
  '/etc/nsswitch.conf',
  '/etc/gai.conf',
  '/etc/services',
  '/etc/protocols',
  '/etc/localtime',
  '/etc/timezone',
  '/etc/ssl/certs',
  '/etc/ssl/cert.pem',
  '/etc/ssl/openssl.cnf',
  '/etc/ca-certificates',
  '/etc/pki/tls/certs',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/ca-trust/extracted',
]

/** What every program needs of this system. */
export interface SystemPaths {
  /** Seen as they are, read-only. */
  readonly paths: readonly string[]
  /** Link to its target. */
  readonly links: ReadonlyMap<string, string>
}

/** This system's libraries and Node itself. */
export function systemPaths(node = process.execPath): SystemPaths {
  const links = new Map<string, string>()
  const paths: string[] = []
  for (const folder of FOLDERS) {
    if (!existsSync(folder)) continue
    if (lstatSync(folder).isSymbolicLink()) links.set(folder, readlinkSync(folder))
    else paths.push(folder)
  }
  for (const path of SETTINGS) {
    if (!existsSync(path)) continue
    // ICU finds the time zone's name by where /etc/localtime leads.
    const target = realpathSync(path)
    if (target !== path && FOLDERS.some((folder) => isInside(target, folder))) links.set(path, target)
    else paths.push(path)
  }
  paths.push(realpathSync(node))
  if (!FOLDERS.some((folder) => isInside(node, folder))) paths.push(node)
  return { paths, links }
}
