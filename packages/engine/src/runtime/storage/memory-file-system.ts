import type { Clock } from '../../common/clock.ts'
import { invariant } from '../../common/errors.ts'
import type { Random } from '../../common/random.ts'
import { randomUuid } from '../../common/uuid.ts'
import type { FileSystem, PendingFile, PersistedFile } from '../../spi/file-system.ts'
import { fileDamaged } from '../../spi/file-system-errors.ts'
import { MemoryRecoverableFile } from './memory-recoverable-file.ts'
import type { MemoryStorage } from './memory-storage.ts'
import { nameOfTemporary, temporaryName } from './temporary-name.ts'

/** What the simulated file system needs: the disk it shows, time for the age of orphans, chance for temporary names. */
export interface MemoryFileSystemParts {
  readonly storage: MemoryStorage
  readonly clock: Clock
  readonly random: Random
}

/**
 * A file system in memory with the contract, and the hidden names, of the local one: deterministic, made to fail by
 * `storage.faults`, full by `storage.quotaBytes`, and cut off by `storage.cutPower()`. Paths are kept as given, without
 * a trailing slash.
 */
export function memoryFileSystem({ storage, clock, random }: MemoryFileSystemParts): FileSystem {
  const temporaryFor = (target: string) => folderOf(target) + temporaryName(nameOf(target), randomUuid(random))
  const below = (folder: string) => storage.paths().filter((path) => path.startsWith(`${trimmed(folder)}/`))

  return {
    scheme: 'memory',

    read: (path) => storage.step('read', path, () => storage.read(path)),

    write: (path, bytes) => storage.step('write', path, () => storage.put(path, bytes)),

    createExclusive: (path, bytes) =>
      storage.step('createExclusive', path, () => {
        if (storage.has(path)) return false
        storage.put(path, bytes)
        return true
      }),

    list: (folder) =>
      storage.step('list', folder, () =>
        below(folder)
          .filter((path) => nameOfTemporary(nameOf(path)) === undefined)
          .map((path) => storage.info(path)),
      ),

    delete: (path) =>
      storage.step('delete', path, () => {
        for (const file of [trimmed(path), ...below(path)]) storage.remove(file)
      }),

    openFile: (targetPath) =>
      storage.step(
        'openFile',
        targetPath,
        () => new MemoryRecoverableFile(storage, targetPath, temporaryFor(targetPath)),
      ),

    recoverFile: (file) =>
      storage.step('recoverFile', file.targetPath, () => {
        const { targetPath, lengthBytes } = file
        const leftBehind = temporaryPathOf(file)
        if (!storage.has(leftBehind)) return alreadyCommitted(storage, file)
        const bytes = storage.read(leftBehind)
        if (bytes.length < lengthBytes) {
          throw fileDamaged(
            leftBehind,
            `has ${bytes.length} bytes, but the checkpoint says ${lengthBytes} were durable`,
          )
        }
        const temporaryPath = temporaryFor(targetPath)
        storage.put(temporaryPath, bytes.subarray(0, lengthBytes))
        return { targetPath, lengthBytes, token: { temporaryPath, leftBehind } }
      }),

    commitFile: (file) =>
      storage.step('commitFile', file.targetPath, () => {
        commit(storage, file)
        const { leftBehind } = file.token
        if (typeof leftBehind === 'string') storage.remove(leftBehind)
      }),

    removeOrphans: (folder, keep, olderThanMs, mayRemove = () => true) =>
      storage.step('removeOrphans', folder, () => {
        const kept = new Set(keep.map(temporaryPathOf))
        const orphans = below(folder).filter((path) => {
          const name = nameOfTemporary(nameOf(path))
          if (name === undefined || kept.has(path) || !mayRemove(folderOf(path) + name)) return false
          return storage.info(path).modifiedMs <= clock.now() - olderThanMs
        })
        for (const path of orphans) storage.remove(path)
        return orphans.length
      }),
  }
}

function commit(storage: MemoryStorage, file: PendingFile): void {
  const temporaryPath = temporaryPathOf(file)
  if (storage.has(temporaryPath)) {
    expectLength(storage, temporaryPath, file.lengthBytes)
    storage.rename(temporaryPath, file.targetPath)
  } else alreadyCommitted(storage, file)
}

function alreadyCommitted(storage: MemoryStorage, file: PersistedFile): PendingFile {
  const { targetPath, lengthBytes } = file
  const temporaryPath = temporaryPathOf(file)
  if (!storage.has(targetPath)) throw fileDamaged(targetPath, `can't be committed: ${temporaryPath} is gone`)
  expectLength(storage, targetPath, lengthBytes)
  return { targetPath, lengthBytes, token: { temporaryPath } }
}

function expectLength(storage: MemoryStorage, path: string, lengthBytes: number): void {
  const { sizeBytes } = storage.info(path)
  if (sizeBytes !== lengthBytes)
    throw fileDamaged(path, `has ${sizeBytes} bytes instead of the ${lengthBytes} to commit`)
}

const trimmed = (path: string) => path.replace(/\/+$/, '')
const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/') + 1)
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

function temporaryPathOf(file: PersistedFile | PendingFile): string {
  const { temporaryPath } = file.token
  invariant(typeof temporaryPath === 'string', `The state of ${file.targetPath} isn't one of a memory file.`)
  return temporaryPath
}
