import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { homeDirectory } from '../places.ts'

/** Newest versions of applications that are kept. */
const KEPT_MODULES = 50

/** Files of a module, by path inside its folder. */
export type ModuleFiles = ReadonlyMap<string, Uint8Array>

/** A module's files on disk. */
export interface StoredModule {
  readonly folder: string
  /** Writes them again if they have been cleaned up: threads load the module whenever they restart. */
  ensure(): void
}

/**
 * Puts a module's files where its bare imports resolve as from `folder`. Named by content: the same files are written
 * once, however many processes ask at once.
 */
export function storeModule(files: ModuleFiles, folder: string): StoredModule {
  const name = digest(files)
  return { folder: writeModule(files, folder, name), ensure: () => void writeModule(files, folder, name) }
}

function writeModule(files: ModuleFiles, folder: string, name: string): string {
  const { cache, ownPackages } = cacheFor(folder)
  const target = join(cache, name)
  if (existsSync(target)) return target
  const temporary = mkdtempSync(join(cache, '.new-'))
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(temporary, path)), { recursive: true })
    writeFileSync(join(temporary, path), bytes)
  }
  if (ownPackages) linkOwnPackages(temporary)
  try {
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    // Another process has just stored the same.
    if (!existsSync(target)) throw error
  }
  prune(cache)
  return target
}

function digest(files: ModuleFiles): string {
  const hash = createHash('sha256')
  for (const [path, bytes] of files) hash.update(`${path}\0${bytes.length}\0`).update(bytes)
  return hash.digest('hex').slice(0, 24)
}

/**
 * Below the nearest `node_modules`, from where bare imports resolve as in the application's folder. Without one, or where
 * it can't be written, below the home with this command's own packages beside: then the application can import those.
 */
function cacheFor(folder: string): { cache: string; ownPackages: boolean } {
  const nodeModules = nearestNodeModules(folder)
  if (nodeModules !== undefined) {
    const cache = join(nodeModules, '.cache', 'millrace')
    if (makeFolder(cache)) return { cache, ownPackages: false }
  }
  const cache = join(homeDirectory(), 'cache', 'modules')
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  return { cache, ownPackages: true }
}

function nearestNodeModules(folder: string): string | undefined {
  const candidate = join(folder, 'node_modules')
  if (existsSync(candidate)) return candidate
  const parent = dirname(folder)
  return parent === folder ? undefined : nearestNodeModules(parent)
}

function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    return true
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** Links the packages this command runs with, so that an application without packages of its own shares them. */
export function linkOwnPackages(folder: string): void {
  const require = createRequire(import.meta.url)
  const scope = join(folder, 'node_modules', '@millrace')
  mkdirSync(scope, { recursive: true })
  const own = new URL('..', import.meta.url)
  symlinkSync(own, join(folder, 'node_modules', 'millrace'), 'junction')
  for (const [name, entry] of [
    ['engine', '@millrace/engine'],
    ['connectors', '@millrace/connectors/print'],
    ['service', '@millrace/service'],
  ] as const) {
    symlinkSync(packageFolderOf(require.resolve(entry)), join(scope, name), 'junction')
  }
}

function packageFolderOf(file: string): string {
  const folder = dirname(file)
  return existsSync(join(folder, 'package.json')) ? folder : packageFolderOf(folder)
}

function prune(cache: string): void {
  const folders = readdirSync(cache).map((name) => {
    const path = join(cache, name)
    return { path, changedMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }
  })
  const oldest = folders.sort((a, b) => b.changedMs - a.changedMs).slice(KEPT_MODULES)
  for (const { path } of oldest) rmSync(path, { recursive: true, force: true })
}
